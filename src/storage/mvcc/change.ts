import type { KeyValue, StoreEvent } from '../store.js';

/** One key's change in a commit. */
export interface Change {
  key: string;
  /** The new pair; absent for a delete. */
  kv?: KeyValue;
  /** The pair before, when there was one. */
  prev?: KeyValue;
  /** Wall-clock time in ms at which the new pair deletes itself; absent for never. */
  expiresAt?: number;
}

/** All changes of one transaction, at one revision. */
export interface Commit {
  revision: number;
  changes: Change[];
}

/** The watch event of a change. */
export function eventOf(change: Change, revision: number, prevKv: boolean): StoreEvent {
  const prev = prevKv && change.prev !== undefined ? { prev: change.prev } : {};
  return change.kv === undefined
    ? { type: 'delete', key: change.key, modRevision: revision, ...prev }
    : { type: 'put', kv: change.kv, ...prev };
}
