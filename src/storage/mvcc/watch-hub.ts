import type { StoreError } from '../errors.js';
import type { StoreEvent, WatchBatch, WatchOptions } from '../store.js';
import { type Commit, eventOf } from './change.js';
import type { MvccIndex } from './mvcc-index.js';

/** Bound of one batch, so that a watch that starts far back does not deliver all of history in one piece. */
const MAX_BATCH_EVENTS = 5_000;

/**
 * A watch holds a position in the index's commits, not a queue: a slow reader costs nothing, and one that is
 * overtaken by compaction learns so.
 */
class HubWatch implements AsyncIterableIterator<WatchBatch> {
  readonly start: string;
  readonly end: string;
  readonly #index: MvccIndex;
  readonly #prevKv: boolean;
  readonly #onEnd: (watch: HubWatch) => void;
  #next: number;
  #dirty: boolean;
  #progress = false;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(
    index: MvccIndex,
    range: { start: string; end: string },
    options: WatchOptions,
    onEnd: (watch: HubWatch) => void,
  ) {
    this.#index = index;
    this.start = range.start;
    this.end = range.end;
    this.#prevKv = options.prevKv === true;
    this.#onEnd = onEnd;
    const asked = options.startRevision ?? 0;
    this.#next = asked > 0 ? asked : index.revision + 1;
    this.#dirty = this.#next <= index.revision;
  }

  #wants(key: string): boolean {
    return key >= this.start && key < this.end;
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** Called for every commit, in order. */
  notice(commit: Commit): void {
    if (this.#dirty || commit.revision < this.#next) return;
    if (commit.changes.some((change) => this.#wants(change.key))) {
      this.#dirty = true;
      this.#wakeUp();
    } else this.#next = commit.revision + 1;
  }

  requestProgress(): void {
    this.#progress = true;
    this.#wakeUp();
  }

  finish(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#onEnd(this);
    this.#wakeUp();
  }

  async next(): Promise<IteratorResult<WatchBatch>> {
    for (;;) {
      if (this.#ended) return this.#done();
      const batch = this.#take();
      if (batch !== undefined) return { value: batch, done: false };
      if (this.#ended) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #done(): IteratorResult<WatchBatch> {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { value: undefined, done: true };
  }

  #take(): WatchBatch | undefined {
    const events: StoreEvent[] = [];
    if (this.#dirty) {
      try {
        this.#collect(events);
      } catch (error) {
        this.finish(error as Error);
        return undefined;
      }
    }
    if (events.length === 0 && !this.#progress) return undefined;
    // A watch that starts in the future has delivered "everything up to" the present as well.
    const revision = Math.max(this.#dirty ? this.#next - 1 : this.#index.revision, 1);
    if (!this.#dirty) this.#progress = false;
    return { events, revision };
  }

  #collect(events: StoreEvent[]): void {
    this.#dirty = false;
    for (const commit of this.#index.commitsFrom(this.#next)) {
      if (events.length >= MAX_BATCH_EVENTS) {
        this.#dirty = true;
        return;
      }
      for (const change of commit.changes) {
        if (this.#wants(change.key)) events.push(eventOf(change, commit.revision, this.#prevKv));
      }
      this.#next = commit.revision + 1;
    }
    this.#next = Math.max(this.#next, this.#index.revision + 1);
  }

  async return(): Promise<IteratorResult<WatchBatch>> {
    this.finish();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** All open watches over one index. */
export class WatchHub {
  readonly #index: MvccIndex;
  readonly #watches = new Set<HubWatch>();

  constructor(index: MvccIndex) {
    this.#index = index;
  }

  get size(): number {
    return this.#watches.size;
  }

  open(start: string, end: string, options: WatchOptions): AsyncIterable<WatchBatch> {
    const watch = new HubWatch(this.#index, { start, end }, options, (ended) => {
      this.#watches.delete(ended);
      options.signal.removeEventListener('abort', abort);
    });
    const abort = () => watch.finish();
    this.#watches.add(watch);
    if (options.signal.aborted) abort();
    else options.signal.addEventListener('abort', abort, { once: true });
    return watch;
  }

  /** Tells the watches about a commit that the index has applied. */
  publish(commit: Commit): void {
    for (const watch of this.#watches) watch.notice(commit);
  }

  requestProgress(only?: AsyncIterable<WatchBatch>): void {
    if (only instanceof HubWatch) only.requestProgress();
    else for (const watch of this.#watches) watch.requestProgress();
  }

  /** Ends all watches quietly. */
  close(): void {
    for (const watch of [...this.#watches]) watch.finish();
  }

  /** Ends all watches with an error. */
  fail(error: StoreError): void {
    for (const watch of [...this.#watches]) watch.finish(error);
  }
}
