/** Watchers of one resource and others' that are joined in between. */
const REMEMBERED = 8;

/**
 * Joins frames into one write. Frames are shared by all watchers of the same form, and watchers write in rounds, so
 * that a hundred of them mostly join the same frames one after the other: they get the same buffer.
 */
export class JoinedWrites {
  /** The last joins, in no order; `#next` is forgotten first. */
  readonly #recent: { frames: Buffer[]; joined: Buffer }[] = [];
  #next = 0;

  /** The frames in order, in a buffer that nobody may change. Keeps `frames`. */
  join(frames: Buffer[]): Buffer {
    if (frames.length === 1) return frames[0]!;
    const known = this.#recent.find((one) => sameFrames(one.frames, frames));
    if (known !== undefined) return known.joined;
    const joined = Buffer.concat(frames);
    this.#recent[this.#next] = { frames, joined };
    this.#next = (this.#next + 1) % REMEMBERED;
    return joined;
  }

  /** When nothing is written any more, nothing need be kept. */
  forget(): void {
    this.#recent.length = 0;
    this.#next = 0;
  }
}

function sameFrames(a: Buffer[], b: Buffer[]): boolean {
  return a.length === b.length && a.every((frame, i) => frame === b[i]);
}
