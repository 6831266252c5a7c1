import type { Clock } from '#base';
import type { Change } from './change.js';

/**
 * Remembers when keys expire, in buckets of one second, and calls back with the due ones. Costs one timer,
 * which exists only while some key has a time to live.
 */
export class ExpiryQueue {
  readonly #clock: Clock;
  readonly #onDue: (keys: string[]) => void;
  readonly #buckets = new Map<number, Set<string>>();
  readonly #bucketOf = new Map<string, number>();
  #cancel: (() => void) | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #running = false;

  constructor(clock: Clock, onDue: (keys: string[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Starts calling back; what is overdue comes at once. */
  start(): void {
    this.#running = true;
    this.#arm();
  }

  stop(): void {
    this.#running = false;
    this.#disarm();
  }

  /** Follows a change of a key: a put sets, renews or ends its time to live, a delete forgets it. */
  note(change: Change): void {
    const old = this.#bucketOf.get(change.key);
    if (change.expiresAt === undefined && old === undefined) return;
    if (old !== undefined) this.#remove(change.key, old);
    if (change.kv !== undefined && change.expiresAt !== undefined) this.#add(change.key, change.expiresAt);
  }

  /** Puts a key back whose deletion failed, to be tried again after `delayMs`. */
  retry(key: string, delayMs: number): void {
    if (!this.#bucketOf.has(key)) this.#add(key, this.#clock.now() + delayMs);
  }

  #add(key: string, at: number): void {
    const bucket = Math.ceil(at / 1000);
    this.#bucketOf.set(key, bucket);
    const keys = this.#buckets.get(bucket);
    if (keys !== undefined) keys.add(key);
    else {
      this.#buckets.set(bucket, new Set([key]));
      if (bucket < this.#armedFor) this.#arm();
    }
  }

  #remove(key: string, bucket: number): void {
    this.#bucketOf.delete(key);
    const keys = this.#buckets.get(bucket);
    keys?.delete(key);
    if (keys?.size === 0) this.#buckets.delete(bucket);
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    this.#disarm();
    if (!this.#running || this.#buckets.size === 0) return;
    let first = Number.POSITIVE_INFINITY;
    for (const bucket of this.#buckets.keys()) first = Math.min(first, bucket);
    this.#armedFor = first;
    this.#cancel = this.#clock.after(Math.max(0, first * 1000 - this.#clock.now()), () => this.#fire());
  }

  #fire(): void {
    const now = this.#clock.now();
    const due: string[] = [];
    for (const [bucket, keys] of this.#buckets) {
      if (bucket * 1000 > now) continue;
      due.push(...keys);
      this.#buckets.delete(bucket);
    }
    for (const key of due) this.#bucketOf.delete(key);
    if (due.length > 0) this.#onDue(due);
    this.#arm();
  }
}
