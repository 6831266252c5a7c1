import type { Clock } from '#base';
import { MvccStore } from '../mvcc/mvcc-store.js';
import type { Store } from '../store.js';

export interface MemoryStoreOptions {
  clock?: Clock;
  /** Superseded values kept before half of the history is compacted unasked. Default 128 MiB. */
  maxHistoryBytes?: number;
}

/** A store that lives and dies with the process: tests and throw-away servers. */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MvccStore(options);
}
