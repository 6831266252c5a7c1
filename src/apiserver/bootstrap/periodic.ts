import type { Clock, Logger, Startable } from '#base';

/** Runs a task again and again with a pause between runs; never two at once. Failures are logged and tried again. */
export class Periodic implements Startable {
  readonly #task: () => Promise<void>;
  readonly #options: { name: string; firstMs: number; everyMs: number; clock: Clock; logger: Logger };
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    task: () => Promise<void>,
    options: { name: string; firstMs: number; everyMs: number; clock: Clock; logger: Logger },
  ) {
    this.#task = task;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#arm(this.#options.firstMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
  }

  #arm(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      await this.#task();
    } catch (err) {
      if (!this.#stopped) this.#options.logger.warn(`${this.#options.name} failed; will run again`, { err });
    }
    if (!this.#stopped) this.#arm(this.#options.everyMs);
  }
}
