import type { Clock } from '#base';
import { BookmarkItem, type CacheEvent, ObjectItem } from './cache-event.js';
import type { CachedObject, CacheWatch, Selection, WatchItem, WatchOptions } from './cacher.js';
import { itemFor, selects } from './selection.js';

const BATCH = 256;
/** Upstream sends the last bookmark two seconds before the timeout. */
const LAST_BOOKMARK_MS = 2_000;

/** What a watcher needs of its cache. */
export interface WatchSource {
  readonly revision: number;
  readonly apiVersion: string;
  readonly kind: string;
  /** Events after `revision` in order, at most about `limit`; undefined when some are forgotten. */
  eventsAfter(revision: number, limit: number): CacheEvent[] | undefined;
  /** Starts and ends the delivery of new events through `offer`. */
  attach(watcher: Watcher): void;
  detach(watcher: Watcher): void;
  /** The watcher is gone for good. */
  closed(watcher: Watcher): void;
}

export interface WatcherStart {
  selection: Selection;
  /** Objects to send first as ADDED; the snapshot is at `position`. */
  initial?: CachedObject[];
  /** Send the bookmark that ends the initial events. */
  markEnd: boolean;
  /** Events after this revision follow. */
  position: number;
  maxLag: number;
  clock: Clock;
}

type EndReason = NonNullable<CacheWatch['endReason']>;

/**
 * One open watch. It is either behind, reading the cache's history from its position at the reader's pace, or
 * live, with new events queued as they happen. A live watcher whose queue grows too long drops it and is
 * behind again, so a slow reader costs one number until history has moved past it; then it is cut off.
 */
export class Watcher implements CacheWatch, AsyncIterator<WatchItem[]> {
  readonly selection: Selection;
  readonly #source: WatchSource;
  readonly #maxLag: number;
  readonly #allowBookmarks: boolean;
  readonly #cancels: (() => void)[] = [];
  #initial: CachedObject[] | undefined;
  #initialAt = 0;
  #markEnd: boolean;
  #position: number;
  #live = false;
  #queue: WatchItem[] = [];
  #wake: (() => void) | undefined;
  #endReason: EndReason | undefined;
  #over: AbortController | undefined;

  constructor(source: WatchSource, start: WatcherStart, options: WatchOptions) {
    this.#source = source;
    this.selection = start.selection;
    this.#initial = start.initial;
    this.#markEnd = start.markEnd;
    this.#position = start.position;
    this.#maxLag = start.maxLag;
    this.#allowBookmarks = options.allowBookmarks === true;
    this.#armAbort(options.signal);
    if (options.timeoutMs !== undefined) this.#armTimeout(options.timeoutMs, start.clock);
  }

  #armAbort(signal: AbortSignal): void {
    const abort = () => this.end('aborted');
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#cancels.push(() => signal.removeEventListener('abort', abort));
  }

  #armTimeout(timeoutMs: number, clock: Clock): void {
    if (timeoutMs > LAST_BOOKMARK_MS) {
      this.#cancels.push(clock.after(timeoutMs - LAST_BOOKMARK_MS, () => this.bookmark()));
    }
    this.#cancels.push(clock.after(timeoutMs, () => this.end('timeout')));
  }

  get endReason(): EndReason | undefined {
    return this.#endReason;
  }
  get over(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#endReason !== undefined) this.#over.abort();
    return this.#over.signal;
  }
  /** The last revision whose events this watcher has taken from the cache. */
  get position(): number {
    return this.#position;
  }

  /** Ends the watch if its reader has not taken what history has forgotten up to `oldest`. */
  cutOffBefore(oldest: number): void {
    const waiting = !this.#live || this.#queue.length > 0;
    if (waiting && this.#position < oldest) this.end('slow');
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** A new event, in order. Only called while attached. */
  offer(event: CacheEvent): void {
    if (event.revision <= this.#position) return;
    const item = itemFor(this.selection, event);
    if (item === undefined) return;
    // All before was considered: a watcher that idled long must not look as if it lagged by that much.
    if (this.#queue.length === 0) this.#position = Math.max(this.#position, event.revision - 1);
    this.#queue.push(item);
    if (this.#queue.length > this.#maxLag) this.#fallBehind();
    else this.#wakeUp();
  }

  #fallBehind(): void {
    this.#queue = [];
    this.#live = false;
    this.#source.detach(this);
  }

  /** Queues a bookmark at the cache's revision, if the reader is up to date and takes bookmarks. */
  bookmark(): void {
    if (!this.#allowBookmarks || !this.#live || this.#endReason !== undefined) return;
    if (this.#source.revision < this.#position) return;
    if (this.#queue.length === 0) this.#position = this.#source.revision;
    this.#queue.push(new BookmarkItem(this.#source, this.#source.revision));
    this.#wakeUp();
  }

  /** Ends the watch. What is queued is still delivered, unless nobody reads it. */
  end(reason: EndReason): void {
    if (this.#endReason !== undefined) return;
    this.#endReason = reason;
    if (reason === 'aborted' || reason === 'slow') this.#queue = [];
    for (const cancel of this.#cancels) cancel();
    if (this.#live) this.#source.detach(this);
    this.#initial = undefined;
    this.#source.closed(this);
    this.#wakeUp();
    this.#over?.abort();
  }

  async next(): Promise<IteratorResult<WatchItem[]>> {
    for (;;) {
      const items = this.#take();
      if (items.length > 0) return { value: items, done: false };
      if (this.#endReason !== undefined) return { value: undefined, done: true };
      if (this.#live && this.#queue.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        // Filtering a long snapshot or history for a narrow selection: let others run between the pieces.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #take(): WatchItem[] {
    if (this.#initial !== undefined) return this.#takeInitial(this.#initial);
    if (!this.#live && this.#endReason === undefined) return this.#takeHistory();
    const items = this.#queue;
    if (items.length > 0) this.#queue = [];
    if (this.#live) this.#position = Math.max(this.#position, this.#source.revision);
    return items;
  }

  #takeInitial(objects: CachedObject[]): WatchItem[] {
    const items: WatchItem[] = [];
    const until = Math.min(objects.length, this.#initialAt + BATCH);
    for (; this.#initialAt < until; this.#initialAt++) {
      const object = objects[this.#initialAt]!;
      if (selects(this.selection, object)) items.push(new ObjectItem('ADDED', object));
    }
    if (this.#initialAt >= objects.length) {
      this.#initial = undefined;
      if (this.#markEnd) items.push(new BookmarkItem(this.#source, this.#position, true));
    }
    return items;
  }

  #takeHistory(): WatchItem[] {
    const events = this.#source.eventsAfter(this.#position, BATCH);
    if (events === undefined) {
      this.end('slow');
      return [];
    }
    const items: WatchItem[] = [];
    for (const event of events) {
      const item = itemFor(this.selection, event);
      if (item !== undefined) items.push(item);
    }
    if (events.length > 0) this.#position = events[events.length - 1]!.revision;
    if (events.length < BATCH) {
      // Nothing can happen between reading the end of history and attaching: both are in this turn.
      this.#live = true;
      this.#source.attach(this);
    }
    return items;
  }

  async return(): Promise<IteratorResult<WatchItem[]>> {
    this.end('aborted');
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
