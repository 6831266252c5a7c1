import type { Clock } from '#base';
import { tooLargeResourceVersion } from './status.js';

/** How long a read waits for the cache to reach a revision, as upstream's blockTimeout. */
const WAIT_MS = 3_000;
/** How often progress is asked for while someone waits, as upstream. */
const PROGRESS_MS = 100;

interface Waiter {
  revision: number;
  resolve(): void;
  reject(error: unknown): void;
  cancel(): void;
}

/** Readers that wait until the cache has reached a revision. */
export class Freshness {
  readonly #clock: Clock;
  readonly #requestProgress: () => void;
  readonly #waiters = new Set<Waiter>();
  #revision = 0;
  #stopProgress: (() => void) | undefined;

  constructor(clock: Clock, requestProgress: () => void) {
    this.#clock = clock;
    this.#requestProgress = requestProgress;
  }

  get revision(): number {
    return this.#revision;
  }

  advance(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    for (const waiter of this.#waiters) if (waiter.revision <= revision) this.#settle(waiter);
  }

  #settle(waiter: Waiter, error?: unknown): void {
    waiter.cancel();
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0) {
      this.#stopProgress?.();
      this.#stopProgress = undefined;
    }
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
  }

  /** Rejects with Timeout/ResourceVersionTooLarge when the revision is not reached in time. */
  wait(revision: number): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { revision, resolve, reject, cancel: () => undefined };
      waiter.cancel = this.#clock.after(WAIT_MS, () =>
        this.#settle(waiter, tooLargeResourceVersion(revision, this.#revision)),
      );
      this.#waiters.add(waiter);
      this.#requestProgress();
      if (this.#stopProgress === undefined) this.#keepAsking();
    });
  }

  #keepAsking(): void {
    this.#stopProgress = this.#clock.after(PROGRESS_MS, () => {
      this.#requestProgress();
      this.#keepAsking();
    });
  }

  /** Rejects everyone who waits. */
  fail(error: unknown): void {
    for (const waiter of [...this.#waiters]) this.#settle(waiter, error);
  }
}
