import { JoinedWrites } from './joined-writes.js';

/** Writes of one watch are at least about this far apart, */
const SHORTEST_MS = 2;
/** and at most, however many watchers there are. */
const LONGEST_MS = 32;
/** Share of the time that watchers may take: a round that took 1 ms is followed by 3 ms for everything else. */
const SHARE = 1 / 4;
/** Watchers that write before the event loop looks at something else. */
const PER_TURN = 64;

/**
 * Keeps the watchers of a server from writing once per event under a stream of changes, and a thousand of them from
 * stalling everything else. After a write each rests until the next round, which all of them share, and then sends
 * what has come meanwhile in one piece. The longer a round took, the later the next one comes. An event after a quiet
 * moment is written at once.
 */
export class Pace {
  /** What is written in this round. */
  readonly writes = new JoinedWrites();
  #round: Promise<void> | undefined;
  #intervalMs = SHORTEST_MS;
  /** When the round began that is not over yet. */
  #begun: number | undefined;
  #left = PER_TURN;
  #waiting: (() => void)[] = [];
  #turning = false;

  /** Resolves when the next round begins. */
  rest(): Promise<void> {
    this.#round ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#round = undefined;
        this.#begun = performance.now();
        resolve();
        // Those who have something to write ask for their turn before this runs.
        this.#armTurn();
      }, this.#intervalMs);
    });
    return this.#round;
  }

  /** To be asked before every write: undefined when it may be done now, else a promise of when. */
  turn(): Promise<void> | undefined {
    this.#armTurn();
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #armTurn(): void {
    if (this.#turning) return;
    this.#turning = true;
    setImmediate(() => this.#nextTurn());
  }

  #nextTurn(): void {
    this.#turning = false;
    const next = this.#waiting.splice(0, PER_TURN);
    this.#left = PER_TURN - next.length;
    if (next.length > 0) this.#armTurn();
    else this.#endRound();
    for (const resolve of next) resolve();
  }

  #endRound(): void {
    this.writes.forget();
    if (this.#begun === undefined) return;
    const took = performance.now() - this.#begun;
    this.#begun = undefined;
    this.#intervalMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, took / SHARE - took));
  }
}
