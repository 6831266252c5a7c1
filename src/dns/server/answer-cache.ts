import { Flag, Type } from '../wire/constants.js';

const HEADER = 12;
const OPT_SIZE = 11;
/** Complete replies with records that may be kept, and those without; beyond, the oldest goes. */
const MAX_POSITIVE = 131_072;
const MAX_NEGATIVE = 16_384;
/** Larger replies are written anew for every client. */
const MAX_REPLY = 4096;

/** A complete reply without OPT, ready to be copied. */
interface Entry<C> {
  tag: string;
  context: C;
  negative: boolean;
  /** One character per byte: on the garbage-collected heap, so that no entry pins a slab of buffers. */
  bytes: string;
  length: number;
  questionEnd: number;
  rcode: number;
  /** Address records to start at a random one: how many, and the size of each; 0 or 1 leaves them as they are. */
  count: number;
  recordSize: number;
  /** Where the SOA serial stands, or -1. */
  serialAt: number;
}

/** What was found, for metrics; the fields are valid until the next lookup. */
export interface Hit<C> {
  context: C;
  reply: Buffer;
  type: number;
  rcode: number;
  do: boolean;
}

/**
 * Complete replies by question (name in lower case, type, class). A hit costs one scan, one map look-up and one
 * copy into which id, RD, CD, the client's spelling of the name, EDNS and the order of addresses are patched.
 * Entries live until what they were made of changes: they are dropped by Service, never by time.
 */
export class AnswerCache<C extends { rotate: boolean }> {
  readonly #entries = new Map<string, Entry<C>>();
  readonly #negatives = new Map<string, Entry<C>>();
  readonly #keysByTag = new Map<string, Set<string>>();
  readonly #scratch = Buffer.alloc(260);
  #hit: Hit<C> | undefined;
  /** The current SOA serial, patched into kept negatives. */
  serial: () => number = () => 0;

  get size(): number {
    return this.#entries.size + this.#negatives.size;
  }

  /** The reply to a query, or undefined when the slow path must answer. `stream` lifts the size limit. */
  lookup(message: Buffer, stream: boolean): Hit<C> | undefined {
    const end = this.#questionEnd(message);
    if (end === 0) return undefined;
    const key = this.#scratch.toString('latin1', 0, end - HEADER);
    const entry = this.#entries.get(key) ?? this.#negatives.get(key);
    if (entry === undefined) return undefined;
    const edns = message[11] === 1;
    let limit = 65_535;
    if (!stream) limit = edns ? Math.max(512, message.readUInt16BE(end + 3)) : 512;
    const size = entry.length + (edns ? OPT_SIZE : 0);
    if (size > limit) return undefined;
    const reply = this.#assemble(entry, message, size, edns ? end : 0);
    // One object for all hits: this path should leave nothing behind but the reply.
    this.#hit ??= { context: entry.context, reply, type: 0, rcode: 0, do: false };
    const hit = this.#hit;
    hit.context = entry.context;
    hit.reply = reply;
    hit.rcode = entry.rcode;
    hit.type = message.readUInt16BE(end - 4);
    hit.do = edns && (message[end + 7]! & 0x80) !== 0;
    return hit;
  }

  /**
   * Lower-cases the question into the scratch buffer and returns its end, or 0 for everything that is not a
   * plain query (opcode QUERY, one question without compression, no other record than an OPT without options).
   */
  #questionEnd(m: Buffer): number {
    const { length } = m;
    if (length < HEADER + 5 || (m[2]! & 0xf8) !== 0 || m[4] !== 0 || m[5] !== 1) return 0;
    if ((m[6]! | m[7]! | m[8]! | m[9]! | m[10]!) !== 0 || m[11]! > 1) return 0;
    const scratch = this.#scratch;
    let at = HEADER;
    for (;;) {
      const label = m[at]!;
      if (label > 63 || at + label + 5 > length || at + label > HEADER + 254) return 0;
      scratch[at - HEADER] = label;
      at++;
      if (label === 0) break;
      for (const end = at + label; at < end; at++) {
        const c = m[at]!;
        scratch[at - HEADER] = c >= 65 && c <= 90 ? c | 32 : c;
      }
    }
    if (at + 4 > length) return 0;
    for (const end = at + 4; at < end; at++) scratch[at - HEADER] = m[at]!;
    return m[11] === 0 || isLoneOpt(m, at) ? at : 0;
  }

  #assemble(entry: Entry<C>, query: Buffer, size: number, optAt: number): Buffer {
    const out = Buffer.allocUnsafe(size);
    out.write(entry.bytes, 0, 'latin1');
    out[0] = query[0]!;
    out[1] = query[1]!;
    out[2] = out[2]! | (query[2]! & (Flag.RD >> 8));
    out[3] = out[3]! | (query[3]! & Flag.CD);
    for (let i = HEADER; i < entry.questionEnd; i++) out[i] = query[i]!;
    if (entry.context.rotate && entry.count > 1) rotateRecords(out, entry);
    if (entry.serialAt >= 0) out.writeUInt32BE(this.serial() >>> 0, entry.serialAt);
    if (optAt > 0) appendOpt(out, entry.length, query, optAt);
    return out;
  }

  /** Keeps a complete reply without OPT (at most 4 KiB of it) under a tag. */
  store(reply: Buffer, tag: string, context: C): void {
    const end = reply.length > MAX_REPLY ? 0 : this.#questionEnd(asQuery(reply));
    if (end === 0) return;
    const key = this.#scratch.toString('latin1', 0, end - HEADER);
    const answers = reply.readUInt16BE(6);
    const entry: Entry<C> = {
      tag,
      context,
      negative: answers === 0,
      bytes: neutral(reply).toString('latin1'),
      length: reply.length,
      questionEnd: end,
      rcode: reply[3]! & 0xf,
      ...rotation(reply, end),
      serialAt: answers === 0 && reply[9] === 1 && reply.readUInt16BE(10) === 0 ? reply.length - 20 : -1,
    };
    const map = entry.negative ? this.#negatives : this.#entries;
    if (map.size >= (entry.negative ? MAX_NEGATIVE : MAX_POSITIVE)) this.#dropOldest(map);
    map.set(key, entry);
    const keys = this.#keysByTag.get(tag);
    if (keys === undefined) this.#keysByTag.set(tag, new Set([key]));
    else keys.add(key);
  }

  #dropOldest(map: Map<string, Entry<C>>): void {
    for (const [key, entry] of map) {
      map.delete(key);
      const keys = this.#keysByTag.get(entry.tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByTag.delete(entry.tag);
      return;
    }
  }

  /** Drops what was made of this Service, and what any change may touch. */
  invalidate(namespace: string, service: string): void {
    this.#drop(`${namespace}/${service}`);
    this.#drop('*');
  }

  /** Drops what any change may touch. */
  invalidateShared(): void {
    this.#drop('*');
  }

  clear(): void {
    this.#entries.clear();
    this.#negatives.clear();
    this.#keysByTag.clear();
  }

  #drop(tag: string): void {
    const keys = this.#keysByTag.get(tag);
    if (keys === undefined) return;
    for (const key of keys) {
      this.#entries.delete(key);
      this.#negatives.delete(key);
    }
    this.#keysByTag.delete(tag);
  }
}

/** An OPT record of version 0 without options or unknown flags, last in the message. */
function isLoneOpt(m: Buffer, at: number): boolean {
  return (
    m.length === at + OPT_SIZE &&
    m[at] === 0 &&
    m[at + 1] === 0 &&
    m[at + 2] === Type.OPT &&
    m[at + 6] === 0 &&
    m[at + 9] === 0 &&
    m[at + 10] === 0
  );
}

/** The header of a reply made to look like its query, so that one scanner reads both. */
function asQuery(reply: Buffer): Buffer {
  const view = Buffer.from(reply);
  view.fill(0, 2, 4);
  view.fill(0, 6, 12);
  return view;
}

/** The reply with id 0 and without what is the client's: RD and CD. */
function neutral(reply: Buffer): Buffer {
  const copy = Buffer.from(reply);
  copy.fill(0, 0, 2);
  copy[2] = copy[2]! & ~(Flag.RD >> 8);
  copy[3] = copy[3]! & ~Flag.CD;
  return copy;
}

/** Whether all answers are addresses owned by the question's name, so that they may change places bytewise. */
function rotation(reply: Buffer, questionEnd: number): { count: number; recordSize: number } {
  const type = reply.readUInt16BE(questionEnd - 4);
  const count = reply.readUInt16BE(6);
  const recordSize = type === Type.A ? 16 : type === Type.AAAA ? 28 : 0;
  if (recordSize === 0 || questionEnd + count * recordSize > reply.length) return { count: 0, recordSize: 0 };
  for (let i = 0, at = questionEnd; i < count; i++, at += recordSize) {
    if (reply.readUInt16BE(at) !== 0xc00c || reply.readUInt16BE(at + 2) !== type)
      return { count: 0, recordSize: 0 };
  }
  return { count, recordSize };
}

function rotateRecords(out: Buffer, entry: Entry<unknown>): void {
  const shift = Math.floor(Math.random() * entry.count) * entry.recordSize;
  if (shift === 0) return;
  const start = entry.questionEnd;
  const end = start + entry.count * entry.recordSize;
  const head = Buffer.from(out.subarray(start, start + shift));
  out.copyWithin(start, start + shift, end);
  head.copy(out, end - shift);
}

/** The reply's OPT: the client's size, at least 512, and its DO bit. */
function appendOpt(out: Buffer, at: number, query: Buffer, optAt: number): void {
  const size = Math.max(512, query.readUInt16BE(optAt + 3));
  out.fill(0, at, at + OPT_SIZE);
  out[at + 2] = Type.OPT;
  out.writeUInt16BE(size, at + 3);
  out[at + 7] = query[optAt + 7]! & 0x80;
  out[11] = out[11]! + 1;
  if (out[11] === 0) out[10] = out[10]! + 1;
}
