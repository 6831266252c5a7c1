import type { Clock, Logger } from '#base';

/** What is counted of the kernel's state, by name. Equal numbers do not prove that nothing changed, but others prove that something did. */
export type Sizes = Readonly<Record<string, number>>;

export interface StateWatchOptions {
  clock: Clock;
  logger: Logger;
  /** Time between two looks. */
  periodMs: number;
  /** What the kernel has, and what it should have; undefined while that is being changed. */
  look: () => Promise<{ found: Sizes; expected: Sizes } | undefined>;
  onChange: (what: string) => void;
}

/** Looks now and then whether somebody else changed what the proxy wrote (upstream writes all of it anew as often). */
export function watchState({ clock, logger, periodMs, look, onChange }: StateWatchOptions) {
  let isActive = true;
  let running: Promise<void> = Promise.resolve();
  let cancel = () => {};
  const once = async () => {
    const seen = await look().catch((err: unknown) => {
      logger.warn('the state of the kernel cannot be read', { err });
      return undefined;
    });
    if (!isActive) return;
    const odd = Object.keys(seen?.expected ?? {}).filter(
      (name) => seen!.found[name] !== seen!.expected[name],
    );
    if (odd.length > 0) onChange(odd.join(', '));
    plan();
  };
  const plan = () => {
    cancel = clock.after(periodMs, () => {
      running = once();
    });
  };
  plan();
  return async () => {
    isActive = false;
    cancel();
    await running;
  };
}
