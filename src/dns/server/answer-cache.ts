import { randomInt } from 'node:crypto';
import { Flag, Type } from '../wire/constants.js';
import { type KeptReply, ReplyRing } from './reply-ring.js';

const HEADER = 12;
/** Octets of an OPT record without options. */
export const OPT_SIZE = 11;
/** Larger replies are written anew for every client. */
const MAX_REPLY = 4096;
const MIB = 2 ** 20;
/** What resolvers offer without EDNS, and with it (DNS flag day 2020): replies that are too large are kept cut to these. */
const PLAIN_SIZE = 512;
const EDNS_SIZE = 1232;

/** What the holder of a reply says about it; the cache keeps few of these, for as long as it lives. */
export interface ReplyContext {
  /** Addresses change places. */
  rotate: boolean;
  /** Ceiling of the EDNS size that is believed. */
  bufferSize?: number;
  /** The current SOA serial, for kept negatives. */
  serial?: () => number;
}

/** What was found, for metrics; the fields are valid until the next look-up. */
export interface Hit<C> {
  context: C;
  reply: Buffer;
  type: number;
  rcode: number;
  do: boolean;
}

/**
 * Complete replies by question (name in lower case, type, class). A hit costs one scan, one look-up and one copy into
 * which id, RD, CD, the client's spelling of the name, EDNS and the order of addresses are patched. Entries live until
 * what they were made of changes, or until their memory is needed: they are dropped by Service, never by time.
 */
export class AnswerCache<C extends ReplyContext> {
  /** Two rings, so that a flood of names that do not exist costs only other such names their place. */
  readonly #positive = new ReplyRing(8 * MIB, 131_072);
  readonly #negative = new ReplyRing(4 * MIB, 65_536);
  readonly #contexts: C[] = [];
  /** The question in lower case, and its hash, of the last scan. */
  readonly #question = Buffer.alloc(260);
  /** A start of its own, so that no one can choose names that meet in one place. */
  readonly #seed = randomInt(0x7fff_ffff);
  #hash = 0;
  #hit: Hit<C> | undefined;

  get size(): number {
    return this.#positive.size + this.#negative.size;
  }

  /** The reply to a query, or undefined when the slow path must answer. `stream` lifts the size limit. */
  lookup(message: Buffer, stream: boolean): Hit<C> | undefined {
    const end = this.#scan(message);
    if (end === 0) return undefined;
    const kept = this.#find(end - HEADER, 0);
    if (kept === undefined) return undefined;
    const context = this.#contexts[kept.context]!;
    const edns = message[11] === 1;
    const limit = stream ? 65_535 : sizeLimit(message, edns ? end : 0, context.bufferSize);
    const reply = this.#assemble(kept, message, edns ? end : 0, limit, context);
    if (reply === undefined) return undefined;
    // One object for all hits: this path should leave nothing behind but the reply.
    this.#hit ??= { context, reply, type: 0, rcode: 0, do: false };
    const hit = this.#hit;
    hit.context = context;
    hit.reply = reply;
    hit.rcode = kept.rcode;
    hit.type = (message[end - 4]! << 8) | message[end - 3]!;
    hit.do = edns && (message[end + 7]! & 0x80) !== 0;
    return hit;
  }

  #find(length: number, limit: number): KeptReply | undefined {
    return (
      this.#positive.find(this.#question, length, this.#hash, limit) ??
      this.#negative.find(this.#question, length, this.#hash, limit)
    );
  }

  /**
   * Lower-cases the question and hashes it (FNV-1a); returns its end, or 0 for everything that is not a plain query
   * (opcode QUERY, one question without compression, no other record than an OPT without options).
   */
  #scan(m: Buffer): number {
    const { length } = m;
    if (length < HEADER + 5 || (m[2]! & 0xf8) !== 0 || m[4] !== 0 || m[5] !== 1) return 0;
    if ((m[6]! | m[7]! | m[8]! | m[9]! | m[10]!) !== 0 || m[11]! > 1) return 0;
    const question = this.#question;
    let hash = this.#seed;
    let at = HEADER;
    for (;;) {
      const label = m[at]!;
      if (label > 63 || at + label + 5 > length || at + label > HEADER + 254) return 0;
      question[at - HEADER] = label;
      hash = Math.imul(hash ^ label, 0x01000193);
      at++;
      if (label === 0) break;
      for (const end = at + label; at < end; at++) {
        let c = m[at]!;
        if (c >= 65 && c <= 90) c |= 32;
        question[at - HEADER] = c;
        hash = Math.imul(hash ^ c, 0x01000193);
      }
    }
    if (at + 4 > length) return 0;
    for (const end = at + 4; at < end; at++) {
      question[at - HEADER] = m[at]!;
      hash = Math.imul(hash ^ m[at]!, 0x01000193);
    }
    this.#hash = (hash ^ (hash >>> 15)) >>> 0;
    return m[11] === 0 || isLoneOpt(m, at) ? at : 0;
  }

  /** The reply for this client; undefined when it does not fit and no cut one is kept. */
  #assemble(kept: KeptReply, query: Buffer, optAt: number, limit: number, context: C): Buffer | undefined {
    const room = limit - (optAt > 0 ? OPT_SIZE : 0);
    const { questionEnd, recordSize } = kept;
    let { count, length } = kept;
    if (length > room) {
      // Addresses are cut and rotated at once: every one of them is shown sooner or later.
      if (length !== questionEnd + count * recordSize || !context.rotate)
        return this.#cut(kept, query, optAt, limit);
      count = Math.floor((room - questionEnd) / recordSize);
      length = questionEnd + count * recordSize;
    }
    const out = Buffer.allocUnsafe(length + (optAt > 0 ? OPT_SIZE : 0));
    if (context.rotate && kept.count > 1) copyRotated(kept, out, count);
    else kept.bytes.copy(out, 0, kept.at, kept.at + length);
    patch(out, query, questionEnd);
    if (count < kept.count) {
      out[2] = out[2]! | (Flag.TC >> 8);
      out[6] = count >> 8;
      out[7] = count & 255;
    }
    if (kept.serialAt > 0 && context.serial !== undefined)
      out.writeUInt32BE(context.serial() >>> 0, kept.serialAt);
    if (optAt > 0) appendOpt(out, length, query, optAt);
    return out;
  }

  #cut(whole: KeptReply, query: Buffer, optAt: number, limit: number): Buffer | undefined {
    if (limit !== (optAt > 0 ? EDNS_SIZE : PLAIN_SIZE)) return undefined;
    const kept = this.#find(whole.questionEnd - HEADER, limit);
    if (kept === undefined) return undefined;
    const out = Buffer.allocUnsafe(kept.length + (optAt > 0 ? OPT_SIZE : 0));
    kept.bytes.copy(out, 0, kept.at, kept.at + kept.length);
    patch(out, query, kept.questionEnd);
    if (optAt > 0) appendOpt(out, kept.length, query, optAt);
    return out;
  }

  /**
   * Keeps a reply without OPT (at most 4 KiB of it) under a tag. `limit` is the size it was cut to; only those that
   * `isKeptSize` are ever looked for.
   */
  store(reply: Buffer, tag: string, context: C, limit = 0): void {
    const copy = neutral(reply);
    const end = reply.length > MAX_REPLY ? 0 : this.#scan(asQuery(reply));
    if (end === 0) return;
    this.#question.copy(copy, HEADER, 0, end - HEADER);
    const answers = reply.readUInt16BE(6);
    const bareSoa = answers === 0 && reply[9] === 1 && reply.readUInt16BE(10) === 0;
    const ring = answers === 0 ? this.#negative : this.#positive;
    ring.put(copy, this.#hash, tag, {
      limit,
      context: this.#contextNumber(context),
      rcode: reply[3]! & 0xf,
      questionEnd: end,
      ...rotation(reply, end),
      serialAt: bareSoa ? reply.length - 20 : 0,
    });
  }

  /** Whether a reply that was cut to this size, for a client with or without EDNS, is worth keeping. */
  static isKeptSize(limit: number, edns: boolean): boolean {
    return limit === (edns ? EDNS_SIZE : PLAIN_SIZE);
  }

  #contextNumber(context: C): number {
    const known = this.#contexts.indexOf(context);
    return known >= 0 ? known : this.#contexts.push(context) - 1;
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
    this.#positive.clear();
    this.#negative.clear();
  }

  #drop(tag: string): void {
    this.#positive.invalidate(tag);
    this.#negative.invalidate(tag);
  }
}

function sizeLimit(message: Buffer, optAt: number, ceiling = 65_535): number {
  if (optAt === 0) return PLAIN_SIZE;
  return Math.min(ceiling, Math.max(PLAIN_SIZE, (message[optAt + 3]! << 8) | message[optAt + 4]!));
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
  const none = { count: 0, recordSize: 0 };
  if (recordSize === 0 || count > 255 || questionEnd + count * recordSize > reply.length) return none;
  for (let i = 0, at = questionEnd; i < count; i++, at += recordSize)
    if (reply.readUInt16BE(at) !== 0xc00c || reply.readUInt16BE(at + 2) !== type) return none;
  return { count, recordSize };
}

/** Copies header, question and `count` of the records, from a random one on. */
function copyRotated(
  { bytes, at, questionEnd, recordSize, ...kept }: KeptReply,
  out: Buffer,
  count: number,
): void {
  bytes.copy(out, 0, at, at + questionEnd);
  const records = at + questionEnd;
  const first = Math.floor(Math.random() * kept.count);
  const before = Math.min(count, kept.count - first);
  bytes.copy(out, questionEnd, records + first * recordSize, records + (first + before) * recordSize);
  bytes.copy(out, questionEnd + before * recordSize, records, records + (count - before) * recordSize);
  // What follows the addresses stays where it is.
  if (count === kept.count)
    bytes.copy(out, questionEnd + count * recordSize, records + count * recordSize, at + kept.length);
}

/** Makes a kept reply the answer to this query. */
function patch(out: Buffer, query: Buffer, questionEnd: number): void {
  out[0] = query[0]!;
  out[1] = query[1]!;
  out[2] = out[2]! | (query[2]! & (Flag.RD >> 8));
  out[3] = out[3]! | (query[3]! & Flag.CD);
  for (let i = HEADER; i < questionEnd; i++) out[i] = query[i]!;
}

/** The reply's OPT: the client's size, at least 512, and its DO bit. */
function appendOpt(out: Buffer, at: number, query: Buffer, optAt: number): void {
  const size = Math.max(PLAIN_SIZE, (query[optAt + 3]! << 8) | query[optAt + 4]!);
  out.fill(0, at, at + OPT_SIZE);
  out[at + 2] = Type.OPT;
  out[at + 3] = size >> 8;
  out[at + 4] = size & 255;
  out[at + 7] = query[optAt + 7]! & 0x80;
  out[11] = out[11]! + 1;
  if (out[11] === 0) out[10] = out[10]! + 1;
}
