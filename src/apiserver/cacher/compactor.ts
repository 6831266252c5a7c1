import { type Clock, type Logger, type Startable, systemClock } from '#base';
import type { Store } from '#storage';

/** Where the servers that share a store agree on who compacts; upstream's key, outside of `/registry`. */
const KEY = 'compact_rev_key';

export interface CompactorOptions {
  store: Store;
  /** Upstream's --etcd-compaction-interval: history is kept for one to two intervals. Default 5 minutes. */
  intervalMs?: number;
  clock?: Clock;
  logger: Logger;
}

/**
 * Forgets old history at an interval. Of several servers on one store, whoever first writes the shared key in a
 * round compacts in it, so the key's value is always the revision of a round ago (upstream: etcd3/compact.go).
 */
export function createCompactor(options: CompactorOptions): Startable {
  return new Compactor(options);
}

class Compactor implements Startable {
  readonly #options: CompactorOptions;
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;
  #round: Promise<void> = Promise.resolve();
  #stopped = false;
  /** The shared key's revision as of the last round, and the store's revision then. */
  #seen: { key: number; store: number } | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async start(): Promise<void> {
    this.#seen = await this.#look();
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#round;
  }

  #arm(): void {
    this.#cancel = this.#clock.after(this.#options.intervalMs ?? 5 * 60_000, () => {
      this.#round = this.#run()
        .catch((error: unknown) => this.#options.logger.warn('could not compact the store', { err: error }))
        .finally(() => {
          if (!this.#stopped) this.#arm();
        });
    });
  }

  async #look(): Promise<{ key: number; store: number }> {
    const { kv, revision } = await this.#options.store.get(KEY);
    return { key: kv?.modRevision ?? 0, store: revision };
  }

  async #run(): Promise<void> {
    const { store, logger } = this.#options;
    // A start that could not look begins with this round.
    const seen = this.#seen ?? (await this.#look());
    const value = Buffer.from(String(seen.store));
    const claimed = await store.txn([{ key: KEY, modRevision: seen.key }], [{ op: 'put', key: KEY, value }]);
    if (!claimed.ok) {
      this.#seen = { key: claimed.current[0]?.modRevision ?? 0, store: claimed.revision };
      return;
    }
    this.#seen = { key: claimed.revision, store: claimed.revision };
    await store.compact(seen.store);
    logger.debug('compacted the store', { revision: seen.store });
  }
}
