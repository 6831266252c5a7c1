import type { Clock, Logger, Startable } from '#base';
import type { Store } from '#storage';

/** Upstream's --etcd-compaction-interval. */
const DEFAULT_INTERVAL_MS = 5 * 60_000;

/**
 * Lets the store forget what was superseded more than one interval ago: at each tick it compacts to the revision
 * seen at the tick before, so that lists being paged and watches being resumed have between one and two
 * intervals. Several servers on one store may do this side by side.
 */
export class Compactor implements Startable {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  #previous = 0;
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  /** `intervalMs` 0 never compacts. */
  constructor(store: Store, clock: Clock, logger: Logger, intervalMs: number = DEFAULT_INTERVAL_MS) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#intervalMs = intervalMs;
  }

  async start(): Promise<void> {
    if (this.#intervalMs > 0) this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#running;
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#intervalMs, () => {
      this.#running = this.#tick().finally(() => {
        if (!this.#stopped) this.#arm();
      });
    });
  }

  async #tick(): Promise<void> {
    try {
      const revision = await this.#store.revision();
      if (this.#previous > 0) await this.#store.compact(this.#previous);
      this.#previous = revision;
    } catch (err) {
      this.#logger.warn('the store was not compacted', { revision: this.#previous, err });
    }
  }
}
