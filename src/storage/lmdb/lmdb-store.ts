import { MvccStore } from '../mvcc/mvcc-store.js';
import type { Store } from '../store.js';
import { LmdbJournal } from './journal.js';
import type { LmdbStoreOptions } from './options.js';

/** The store over a revision log in LMDB; the state that is served stays in memory. */
export function openLmdbStore(options: LmdbStoreOptions): Store {
  return new MvccStore({
    journal: new LmdbJournal(options.directory, options.logger),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.maxHistoryBytes === undefined ? {} : { maxHistoryBytes: options.maxHistoryBytes }),
  });
}
