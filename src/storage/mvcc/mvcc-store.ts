import { type Clock, systemClock } from '#base';
import { StoreError } from '../errors.js';
import type {
  KeyValue,
  RangeOptions,
  RangeResult,
  Store,
  TxnCondition,
  TxnOp,
  TxnResult,
  WatchBatch,
  WatchOptions,
} from '../store.js';
import type { Commit } from './change.js';
import { checkTxn, commitOf, failedConditions } from './evaluate.js';
import { ExpiryQueue } from './expiry.js';
import { type DeadVersion, MvccIndex } from './mvcc-index.js';
import { WatchHub } from './watch-hub.js';

const EXPIRY_RETRY_MS = 5_000;

/** Where commits are made durable. The store calls one method at a time. */
export interface Journal {
  /** Opens and reads everything back, in revision order. */
  open(restore: (commit: Commit) => void): Promise<{ revision: number; compactRevision: number }>;
  /** Makes the commits durable, all or none, in order. Resolves after the flush. */
  append(commits: Commit[]): Promise<void>;
  /** Notes the compaction and frees the space of the dead versions. */
  compact(revision: number, dead: DeadVersion[]): Promise<void>;
  close(): Promise<void>;
  size(): { totalBytes: number; usedBytes: number };
}

export interface MvccStoreOptions {
  clock?: Clock;
  /** Absent: nothing outlives the process, and a write is done when it is applied. */
  journal?: Journal;
  /** Superseded values kept in memory before half of the history is compacted unasked. Default 128 MiB. */
  maxHistoryBytes?: number;
}

interface PendingTxn {
  conditions: TxnCondition[];
  ops: TxnOp[];
  resolve(result: TxnResult): void;
  reject(error: unknown): void;
}

/**
 * The store over the in-memory index, with an optional journal. Reads, conditions and watches see only what is
 * durable. Writes that arrive while a flush is under way share the next one (group commit).
 */
export class MvccStore implements Store {
  readonly #index = new MvccIndex();
  readonly #hub = new WatchHub(this.#index);
  readonly #clock: Clock;
  readonly #journal: Journal | undefined;
  readonly #maxHistoryBytes: number;
  readonly #expiry: ExpiryQueue;
  #state: 'new' | 'open' | 'closed' = 'new';
  #pending: PendingTxn[] = [];
  #draining: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #autoCompacting = false;
  #stopping: Promise<void> | undefined;

  constructor(options: MvccStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal;
    this.#maxHistoryBytes = options.maxHistoryBytes ?? 128 * 1024 * 1024;
    this.#expiry = new ExpiryQueue(this.#clock, (keys) => this.#expire(keys));
  }

  async start(): Promise<void> {
    if (this.#state !== 'new') throw new StoreError('Closed', 'the store has been started before');
    if (this.#journal !== undefined) {
      const restored = await this.#journal.open((commit) => this.#restore(commit));
      this.#index.restore(restored.revision, 0);
      const dead = this.#index.compact(restored.compactRevision);
      if (dead.length > 0) await this.#journal.compact(restored.compactRevision, dead);
    }
    this.#state = 'open';
    this.#expiry.start();
  }

  #restore(commit: Commit): void {
    for (const change of commit.changes) {
      const prev = this.#index.current(change.key);
      if (prev !== undefined) change.prev = prev;
    }
    this.#applied(commit);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const opened = this.#state === 'open';
    this.#state = 'closed';
    this.#expiry.stop();
    await this.#draining;
    await this.#compacting.catch(() => undefined);
    this.#hub.close();
    if (opened) await this.#journal?.close();
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw new StoreError('Closed', 'the store is not open');
  }

  async get(key: string, options: { revision?: number } = {}): Promise<{ kv?: KeyValue; revision: number }> {
    this.#assertOpen();
    const asked = options.revision ?? 0;
    const kv = this.#index.get(key, asked);
    const revision = asked === 0 ? this.#index.revision : asked;
    return kv === undefined ? { revision } : { kv, revision };
  }

  current(key: string): KeyValue | undefined {
    this.#assertOpen();
    return this.#index.current(key);
  }

  async range(start: string, end: string, options?: RangeOptions): Promise<RangeResult> {
    this.#assertOpen();
    return this.#index.range(start, end, options);
  }

  async txn(conditions: TxnCondition[], ops: TxnOp[]): Promise<TxnResult> {
    this.#assertOpen();
    checkTxn(conditions, ops);
    if (this.#journal === undefined || ops.length === 0) return this.#txnNow(conditions, ops);
    return new Promise((resolve, reject) => {
      this.#pending.push({ conditions, ops, resolve, reject });
      this.#draining ??= this.#drain(this.#journal!);
    });
  }

  #txnNow(conditions: TxnCondition[], ops: TxnOp[]): TxnResult {
    const lookup = (key: string) => this.#index.current(key);
    const failed = failedConditions(conditions, lookup, this.#index.revision);
    if (failed !== undefined) return failed;
    const commit = commitOf(ops, lookup, this.#index.revision + 1, this.#clock.now());
    if (commit === undefined) return { ok: true, revision: this.#index.revision };
    this.#applied(commit);
    return { ok: true, revision: commit.revision };
  }

  async #drain(journal: Journal): Promise<void> {
    // Everything asked for in this turn of the event loop joins the first flush.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      await this.#commitBatch(journal, batch);
    }
    this.#draining = undefined;
  }

  async #commitBatch(journal: Journal, batch: PendingTxn[]): Promise<void> {
    try {
      const { commits, results } = this.#evaluateBatch(batch);
      if (commits.length > 0) await journal.append(commits);
      for (const commit of commits) this.#applied(commit);
      batch.forEach((txn, i) => {
        txn.resolve(results[i]!);
      });
    } catch (error) {
      for (const txn of batch) txn.reject(error);
    }
  }

  /** Evaluates in order; later transactions of the batch see the writes of earlier ones. */
  #evaluateBatch(batch: PendingTxn[]): { commits: Commit[]; results: TxnResult[] } {
    const overlay = new Map<string, KeyValue | undefined>();
    const lookup = (key: string) => (overlay.has(key) ? overlay.get(key) : this.#index.current(key));
    const commits: Commit[] = [];
    const now = this.#clock.now();
    let revision = this.#index.revision;
    const results = batch.map(({ conditions, ops }): TxnResult => {
      const failed = failedConditions(conditions, lookup, revision);
      if (failed !== undefined) return failed;
      const commit = commitOf(ops, lookup, revision + 1, now);
      if (commit !== undefined) {
        commits.push(commit);
        revision = commit.revision;
        for (const change of commit.changes) overlay.set(change.key, change.kv);
      }
      return { ok: true, revision };
    });
    return { commits, results };
  }

  #applied(commit: Commit): void {
    this.#index.apply(commit);
    for (const change of commit.changes) this.#expiry.note(change);
    this.#hub.publish(commit);
    if (this.#state === 'open') this.#boundHistory();
  }

  #boundHistory(): void {
    const { totalBytes, liveBytes } = this.#index.bytes;
    if (totalBytes - liveBytes <= this.#maxHistoryBytes || this.#autoCompacting) return;
    this.#autoCompacting = true;
    this.compact(this.#index.middleRevision())
      // The journal has noted its own failure; the next commit tries again.
      .catch(() => undefined)
      .finally(() => {
        this.#autoCompacting = false;
      });
  }

  #expire(keys: string[]): void {
    for (const key of keys) {
      const kv = this.#index.current(key);
      if (kv === undefined) continue;
      this.txn([{ key, modRevision: kv.modRevision }], [{ op: 'delete', key }]).catch(() => {
        // A full disk or a closing store: the key lives on and is tried again.
        if (this.#state === 'open') this.#expiry.retry(key, EXPIRY_RETRY_MS);
      });
    }
  }

  watch(start: string, end: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    this.#assertOpen();
    return this.#hub.open(start, end, options);
  }

  requestProgress(watch?: AsyncIterable<WatchBatch>): void {
    this.#hub.requestProgress(watch);
  }

  async revision(): Promise<number> {
    this.#assertOpen();
    return this.#index.revision;
  }

  /** A revision at or below an earlier compaction is not an error. */
  compact(revision: number): Promise<void> {
    const turn = this.#compacting.catch(() => undefined).then(() => this.#compactNow(revision));
    this.#compacting = turn;
    return turn;
  }

  async #compactNow(revision: number): Promise<void> {
    this.#assertOpen();
    const dead = this.#index.compact(revision);
    await this.#journal?.compact(revision, dead);
  }

  async size(): Promise<{ totalBytes: number; usedBytes: number }> {
    this.#assertOpen();
    if (this.#journal !== undefined) return this.#journal.size();
    const { totalBytes, liveBytes } = this.#index.bytes;
    return { totalBytes, usedBytes: liveBytes };
  }
}
