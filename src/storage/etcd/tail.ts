import type { StoreEvent, WatchBatch } from '../store.js';

/** A watch as the tail sees it. */
export interface Followed {
  readonly start: string;
  readonly end: string;
  /** The last revision up to which everything has been received. */
  readonly delivered: number;
}

/** Opens a watch on every key there is. */
export type WatchAll = (startRevision: number, signal: AbortSignal) => AsyncIterable<WatchBatch>;

interface Known {
  /** The watched interval as it is on the wire. */
  start: string;
  end: string;
  /** The tail knows of every event of the watch's interval after this revision. */
  since: number;
  /** The newest event of the interval. */
  newest: number;
}

const CATCH_UP_MS = 3_000;

/**
 * Knows what other watches must have received, for etcd servers whose own progress reports may overtake events
 * (before 3.4.31 and 3.5.13). Every revision changes some key, so a watch on all keys has no gaps: what it has
 * reached and a narrower watch's interval did not take part in, that watch cannot be missing.
 */
export class Tail {
  readonly #watchAll: WatchAll;
  readonly #prefix: string;
  readonly #known = new Map<Followed, Known>();
  readonly #stop = new AbortController();
  #revision: number;
  #moved: (() => void)[] = [];

  /** `watchAll` delivers keys as they are on the wire; `prefix` is what the store puts before its own. */
  constructor(watchAll: WatchAll, prefix: string, revision: number) {
    this.#watchAll = watchAll;
    this.#prefix = prefix;
    this.#revision = revision;
    void this.#run();
  }

  /** Follows until stopped; after a compaction that overtook it, from what it was told last. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const batch of this.#watchAll(this.#revision + 1, signal)) this.#read(batch);
      } catch (error) {
        this.#skipTo((error as { compactRevision?: number }).compactRevision ?? this.#revision + 1);
      }
    }
  }

  /** What happened up to here is not known any more. */
  #skipTo(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    for (const known of this.#known.values()) known.since = this.#revision;
  }

  #read(batch: WatchBatch): void {
    for (const event of batch.events) {
      const { key, revision } = place(event);
      for (const known of this.#known.values()) if (covers(known, key)) known.newest = revision;
    }
    // Only events count: a report without any is what cannot be trusted.
    if (batch.events.length > 0) this.#revision = batch.revision;
    for (const moved of this.#moved.splice(0)) moved();
  }

  /** Resolves when the tail has read on. */
  moved(): Promise<void> {
    return new Promise((resolve) => this.#moved.push(resolve));
  }

  add(watch: Followed): void {
    const start = this.#prefix + watch.start;
    const end = this.#prefix + watch.end;
    this.#known.set(watch, { start, end, since: this.#revision, newest: 0 });
  }
  delete(watch: Followed): void {
    this.#known.delete(watch);
  }
  stop(): void {
    this.#stop.abort();
  }

  /** A revision up to which the watch certainly has everything, if that is known by now and beyond what it has. */
  async proven(watch: Followed): Promise<number | undefined> {
    const known = this.#known.get(watch);
    if (known === undefined) return undefined;
    if (watch.delivered < known.since) return this.#catchUp(watch, known, known.since);
    return watch.delivered >= known.newest && this.#revision > watch.delivered ? this.#revision : undefined;
  }

  /** The watch began before the tail knew of it: read what lies between, once. */
  async #catchUp(watch: Followed, known: Known, until: number): Promise<number | undefined> {
    const controller = new AbortController();
    const timeout = setTimeout(() => controller.abort(), CATCH_UP_MS);
    const signal = AbortSignal.any([controller.signal, this.#stop.signal]);
    let newest = 0;
    try {
      for await (const batch of this.#watchAll(watch.delivered + 1, signal)) {
        for (const event of batch.events) {
          const { key, revision } = place(event);
          if (covers(known, key)) newest = revision;
        }
        if (batch.events.length > 0 && batch.revision >= until) {
          return watch.delivered >= newest ? until : undefined;
        }
      }
      return undefined;
    } finally {
      clearTimeout(timeout);
      controller.abort();
    }
  }
}

function place(event: StoreEvent): { key: string; revision: number } {
  return event.type === 'put'
    ? { key: event.kv.key, revision: event.kv.modRevision }
    : { key: event.key, revision: event.modRevision };
}

function covers({ start, end }: Known, key: string): boolean {
  return key >= start && key < end;
}
