import { backoffDelay, type Logger, sleep } from '#base';
import { CompactedError } from '../errors.js';
import type { StoreEvent, WatchBatch, WatchOptions } from '../store.js';
import type { Connection, WatchStream } from './connection.js';
import type { Keys } from './keys.js';
import type { WatchResponse, WireEvent } from './messages.js';

/** Batches held for a slow reader before the stream is paused, which makes etcd hold back. */
const HIGH_WATER = 64;
const BACKOFF = { initialMs: 50, maxMs: 5_000 };

/**
 * One watch on a gRPC stream of its own. A broken stream is opened again after the last delivered revision, so
 * that nothing is lost or repeated.
 */
export class EtcdWatch implements AsyncIterableIterator<WatchBatch> {
  readonly start: string;
  readonly end: string;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #logger: Logger;
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  #next: number;
  #queue: WatchBatch[] = [];
  #fragments: WireEvent[] = [];
  #stream: WatchStream | undefined;
  #created = false;
  #wantsProgress = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(
    connection: Connection,
    keys: Keys,
    logger: Logger,
    range: { start: string; end: string; from: number },
    options: WatchOptions,
    onEnd: (watch: EtcdWatch) => void,
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#logger = logger;
    this.#options = options;
    this.start = range.start;
    this.end = range.end;
    this.#next = range.from;
    const abort = () => this.finish();
    options.signal.addEventListener('abort', abort, { once: true });
    this.#stop.signal.addEventListener('abort', () => {
      options.signal.removeEventListener('abort', abort);
      onEnd(this);
    });
    if (options.signal.aborted) this.finish();
    else void this.#run();
  }

  /** The last revision up to which everything has been received. */
  get delivered(): number {
    return this.#next - 1;
  }

  /** Keeps a stream open until the watch ends. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const { stream, index } = this.#connection.openWatch();
      if (await this.#follow(stream)) attempt = 0;
      if (signal.aborted) return;
      this.#connection.rotate(index);
      await sleep(backoffDelay(BACKOFF, attempt), signal);
    }
  }

  /** Reads one stream to its end; true when it had delivered something. */
  #follow(stream: WatchStream): Promise<boolean> {
    this.#stream = stream;
    this.#created = false;
    this.#fragments = [];
    return new Promise((resolve) => {
      const done = (error?: Error) => {
        if (error !== undefined && !this.#stop.signal.aborted) {
          this.#logger.debug('etcd watch stream ended, opening another', { start: this.start, err: error });
        }
        resolve(this.#created);
        // Nothing is written to a stream that is gone.
        if (this.#stream === stream) this.#created = false;
      };
      stream.on('data', (response: WatchResponse) => this.#receive(response, stream));
      stream.on('error', done);
      stream.on('end', () => done());
      this.#create(stream);
    });
  }

  #create(stream: WatchStream): void {
    stream.write({
      create_request: {
        key: this.#keys.encode(this.start),
        range_end: this.#keys.encode(this.end),
        start_revision: this.#next,
        progress_notify: true,
        prev_kv: this.#options.prevKv === true,
        fragment: true,
      },
    });
  }

  #receive(response: WatchResponse, stream: WatchStream): void {
    if (this.#stream !== stream || this.#stop.signal.aborted) return;
    if (response.compact_revision > 0) return this.finish(new CompactedError(response.compact_revision));
    if (response.canceled) {
      this.#logger.warn('etcd cancelled a watch', { start: this.start, reason: response.cancel_reason });
      stream.cancel();
      return;
    }
    if (response.created) {
      this.#created = true;
      if (this.#wantsProgress) this.askProgress();
      return;
    }
    if (response.events.length > 0) this.#receiveEvents(response);
    else this.progress(response.header.revision);
  }

  #receiveEvents(response: WatchResponse): void {
    this.#fragments.push(...response.events);
    if (response.fragment) return;
    const events = this.#fragments.map((event) => this.#event(event));
    this.#fragments = [];
    // The header's revision may be ahead of what a watch that catches up has been sent: only events count.
    const last = events[events.length - 1]!;
    const revision = last.type === 'put' ? last.kv.modRevision : last.modRevision;
    this.#next = Math.max(this.#next, revision + 1);
    this.#push({ events, revision });
  }

  #event({ type, kv, prev_kv }: WireEvent): StoreEvent {
    const prev = prev_kv === null ? {} : { prev: this.#keys.pair(prev_kv) };
    if (type === 'PUT') return { type: 'put', kv: this.#keys.pair(kv), ...prev };
    return { type: 'delete', key: this.#keys.decode(kv.key), modRevision: kv.mod_revision, ...prev };
  }

  /** Everything up to `revision` is known to have been received. */
  progress(revision: number): void {
    if (this.#stop.signal.aborted || this.#fragments.length > 0) return;
    this.#wantsProgress = false;
    this.#next = Math.max(this.#next, revision + 1);
    this.#push({ events: [], revision });
  }

  /** Asks etcd to report progress on this stream (etcd that does so safely only). */
  askProgress(): void {
    if (this.#stop.signal.aborted) return;
    this.#wantsProgress = true;
    if (this.#created) this.#stream?.write({ progress_request: {} });
  }

  #push(batch: WatchBatch): void {
    this.#queue.push(batch);
    if (this.#queue.length >= HIGH_WATER) this.#stream?.pause();
    this.#wakeUp();
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Ends the watch; what has been received is still delivered before an error, not after an abort. */
  finish(error?: Error): void {
    if (this.#stop.signal.aborted) return;
    this.#error = error;
    if (error === undefined) this.#queue = [];
    this.#stop.abort();
    // grpc-js reports the cancellation as an error event; `#follow` still listens.
    this.#stream?.cancel();
    this.#wakeUp();
  }

  async next(): Promise<IteratorResult<WatchBatch>> {
    for (;;) {
      const batch = this.#queue.shift();
      if (batch !== undefined) {
        if (this.#queue.length === 0) this.#stream?.resume();
        return { value: batch, done: false };
      }
      if (this.#error !== undefined) {
        const error = this.#error;
        this.#error = undefined;
        throw error;
      }
      if (this.#stop.signal.aborted) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<WatchBatch>> {
    this.finish();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
