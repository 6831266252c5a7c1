const INITIAL_MS = 1_000;
const MAX_MS = 15 * 60_000;

/**
 * Slows down the replacement of Pods that fail again and again on one node, where the DaemonSet would fight with a
 * kubelet that refuses them (the controller's failedPodsBackoff, client-go util/flowcontrol Backoff): a second at
 * first, twice as long each time, at most 15 minutes; forgotten after twice that without a failure.
 */
export class FailedPodsBackoff {
  readonly #entries = new Map<string, { delay: number; since: number }>();

  /** Milliseconds until the failed Pod of this key may be replaced; 0 counts as its replacement. */
  wait(key: string, now: number): number {
    const entry = this.#entries.get(key);
    const known = entry !== undefined && now - entry.since <= 2 * MAX_MS;
    if (known && now - entry.since < entry.delay) return entry.since + entry.delay - now;
    this.#entries.set(key, { delay: known ? Math.min(entry.delay * 2, MAX_MS) : INITIAL_MS, since: now });
    return 0;
  }

  /** Drops what has expired. */
  tidy(now: number): void {
    for (const [key, { since }] of this.#entries) if (now - since > 2 * MAX_MS) this.#entries.delete(key);
  }
}
