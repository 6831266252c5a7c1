import { Errors } from '#api';
import { backoffDelay, type Clock, sleep, systemClock } from '#base';
import {
  CompactedError,
  type KeyValue,
  prefixEnd,
  SortedMap,
  type Store,
  type StoreEvent,
  type WatchBatch,
} from '#storage';
import type { Soon } from '../soon.js';
import { readHistory } from './backfill.js';
import { CacheEvent } from './cache-event.js';
import { Entry, type ObjectContext } from './cached-object.js';
import type {
  CachedList,
  CachedObject,
  Cacher,
  CacherOptions,
  CacheWatch,
  GetOptions,
  ListOptions,
  WatchOptions,
} from './cacher.js';
import { type CacherMetrics, cacherMetrics } from './cacher-metrics.js';
import { Freshness } from './freshness.js';
import { History, type HistoryLimits } from './history.js';
import { entryOf, list, scopeOf } from './lister.js';
import { tooOldResourceVersion } from './status.js';
import { Watcher, type WatchSource } from './watcher.js';
import { WatcherIndex } from './watcher-index.js';

/** Events applied before other work gets the event loop. */
const APPLY_SLICE = 256;
/** Pairs read at once when the cache fills. */
const FILL_PAGE = 10_000;
const HISTORY_AGE_SECONDS = 5 * 60;
const RETRY = { initialMs: 100, maxMs: 10_000 };

/** Makes a watch cache; it serves after `start`. */
export function createCacher(options: CacherOptions): Cacher {
  return new WatchCache(options);
}

class WatchCache implements Cacher, WatchSource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly store: Store;
  readonly context: ObjectContext;
  readonly entries = new SortedMap<Entry>();
  readonly #options: CacherOptions;
  readonly #clock: Clock;
  readonly #limits: HistoryLimits;
  readonly #metrics: CacherMetrics;
  readonly #freshness: Freshness;
  readonly #live: WatcherIndex;
  readonly #watchers = new Set<Watcher>();
  readonly #stop = new AbortController();
  #history: History;
  /** What history had forgotten when watchers were last held against it. */
  #cutOff = 0;
  #storeWatch: AsyncIterable<WatchBatch> | undefined;
  #ready: Promise<void> | undefined;
  #isReady = false;
  #running: Promise<void> | undefined;
  #backfill: Promise<void> = Promise.resolve();
  #cancelBookmarks: (() => void) | undefined;

  constructor(options: CacherOptions) {
    this.#options = options;
    this.apiVersion = options.apiVersion;
    this.kind = options.kind;
    this.store = options.store;
    this.context = options;
    this.#clock = options.clock ?? systemClock;
    this.#limits = {
      maxEvents: options.maxHistoryEvents ?? 100_000,
      maxBytes: options.maxHistoryBytes ?? 64 * 1024 * 1024,
      maxAgeSeconds: HISTORY_AGE_SECONDS,
    };
    this.#metrics = cacherMetrics(options);
    this.#history = new History(this.#limits, 0);
    this.#live = new WatcherIndex(options.indexField);
    this.#freshness = new Freshness(this.#clock, () => this.#askProgress());
  }

  get ready(): boolean {
    return this.#isReady;
  }
  get revision(): number {
    return this.#freshness.revision;
  }

  key(namespace: string, name: string): string {
    const { prefix, namespaced } = this.context;
    return namespaced ? `${prefix}${namespace}/${name}` : prefix + name;
  }

  // Life ---------------------------------------------------------------------------------------------------

  start(): Promise<void> {
    this.#ready ??= new Promise((resolve, reject) => {
      this.#running = this.#run(resolve).finally(() => reject(Errors.serviceUnavailable('shutting down')));
    });
    this.#armBookmarks();
    return this.#ready;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelBookmarks?.();
    this.#freshness.fail(Errors.serviceUnavailable('shutting down'));
    for (const watcher of [...this.#watchers]) watcher.end('stopped');
    await this.#running;
  }

  /** Fills the cache and follows the store until stopped; fills again when the store has forgotten our place. */
  async #run(filled: () => void): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 0; !signal.aborted; ) {
      try {
        if (!this.#isReady) {
          await this.#fill();
          filled();
        }
        for await (const batch of this.#openWatch()) {
          attempt = 0;
          await this.#apply(batch);
        }
        if (!signal.aborted) throw new Error('the store ended the watch');
      } catch (error) {
        if (signal.aborted) return;
        this.#onFailure(error);
        await sleep(backoffDelay(RETRY, attempt++), signal);
      }
    }
  }

  #onFailure(error: unknown): void {
    if (error instanceof CompactedError) this.#isReady = false;
    this.#options.logger.warn('watch cache lost the store', { prefix: this.context.prefix, err: error });
  }

  #openWatch(): AsyncIterable<WatchBatch> {
    const { prefix } = this.context;
    this.#storeWatch = this.store.watch(prefix, prefixEnd(prefix), {
      startRevision: this.revision + 1,
      signal: this.#stop.signal,
    });
    return this.#storeWatch;
  }

  /** Reads everything at one revision. Open watches end: their clients must start over. */
  async #fill(): Promise<void> {
    const { prefix } = this.context;
    const end = prefixEnd(prefix);
    const fresh: Entry[] = [];
    let revision = 0;
    for (let cursor = prefix, more = true; more; ) {
      const result = await this.store.range(cursor, end, { revision, limit: FILL_PAGE });
      revision = result.revision;
      for (const kv of result.kvs) {
        fresh.push(new Entry(this.context, kv.key, kv.value, kv.modRevision));
        cursor = `${kv.key}\0`;
      }
      more = result.more;
    }
    this.entries.clear();
    for (const entry of fresh) this.entries.set(entry.key, entry);
    this.#history = new History(this.#limits, revision);
    this.#cutOff = revision;
    this.#isReady = true;
    this.#metrics.filled();
    this.#freshness.advance(revision);
    for (const watcher of [...this.#watchers]) watcher.end('reset');
  }

  async #apply(batch: WatchBatch): Promise<void> {
    const { events } = batch;
    for (let i = 0; i < events.length; i++) {
      this.#applyEvent(events[i]!);
      const next = events[i + 1];
      if (i % APPLY_SLICE !== APPLY_SLICE - 1 || next === undefined) continue;
      const revision = revisionOf(events[i]!);
      if (revisionOf(next) === revision) continue;
      this.#freshness.advance(revision);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#freshness.advance(batch.revision);
    this.#cutOffLost();
  }

  /** Ends watches whose readers are further behind than history reaches; not at every event that it forgets. */
  #cutOffLost(): void {
    const { oldest } = this.#history;
    if (oldest - this.#cutOff <= (this.revision - oldest) / 8) return;
    this.#cutOff = oldest;
    for (const watcher of [...this.#watchers]) watcher.cutOffBefore(oldest);
  }

  #applyEvent(event: StoreEvent): void {
    const key = event.type === 'put' ? event.kv.key : event.key;
    const revision = revisionOf(event);
    const previous = this.entries.get(key);
    let current: Entry | undefined;
    if (event.type === 'put') {
      current = new Entry(this.context, key, event.kv.value, revision);
      this.entries.set(key, current);
    } else {
      this.entries.delete(key);
      if (previous === undefined) return;
    }
    const made = new CacheEvent(revision, current, previous, this.#clock.now());
    this.#history.push(made);
    this.#metrics.dispatched();
    this.#live.dispatch(made);
  }

  #askProgress(): void {
    if (this.#storeWatch !== undefined) this.store.requestProgress(this.#storeWatch);
  }

  #armBookmarks(): void {
    const interval = this.#options.bookmarkIntervalMs ?? 60_000;
    this.#cancelBookmarks = this.#clock.after(interval, () => {
      if (this.#stop.signal.aborted) return;
      this.#armBookmarks();
      this.#sendBookmarks();
      // Also when nothing happens any more: an idle resource need not hold on to its last burst.
      this.#history.trim(Math.floor(this.#clock.now() / 1000));
    });
  }

  #sendBookmarks(): void {
    // Also without watchers: an idle resource must not fall behind what the store still remembers.
    // A store that does not answer makes for an older bookmark, not for none.
    this.fresh(undefined)
      .catch(() => undefined)
      .then(() => {
        for (const watcher of this.#watchers) watcher.bookmark();
      });
  }

  // Reads --------------------------------------------------------------------------------------------------

  async #whenReady(): Promise<void> {
    if (this.#isReady) return;
    if (this.#ready === undefined) throw Errors.serviceUnavailable('the watch cache has not been started');
    await this.#ready;
  }

  /** Waits until the cache is not older than `revision`, or than the store is now. */
  async fresh(revision: number | undefined): Promise<void> {
    await this.#freshness.wait(revision ?? (await this.store.revision()));
  }

  async waitFor(revision: number): Promise<void> {
    await this.#whenReady();
    await this.#freshness.wait(revision);
  }

  peek(namespace: string, name: string): CachedObject | undefined {
    return this.entries.get(this.key(namespace, name));
  }

  wrap(key: string, value: Buffer, revision: number): CachedObject {
    return new Entry(this.context, key, value, revision);
  }

  get(namespace: string, name: string, options: GetOptions = {}): Soon<CachedObject | undefined> {
    const { resourceVersion } = options;
    const key = this.key(namespace, name);
    if (resourceVersion !== undefined) return this.#getNotOlder(key, resourceVersion);
    const wrapped = (kv: KeyValue | undefined) => (kv === undefined ? undefined : entryOf(this, kv));
    if (this.store.current !== undefined) return wrapped(this.store.current(key));
    return this.store.get(key).then(({ kv }) => wrapped(kv));
  }

  async #getNotOlder(key: string, resourceVersion: number): Promise<CachedObject | undefined> {
    await this.#whenReady();
    await this.#freshness.wait(resourceVersion);
    return this.entries.get(key);
  }

  async list(options: ListOptions): Promise<CachedList> {
    await this.#whenReady();
    return list(this, options);
  }

  // Watches ------------------------------------------------------------------------------------------------

  async watch(options: WatchOptions): Promise<CacheWatch> {
    await this.#whenReady();
    const { resourceVersion, sendInitialEvents } = options;
    const stateFirst = sendInitialEvents ?? (resourceVersion === undefined || resourceVersion === 0);
    // A watch-list waits for its revision; a plain watch from the future waits silently for what comes after it.
    if (resourceVersion === undefined) await this.fresh(undefined);
    else if (stateFirst && resourceVersion > 0) await this.#freshness.wait(resourceVersion);
    const fromNow = stateFirst || resourceVersion === undefined || resourceVersion === 0;
    if (!fromNow) await this.#ensureHistory(resourceVersion);
    return this.#openWatcher(options, stateFirst, fromNow ? this.revision : resourceVersion);
  }

  /** Runs in one turn: the snapshot, its revision and the registration belong together. */
  #openWatcher(options: WatchOptions, stateFirst: boolean, position: number): Watcher {
    const selection = options.selection ?? {};
    const scope = scopeOf(this.context, selection);
    const watcher = new Watcher(
      this,
      {
        selection,
        ...(stateFirst ? { initial: this.entries.range(scope.start, scope.end) } : {}),
        markEnd: options.sendInitialEvents === true && options.allowBookmarks === true,
        position,
        maxLag: this.#options.maxWatcherLag ?? 1_000,
        clock: this.#clock,
      },
      options,
    );
    if (watcher.endReason === undefined) this.#watchers.add(watcher);
    return watcher;
  }

  /** Makes sure that the history reaches back to `revision`, from the store's own if need be. */
  async #ensureHistory(revision: number): Promise<void> {
    if (revision >= this.#history.oldest) return;
    // One at a time; those who waited mostly find the work done.
    const turn = this.#backfill.then(() => this.#readBack(revision));
    this.#backfill = turn.catch(() => undefined);
    await turn;
    if (revision < this.#history.oldest) throw tooOldResourceVersion(revision, this.#history.oldest);
  }

  async #readBack(revision: number): Promise<void> {
    const history = this.#history;
    const until = history.oldest;
    if (revision >= until) return;
    const events = await readHistory(this.store, this.context, {
      after: revision,
      until,
      now: this.#clock.now(),
    });
    // The cache may have been rebuilt, or may have moved on, while the store was read.
    if (events !== undefined && history === this.#history && history.oldest === until) {
      history.prepend(events, revision);
    }
  }

  eventsAfter(revision: number, limit: number): CacheEvent[] | undefined {
    return this.#history.after(revision, limit);
  }
  attach(watcher: Watcher): void {
    this.#live.add(watcher);
  }
  detach(watcher: Watcher): void {
    this.#live.delete(watcher);
  }
  closed(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (watcher.endReason === 'slow') this.#metrics.terminated();
  }
}

function revisionOf(event: StoreEvent): number {
  return event.type === 'put' ? event.kv.modRevision : event.modRevision;
}
