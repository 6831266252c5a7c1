import type { Clock } from '#base';

/** A moment by which something must have ended. It can come nearer, never move away. */
export class Deadline {
  readonly #clock: Clock;
  #at: number;
  #cancel: () => void;
  #reach: () => void = () => {};
  #isReached = false;
  /** Resolves when the deadline has come. */
  readonly reached: Promise<void>;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#at = clock.now() + ms;
    this.reached = new Promise((resolve) => {
      this.#reach = () => {
        this.#isReached = true;
        resolve();
      };
    });
    this.#cancel = this.#schedule(ms);
  }

  /** No time left is no timer: it is reached at once. */
  #schedule(ms: number): () => void {
    if (ms > 0) return this.#clock.after(ms, () => this.#reach());
    this.#reach();
    return () => {};
  }

  get isReached(): boolean {
    return this.#isReached;
  }

  get remainingMs(): number {
    return Math.max(0, this.#at - this.#clock.now());
  }

  /** Moves the deadline to `ms` from now when that is earlier. */
  shorten(ms: number): void {
    const at = this.#clock.now() + ms;
    if (at >= this.#at || this.#isReached) return;
    this.#at = at;
    this.#cancel();
    this.#cancel = this.#schedule(ms);
  }

  /** Ends the timer; `reached` then stays pending. */
  cancel(): void {
    this.#cancel();
  }
}
