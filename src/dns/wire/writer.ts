import { Class, EdnsOption, Flag, Type } from './constants.js';
import type { Name } from './name.js';
import { lower } from './name.js';
import type { Query } from './query.js';
import type { Answer, RecordData, ResourceRecord } from './record.js';

const ECHOED = new Set<number>([
  EdnsOption.NSID,
  EdnsOption.EXPIRE,
  EdnsOption.COOKIE,
  EdnsOption.KEEPALIVE,
  EdnsOption.PADDING,
]);
const MAX_MESSAGE = 65_535;
const OPT_FIXED = 11;

/**
 * Writes the answer to a query, compressed, within `limit` bytes. Whole records are dropped from the end when
 * they do not fit; TC is set only when an answer or authority record was dropped (RFC 2181 section 9), so that lost glue does not send
 * clients to TCP. The question is echoed byte for byte.
 */
export function writeAnswer(query: Query, answer: Answer, limit: number): Buffer {
  const opt = query.edns === undefined ? undefined : optRecord(query, answer.rcode);
  const writer = new Writer(query.question, Math.min(limit, MAX_MESSAGE) - (opt?.length ?? 0));
  let truncated = answer.truncated === true;
  let full = false;
  const counts = [answer.answers, answer.authority, answer.additional].map((section, index) => {
    let written = 0;
    for (const record of section) {
      if (full || !writer.record(record)) {
        full = true;
        truncated ||= index < 2;
        break;
      }
      written++;
    }
    return written;
  });
  const flags =
    Flag.QR |
    (query.opcode << 11) |
    (query.flags & (Flag.RD | Flag.CD)) |
    (answer.authoritative ? Flag.AA : 0) |
    (truncated ? Flag.TC : 0) |
    (answer.recursionAvailable === true ? Flag.RA : 0) |
    (answer.rcode & 0xf);
  const extra = opt === undefined ? 0 : 1;
  return writer.finish(query.id, flags, [counts[0]!, counts[1]!, counts[2]! + extra], opt);
}

/** The OPT record of a reply: the client's own size echoed (at least 512), DO echoed, known options echoed. */
function optRecord(query: Query, rcode: number): Buffer {
  const edns = query.edns!;
  const options = edns.options.filter((o) => ECHOED.has(o.code));
  const size = options.reduce((sum, o) => sum + 4 + o.data.length, 0);
  const out = Buffer.alloc(OPT_FIXED + size);
  out.writeUInt16BE(Type.OPT, 1);
  out.writeUInt16BE(Math.max(512, edns.udpSize), 3);
  out[5] = rcode >> 4;
  out[7] = edns.do ? 0x80 : 0;
  out.writeUInt16BE(size, 9);
  let at = OPT_FIXED;
  for (const { code, data } of options) {
    out.writeUInt16BE(code, at);
    out.writeUInt16BE(data.length, at + 2);
    data.copy(out, at + 4);
    at += 4 + data.length;
  }
  return out;
}

class Writer {
  #buffer: Buffer;
  #at: number;
  readonly #limit: number;
  /** Lower-case suffix to its offset; only the first 16 KiB can be pointed to. */
  readonly #suffixes = new Map<string, number>();

  constructor(question: Buffer, limit: number) {
    this.#limit = limit;
    this.#buffer = Buffer.allocUnsafe(Math.max(512, Math.min(limit, 2048)) + question.length);
    question.copy(this.#buffer, 12);
    this.#at = 12 + question.length;
    this.#rememberQuestion(question);
  }

  #rememberQuestion(question: Buffer): void {
    const labels: [string, number][] = [];
    for (let at = 0; question[at] !== undefined && question[at] !== 0; at += question[at]! + 1) {
      labels.push([question.toString('latin1', at + 1, at + 1 + question[at]!), 12 + at]);
    }
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).map(([label]) => label);
      this.#suffixes.set(suffixKey(suffix, 0), labels[i]![1]);
    }
  }

  /** Appends a record, or leaves the message as it was and returns false when it does not fit. */
  record(record: ResourceRecord): boolean {
    const start = this.#at;
    const known = this.#suffixes.size;
    this.#reserve(600 + dataSize(record.data));
    this.#name(record.name, true);
    this.#u16(record.data.type === 'RAW' ? record.data.code : Type[record.data.type]);
    this.#u16(Class.IN);
    this.#u32(record.ttl);
    const lengthAt = this.#at;
    this.#at += 2;
    this.#data(record.data);
    this.#buffer.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
    if (this.#at <= this.#limit) return true;
    this.#at = start;
    for (const key of [...this.#suffixes.keys()].slice(known)) this.#suffixes.delete(key);
    return false;
  }

  finish(
    id: number,
    flags: number,
    [answers, authority, additional]: [number, number, number],
    opt?: Buffer,
  ): Buffer {
    const b = this.#buffer;
    b.writeUInt16BE(id, 0);
    b.writeUInt16BE(flags, 2);
    b.writeUInt16BE(1, 4);
    b.writeUInt16BE(answers, 6);
    b.writeUInt16BE(authority, 8);
    b.writeUInt16BE(additional, 10);
    if (opt !== undefined) {
      this.#reserve(opt.length);
      opt.copy(this.#buffer, this.#at);
      this.#at += opt.length;
    }
    return this.#buffer.subarray(0, this.#at);
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#at + size) * 2);
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  #u16(value: number): void {
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }
  #u32(value: number): void {
    this.#at = this.#buffer.writeUInt32BE(value >>> 0, this.#at);
  }

  /** SRV targets are not compressed (RFC 2782); all other names are. */
  #name(name: Name, compress: boolean): void {
    for (let i = 0; i < name.length; i++) {
      const key = suffixKey(name, i);
      const known = this.#suffixes.get(key);
      if (compress && known !== undefined) {
        this.#u16(0xc000 | known);
        return;
      }
      if (known === undefined && this.#at < 0x4000) this.#suffixes.set(key, this.#at);
      const label = name[i]!;
      this.#buffer[this.#at] = label.length;
      this.#at += 1 + this.#buffer.write(label, this.#at + 1, 'latin1');
    }
    this.#buffer[this.#at++] = 0;
  }

  #text(text: string): void {
    const length = Math.min(255, text.length);
    this.#buffer[this.#at] = length;
    this.#at += 1 + this.#buffer.write(text.slice(0, length), this.#at + 1, 'latin1');
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case 'A':
      case 'AAAA':
        this.#at += data.address.copy(this.#buffer, this.#at);
        return;
      case 'CNAME':
      case 'NS':
      case 'PTR':
        return this.#name(data.target, true);
      case 'SRV':
        this.#u16(data.priority);
        this.#u16(data.weight);
        this.#u16(data.port);
        return this.#name(data.target, false);
      case 'TXT':
        for (const text of data.strings) this.#text(text);
        return;
      case 'MX':
        this.#u16(data.preference);
        return this.#name(data.target, true);
      case 'RAW':
        this.#at += data.bytes.copy(this.#buffer, this.#at);
        return;
      case 'HINFO':
        this.#text(data.cpu);
        this.#text(data.os);
        return;
      case 'SOA':
        this.#name(data.mname, true);
        this.#name(data.rname, true);
        for (const n of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.#u32(n);
        return;
    }
  }
}

function suffixKey(labels: Name, from: number): string {
  let key = '';
  for (let i = from; i < labels.length; i++)
    key += `${String.fromCharCode(labels[i]!.length)}${lower(labels[i]!)}`;
  return key;
}

function dataSize(data: RecordData): number {
  if (data.type === 'RAW') return data.bytes.length;
  if (data.type === 'TXT') return data.strings.reduce((sum, s) => sum + 1 + s.length, 0);
  return data.type === 'HINFO' ? data.cpu.length + data.os.length + 2 : 0;
}
