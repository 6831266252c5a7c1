/** Writes of one watch are at least about this far apart. */
const INTERVAL_MS = 2;

/**
 * Keeps the watchers of a server from writing once per event under a stream of changes: after a write each rests
 * until the next tick, which all of them share, and then sends what has come meanwhile in one piece. An event
 * after a quiet moment is written at once.
 */
export class Pace {
  #tick: Promise<void> | undefined;

  /** Resolves at the next tick. */
  rest(): Promise<void> {
    this.#tick ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#tick = undefined;
        resolve();
      }, INTERVAL_MS);
    });
    return this.#tick;
  }
}
