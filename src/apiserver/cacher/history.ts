import type { CacheEvent } from './cache-event.js';

export interface HistoryLimits {
  maxEvents: number;
  maxBytes: number;
  /** Events older than this are dropped beyond the youngest MIN_EVENTS. */
  maxAgeSeconds: number;
}

const MIN_EVENTS = 100;
/** Events whose shared encodings are kept: watchers that keep up are within this distance. */
const WARM_EVENTS = 512;

/** The recent events of one resource in order, from which watches start and slow watchers catch up. */
export class History {
  readonly #limits: HistoryLimits;
  #events: CacheEvent[] = [];
  #head = 0;
  #bytes = 0;
  #oldest: number;

  constructor(limits: HistoryLimits, oldest: number) {
    this.#limits = limits;
    this.#oldest = oldest;
  }

  /** Every event after this revision is here. */
  get oldest(): number {
    return this.#oldest;
  }
  get length(): number {
    return this.#events.length - this.#head;
  }

  push(event: CacheEvent): void {
    this.#events.push(event);
    this.#bytes += weight(event);
    const cold = this.#events.length - 1 - WARM_EVENTS;
    if (cold >= this.#head) this.#events[cold]!.forgetItems();
    this.trim(event.at);
  }

  /** Drops what is beyond the limits at this time, in seconds. */
  trim(now: number): void {
    const { maxEvents, maxBytes, maxAgeSeconds } = this.#limits;
    while (this.length > 1) {
      const first = this.#events[this.#head]!;
      const aged = this.length > MIN_EVENTS && now - first.at > maxAgeSeconds;
      if (!aged && this.length <= maxEvents && this.#bytes <= maxBytes) break;
      this.#dropRevision(first.revision);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Events of one transaction leave together. */
  #dropRevision(revision: number): void {
    while (this.length > 0 && this.#events[this.#head]!.revision === revision) {
      this.#bytes -= weight(this.#events[this.#head]!);
      this.#events[this.#head++] = undefined as unknown as CacheEvent;
    }
    this.#oldest = revision;
  }

  /** Puts older events in front, so that all after `oldest` are here. */
  prepend(events: CacheEvent[], oldest: number): void {
    this.#events = [...events, ...this.#events.slice(this.#head)];
    this.#head = 0;
    for (const event of events) this.#bytes += weight(event);
    this.#oldest = oldest;
  }

  /** Index of the first event after `revision`, for `from`. */
  position(revision: number): number {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Events after `revision`, at most about `limit` (a transaction is not split). Undefined when some are gone.
   */
  after(revision: number, limit: number): CacheEvent[] | undefined {
    if (revision < this.#oldest) return undefined;
    const from = this.position(revision);
    let to = Math.min(this.#events.length, from + limit);
    while (
      to > from &&
      to < this.#events.length &&
      this.#events[to]!.revision === this.#events[to - 1]!.revision
    ) {
      to++;
    }
    return this.#events.slice(from, to);
  }
}

function weight(event: CacheEvent): number {
  return (event.current?.stored.length ?? 0) + 256;
}
