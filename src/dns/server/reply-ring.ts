/** Octets before each reply. */
const HEAD = 24;
const UNIT = 8;
const WAYS = 4;
const TAGS = 65_536;

/** What is kept with a reply; small numbers only. */
export interface ReplyFacts {
  /** The size that the reply was cut to, or 0 for complete ones: part of what it is found by. */
  limit: number;
  context: number;
  rcode: number;
  questionEnd: number;
  /** Records that may change places, and the octets of each. */
  count: number;
  recordSize: number;
  serialAt: number;
}

/** A reply that was found: `bytes` from `at`. One object serves all look-ups: valid until the next. */
export interface KeptReply extends ReplyFacts {
  bytes: Buffer;
  at: number;
  length: number;
}

/**
 * Replies in one ring of memory outside the garbage-collected heap: the newest overwrite the oldest, so that the size
 * is a bound, and neither entries nor hits leave anything to collect. A table with a few places per hash finds
 * them. What was overwritten or invalidated is noticed when it is found; nothing is ever searched for to be removed.
 */
export class ReplyRing {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #units: number;
  /** Where a reply was put, in units since the last `clear`; 0 is free. */
  readonly #table: Uint32Array;
  readonly #mask: number;
  /** How often each tag was invalidated, by the tag's hash: tags that share one only lose their replies too often. */
  readonly #generations = new Uint32Array(TAGS);
  readonly #found: KeptReply;
  #head = 1;

  /** Octets, and how many replies at most; powers of two. */
  constructor(size: number, replies: number) {
    this.#bytes = Buffer.from(new ArrayBuffer(size));
    this.#view = new DataView(this.#bytes.buffer);
    this.#units = size / UNIT;
    this.#table = new Uint32Array(replies);
    this.#mask = replies / WAYS - 1;
    const none = { limit: 0, context: 0, rcode: 0, questionEnd: 0, count: 0, recordSize: 0, serialAt: 0 };
    this.#found = { ...none, bytes: this.#bytes, at: 0, length: 0 };
  }

  /** Replies that can be found, invalidated ones included. */
  get size(): number {
    return this.#table.filter((place) => place !== 0 && this.#head - place <= this.#units).length;
  }

  /** The reply to a question (name in lower case, type, class: `length` octets of `question`) with this hash. */
  find(question: Buffer, length: number, hash: number, limit: number): KeptReply | undefined {
    const first = (hash & this.#mask) * WAYS;
    for (let i = first; i < first + WAYS; i++) {
      const place = this.#table[i]!;
      if (place === 0 || this.#head - place > this.#units) continue;
      if (this.#is((place % this.#units) * UNIT, question, length, hash, limit)) return this.#found;
    }
    return undefined;
  }

  /** Reads the entry into `#found` when it answers the question and is still true. */
  #is(start: number, question: Buffer, length: number, hash: number, limit: number): boolean {
    const view = this.#view;
    if (view.getUint32(start) !== hash || view.getUint16(start + 18) !== limit) return false;
    if (view.getUint32(start + 8) !== this.#generations[view.getUint16(start + 6)]!) return false;
    const found = this.#found;
    const at = start + HEAD;
    found.questionEnd = view.getUint16(start + 14);
    if (found.questionEnd - 12 !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[at + 12 + i] !== question[i]) return false;
    found.at = at;
    found.length = view.getUint16(start + 4);
    found.context = view.getUint16(start + 12);
    found.limit = limit;
    found.serialAt = view.getUint16(start + 16);
    found.rcode = view.getUint8(start + 20);
    found.count = view.getUint8(start + 21);
    found.recordSize = view.getUint8(start + 22);
    return true;
  }

  /** Keeps a reply whose question is in lower case until its tag is invalidated or its memory is needed. */
  put(reply: Buffer, hash: number, tag: string, facts: ReplyFacts): void {
    const size = Math.ceil((HEAD + reply.length) / UNIT);
    const toEnd = this.#units - (this.#head % this.#units);
    if (size > toEnd) this.#head += toEnd;
    // Places are 32 bits: after 32 GiB of replies everything starts over.
    if (this.#head + size > 0xffff_ffff) this.clear();
    const place = this.#place(hash, facts.limit);
    const start = (this.#head % this.#units) * UNIT;
    const slot = tagSlot(tag);
    const view = this.#view;
    view.setUint32(start, hash);
    view.setUint16(start + 4, reply.length);
    view.setUint16(start + 6, slot);
    view.setUint32(start + 8, this.#generations[slot]!);
    view.setUint16(start + 12, facts.context);
    view.setUint16(start + 14, facts.questionEnd);
    view.setUint16(start + 16, facts.serialAt);
    view.setUint16(start + 18, facts.limit);
    view.setUint8(start + 20, facts.rcode);
    view.setUint8(start + 21, facts.count);
    view.setUint8(start + 22, facts.recordSize);
    reply.copy(this.#bytes, start + HEAD);
    this.#table[place] = this.#head;
    this.#head += size;
  }

  /** The place of the reply that this one replaces, or else of the oldest; free places are older than any. */
  #place(hash: number, limit: number): number {
    const first = (hash & this.#mask) * WAYS;
    let oldest = first;
    for (let i = first; i < first + WAYS; i++) {
      const place = this.#table[i]!;
      const start = (place % this.#units) * UNIT;
      const alive = place !== 0 && this.#head - place <= this.#units;
      if (alive && this.#view.getUint32(start) === hash && this.#view.getUint16(start + 18) === limit)
        return i;
      if (place < this.#table[oldest]!) oldest = i;
    }
    return oldest;
  }

  invalidate(tag: string): void {
    this.#generations[tagSlot(tag)]!++;
  }

  clear(): void {
    this.#table.fill(0);
    this.#head = 1;
  }
}

/** FNV-1a of the tag. */
function tagSlot(tag: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tag.length; i++) hash = Math.imul(hash ^ tag.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (TAGS - 1);
}
