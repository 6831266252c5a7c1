/** Writes of one watch are at least about this far apart, */
const SHORTEST_MS = 2;
/** and at most, however many watchers there are. */
const LONGEST_MS = 32;
/** Share of the time that watchers may take: a round that took 1 ms is followed by 3 ms for everything else. */
const SHARE = 1 / 4;

/**
 * Keeps the watchers of a server from writing once per event under a stream of changes: after a write each rests
 * until the next round, which all of them share, and then sends what has come meanwhile in one piece. The more work a
 * round was, the later the next one comes, so that writers and other requests are not starved by a thousand watchers.
 * An event after a quiet moment is written at once.
 */
export class Pace {
  #round: Promise<void> | undefined;
  #intervalMs = SHORTEST_MS;

  /** Resolves when the next round begins. */
  rest(): Promise<void> {
    this.#round ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#round = undefined;
        const begun = performance.now();
        resolve();
        // Watchers go on as microtasks, before anything else is looked at.
        setImmediate(() => {
          const took = performance.now() - begun;
          this.#intervalMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, took / SHARE - took));
        });
      }, this.#intervalMs);
    });
    return this.#round;
  }
}
