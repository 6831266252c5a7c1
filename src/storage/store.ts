/**
 * The store contract: etcd v3's model reduced to what an API server needs. One key space of byte values, one
 * total order of revisions, compare-and-put on the modification revision, ranges at a revision, and watches
 * that deliver every change exactly once in commit order.
 *
 * Storage sees keys and bytes, never kinds. Keys are the ones kube-apiserver uses
 * (`/registry/services/specs/<ns>/<name>`), so that data can move between ours and a real cluster.
 *
 * Revisions are integers below 2^53; revision 0 means "absent" in preconditions and "latest" in reads.
 * Buffers that cross this contract are immutable by convention: neither side writes to them again.
 */
export interface KeyValue {
  key: string;
  value: Buffer;
  /** Revision of the write that created this incarnation of the key. */
  createRevision: number;
  /** Revision of the last write to the key: the object's resourceVersion. */
  modRevision: number;
  /** Number of writes since creation, 1 for a new key. */
  version: number;
}

export interface RangeOptions {
  /** Read the state as of this revision; 0 or absent reads the latest. Throws CompactedError or FutureRevisionError. */
  revision?: number;
  /** At most this many pairs, in key order; 0 or absent means all. */
  limit?: number;
  /** Return pairs without values (value is an empty buffer). */
  keysOnly?: boolean;
}

export interface RangeResult {
  kvs: KeyValue[];
  /** Number of keys in the whole interval, also when `limit` cut the answer. */
  count: number;
  /** True when `limit` cut the answer. */
  more: boolean;
  /** The revision this answer is consistent with (the store's latest when none was asked). */
  revision: number;
}

export type StoreEvent =
  | {
      type: 'put';
      kv: KeyValue /** The state before, when `prevKv` was asked and there was one. */;
      prev?: KeyValue;
    }
  | { type: 'delete'; key: string; modRevision: number; prev?: KeyValue };

/** All events of one or more consecutive commits, in commit order; never splits a transaction. */
export interface WatchBatch {
  events: StoreEvent[];
  /** Everything up to and including this revision has been delivered. May come with no events (progress). */
  revision: number;
}

export interface WatchOptions {
  /** First revision to deliver; 0 or absent means "from now on". Throws CompactedError through the iterator when too old. */
  startRevision?: number;
  prevKv?: boolean;
  signal: AbortSignal;
}

export interface TxnCondition {
  key: string;
  /** The key's modRevision must equal this; 0 requires that the key is absent. */
  modRevision: number;
}

export type TxnOp =
  | {
      op: 'put';
      key: string;
      value: Buffer /** Seconds until the key deletes itself (Events). */;
      ttlSeconds?: number;
    }
  | { op: 'delete'; key: string };

export type TxnResult =
  | { ok: true; revision: number }
  /** A condition did not hold; `current` holds the present pair of every condition's key (absent keys left out). */
  | { ok: false; revision: number; current: KeyValue[] };

/**
 * Implementations: memory (tests, throw-away servers), lmdb (embedded default), etcd. All pass
 * `test/contract/store`. Errors are the classes of `errors.ts`.
 */
export interface Store {
  /** Opens files or connections; resolves when reads are served. */
  start(): Promise<void>;
  /** Flushes and releases everything; open watches end. Idempotent. */
  stop(): Promise<void>;
  get(key: string, options?: { revision?: number }): Promise<{ kv?: KeyValue; revision: number }>;
  /** What `get` would say of the latest state, at once. Absent where other processes write to the same store. */
  current?(key: string): KeyValue | undefined;
  /** All keys in `[start, end)`, in byte order of the keys. Use `prefixEnd` for prefixes. */
  range(start: string, end: string, options?: RangeOptions): Promise<RangeResult>;
  /**
   * Applies all operations at one new revision if every condition holds. Resolves only after the write is
   * durable (flushed to the disk or acknowledged by a quorum). An empty `ops` checks conditions only.
   */
  txn(conditions: TxnCondition[], ops: TxnOp[]): Promise<TxnResult>;
  /** Changes of keys in `[start, end)`. The watch is registered before this returns. Ends quietly when aborted. */
  watch(start: string, end: string, options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Asks one watch (as `watch` returned it), or every open one, for a progress batch up to at least the present revision. */
  requestProgress(watch?: AsyncIterable<WatchBatch>): void;
  /** The latest committed revision, read linearizably (a quorum read where several servers share the store). */
  revision(): Promise<number>;
  /**
   * Forgets history before `revision`, which stays readable; reads and watches below it fail with CompactedError.
   * At or below an earlier compaction it does nothing; a future revision throws FutureRevisionError.
   */
  compact(revision: number): Promise<void>;
  /** Bytes on disk (or in memory) and in use, for metrics. */
  size(): Promise<{ totalBytes: number; usedBytes: number }>;
}

/** The end of the interval of all keys with this prefix: the prefix with its last byte incremented. */
export function prefixEnd(prefix: string): string {
  const bytes = Buffer.from(prefix, 'utf8');
  for (let i = bytes.length - 1; i >= 0; i--) {
    if (bytes[i]! < 0x7f) {
      bytes[i]!++;
      return bytes.subarray(0, i + 1).toString('utf8');
    }
  }
  throw new RangeError(`no end for prefix ${JSON.stringify(prefix)}`);
}
