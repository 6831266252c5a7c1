/** Upstream's defaults: 10 s, doubling to 5 min, forgotten after 10 min without a failure. */
const INITIAL_MS = 10_000;
const MAX_MS = 300_000;
const FORGET_MS = 600_000;

/** How long to wait before something is tried again; the first retry is at once. */
export class RetryBackoff {
  #current = 0;
  #updated = 0;
  readonly #now: () => number;
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Milliseconds that are left of the back-off which began at `since`. */
  remaining(since: number): number {
    if (this.#now() - this.#updated > FORGET_MS) this.#current = 0;
    return Math.max(0, since + this.#current - this.#now());
  }

  /** The length of the back-off in force, milliseconds. */
  get length(): number {
    return this.#current;
  }

  /** Called when a try begins: the next one waits longer. */
  next(): void {
    if (this.#now() - this.#updated > FORGET_MS) this.#current = 0;
    this.#current = this.#current === 0 ? INITIAL_MS : Math.min(MAX_MS, this.#current * 2);
    this.#updated = this.#now();
  }
}

/** `10s`, `1m20s`, `5m0s`: Go's way to print a duration. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
