import { backoffDelay, type Logger, sleep } from '#base';
import { CompactedError, FutureRevisionError, StoreError } from '../errors.js';
import { checkTxn } from '../mvcc/evaluate.js';
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
import { Connection, revisionRefusal } from './connection.js';
import { EtcdWatch } from './etcd-watch.js';
import { Keys } from './keys.js';
import { Leases } from './leases.js';
import type {
  RangeRequest,
  RangeResponse,
  RequestOp,
  StatusResponse,
  TxnRequest,
  TxnResponse,
} from './messages.js';
import type { EtcdStoreOptions } from './options.js';
import { Tail } from './tail.js';
import { reportsProgressSafely } from './version.js';

const START_ATTEMPTS = 8;
const START_BACKOFF = { initialMs: 100, maxMs: 2_000 };
/** How long progress is looked for before the asker has to ask again, and how often. */
const PROVE_MS = 2_000;
const PROVE_AGAIN_MS = 10;
/** Pairs per message when a whole range is asked for, as kube-apiserver. */
const PAGE = 10_000;

/** An etcd v3 cluster as the store. */
export class EtcdStore implements Store {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #leases: Leases;
  readonly #logger: Logger;
  readonly #watches = new Set<EtcdWatch>();
  readonly #proving = new WeakSet<EtcdWatch>();
  readonly #prefix: string;
  #closed = false;
  /** Stands in for progress reports that cannot be trusted. */
  #tail: Tail | undefined;
  /** The newest revision that any answer has shown to this process. */
  #seen = 0;
  #revisionRead: { running: Promise<number>; next: Promise<number> | undefined } | undefined;

  constructor(options: EtcdStoreOptions) {
    this.#connection = new Connection(options);
    this.#prefix = options.prefix ?? '';
    this.#keys = new Keys(this.#prefix);
    this.#leases = new Leases(this.#connection);
    this.#logger = options.logger;
  }

  async start(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const safe = await this.#probe();
        const revision = await this.revision();
        if (!safe)
          this.#tail = new Tail((from, signal) => this.#watchAll(from, signal), this.#prefix, revision);
        return;
      } catch (error) {
        if (attempt >= START_ATTEMPTS || this.#closed) {
          await this.stop();
          throw error;
        }
        await sleep(backoffDelay(START_BACKOFF, attempt));
      }
    }
  }

  /** Asks every endpoint for its version: progress is only asked for when all that answer report it safely. */
  async #probe(): Promise<boolean> {
    const answers = await Promise.allSettled(
      Array.from({ length: this.#connection.endpointCount }, (_, endpoint) =>
        this.#connection.call<StatusResponse>('Maintenance', 'Status', {}, { read: true, endpoint }),
      ),
    );
    const versions = answers.filter((a) => a.status === 'fulfilled').map((a) => a.value.version);
    if (versions.length === 0) throw (answers[0] as PromiseRejectedResult).reason;
    const safe = versions.every(reportsProgressSafely);
    this.#logger.info('connected to etcd', { versions, safeProgress: safe });
    return safe;
  }

  /** Every key of the cluster, as it is on the wire. */
  #watchAll(from: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    const range = { start: '\0', end: '\0', from };
    return new EtcdWatch(this.#connection, new Keys(''), this.#logger, range, { signal }, () => undefined);
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#tail?.stop();
    for (const watch of [...this.#watches]) watch.finish();
    this.#connection.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('Closed', 'the store is not open');
  }

  #saw(revision: number): number {
    if (revision > this.#seen) this.#seen = revision;
    return revision;
  }

  async #range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    try {
      const response = await this.#connection.call<RangeResponse>('KV', 'Range', request, { read: true });
      this.#saw(response.header.revision);
      return response;
    } catch (error) {
      throw await this.#revisionError(error);
    }
  }

  /** etcd says that a revision is gone or not there yet, but not which ones are. */
  async #revisionError(error: unknown): Promise<unknown> {
    const refusal = revisionRefusal(error);
    if (refusal === 'future') return new FutureRevisionError(await this.revision());
    if (refusal === 'compacted') return new CompactedError(await this.#compactRevision());
    return error;
  }

  /** A watch from the beginning of time is the one request that is answered with the compact revision. */
  async #compactRevision(): Promise<number> {
    const controller = new AbortController();
    const timeout = setTimeout(() => controller.abort(), 5_000);
    try {
      const options = { startRevision: 1, signal: controller.signal };
      for await (const batch of this.watch('\0', '\0\0', options)) if (batch.revision > 0) break;
      return 0;
    } catch (error) {
      if (error instanceof CompactedError) return error.compactRevision;
      throw error;
    } finally {
      clearTimeout(timeout);
      controller.abort();
    }
  }

  async get(key: string, options: { revision?: number } = {}): Promise<{ kv?: KeyValue; revision: number }> {
    const asked = options.revision ?? 0;
    const response = await this.#range({ key: this.#keys.encode(key), revision: asked });
    const revision = asked === 0 ? response.header.revision : asked;
    const wire = response.kvs[0];
    return wire === undefined ? { revision } : { kv: this.#keys.pair(wire), revision };
  }

  async range(start: string, end: string, options: RangeOptions = {}): Promise<RangeResult> {
    const limit = options.limit ?? 0;
    const kvs: KeyValue[] = [];
    let revision = options.revision ?? 0;
    let count = -1;
    for (let cursor = start; ; ) {
      const response = await this.#range({
        key: this.#keys.encode(cursor),
        range_end: this.#keys.encode(end),
        revision,
        limit: limit > 0 ? Math.min(PAGE, limit - kvs.length) : PAGE,
        keys_only: options.keysOnly === true,
      });
      // Later pages are read at the revision of the first, and count only what is left.
      if (revision === 0) revision = response.header.revision;
      if (count < 0) count = response.count;
      for (const wire of response.kvs) kvs.push(this.#keys.pair(wire));
      if (!response.more || (limit > 0 && kvs.length >= limit)) break;
      cursor = `${kvs[kvs.length - 1]!.key}\0`;
    }
    return { kvs, count, more: count > kvs.length, revision };
  }

  async txn(conditions: TxnCondition[], ops: TxnOp[]): Promise<TxnResult> {
    this.#assertOpen();
    checkTxn(conditions, ops);
    try {
      return await this.#txnOnce(conditions, ops);
    } catch (error) {
      // A shared lease that ended early (an operator revoked it): nothing was written, so try once more.
      const lost = error instanceof StoreError && error.message.includes('requested lease not found');
      if (!lost) throw error;
      for (const op of ops)
        if (op.op === 'put' && op.ttlSeconds !== undefined) this.#leases.forget(op.ttlSeconds);
      return this.#txnOnce(conditions, ops);
    }
  }

  async #txnOnce(conditions: TxnCondition[], ops: TxnOp[]): Promise<TxnResult> {
    const keys = [...new Set(conditions.map((c) => c.key))];
    const request: TxnRequest = {
      compare: conditions.map((c) => ({
        result: 'EQUAL',
        target: 'MOD',
        key: this.#keys.encode(c.key),
        mod_revision: c.modRevision,
      })),
      success: await Promise.all(ops.map((op) => this.#requestOp(op))),
      failure: keys.map((key) => ({ request_range: { key: this.#keys.encode(key) } })),
    };
    const response = await this.#connection.call<TxnResponse>('KV', 'Txn', request, {
      read: ops.length === 0,
    });
    const revision = this.#saw(response.header.revision);
    if (response.succeeded) return { ok: true, revision };
    const found = response.responses.flatMap((r) => r.response_range?.kvs ?? []);
    return { ok: false, revision, current: found.map((wire) => this.#keys.pair(wire)) };
  }

  async #requestOp(op: TxnOp): Promise<RequestOp> {
    const key = this.#keys.encode(op.key);
    if (op.op === 'delete') return { request_delete_range: { key } };
    const lease =
      op.ttlSeconds !== undefined && op.ttlSeconds > 0 ? await this.#leases.get(op.ttlSeconds) : undefined;
    return { request_put: { key, value: op.value, ...(lease === undefined ? {} : { lease }) } };
  }

  /**
   * "From now on" means after the newest revision this process has seen: etcd registers the watch a moment
   * later, and what happens until then must not be lost.
   */
  watch(start: string, end: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    this.#assertOpen();
    const asked = options.startRevision ?? 0;
    const range = { start, end, from: asked > 0 ? asked : this.#seen + 1 };
    const watch = new EtcdWatch(this.#connection, this.#keys, this.#logger, range, options, (ended) => {
      this.#watches.delete(ended);
      this.#tail?.delete(ended);
    });
    if (!options.signal.aborted) {
      this.#watches.add(watch);
      this.#tail?.add(watch);
    }
    return watch;
  }

  requestProgress(only?: AsyncIterable<WatchBatch>): void {
    if (this.#closed) return;
    for (const watch of only instanceof EtcdWatch ? [only] : this.#watches) {
      if (this.#tail === undefined) watch.askProgress();
      else this.#prove(this.#tail, watch);
    }
  }

  #prove(tail: Tail, watch: EtcdWatch): void {
    if (this.#proving.has(watch)) return;
    this.#proving.add(watch);
    this.#proveProgress(tail, watch)
      .catch((error: unknown) => this.#logger.debug('etcd progress is not known', { err: error }))
      .finally(() => this.#proving.delete(watch));
  }

  /** Reports to the watch what the tail proves, until that is as new as the store was when it was asked. */
  async #proveProgress(tail: Tail, watch: EtcdWatch): Promise<void> {
    const target = await this.revision();
    const deadline = Date.now() + PROVE_MS;
    while (watch.delivered < target && Date.now() < deadline && this.#watches.has(watch)) {
      const proven = await tail.proven(watch);
      if (proven !== undefined) watch.progress(proven);
      else await Promise.race([tail.moved(), sleep(PROVE_AGAIN_MS)]);
    }
    // Nothing happened since: that is progress as well.
    if (watch.delivered >= target) watch.progress(watch.delivered);
  }

  /** Callers share one quorum read, but never one that began before they asked. */
  revision(): Promise<number> {
    const read = this.#revisionRead;
    if (read === undefined) return this.#startRevisionRead();
    read.next ??= read.running.then(
      () => this.#startRevisionRead(),
      () => this.#startRevisionRead(),
    );
    return read.next;
  }

  #startRevisionRead(): Promise<number> {
    const running = this.#range({ key: Buffer.from('\0'), count_only: true }).then((r) => r.header.revision);
    const read = { running, next: undefined };
    this.#revisionRead = read;
    const done = () => {
      if (this.#revisionRead === read && read.next === undefined) this.#revisionRead = undefined;
    };
    running.then(done, done);
    return running;
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    try {
      await this.#connection.call('KV', 'Compact', { revision, physical: false }, { read: false });
    } catch (error) {
      if (revisionRefusal(error) === 'compacted') return;
      throw await this.#revisionError(error);
    }
  }

  async size(): Promise<{ totalBytes: number; usedBytes: number }> {
    this.#assertOpen();
    const status = await this.#connection.call<StatusResponse>('Maintenance', 'Status', {}, { read: true });
    return { totalBytes: status.dbSize, usedBytes: status.dbSizeInUse };
  }
}
