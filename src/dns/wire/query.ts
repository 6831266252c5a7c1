import { Flag, Opcode, Rcode, Type } from './constants.js';
import { readName } from './name.js';

/** The EDNS0 OPT record of a query (RFC 6891). */
export interface Edns {
  udpSize: number;
  version: number;
  do: boolean;
  options: { code: number; data: Buffer }[];
}

/** A well-formed query with exactly one question. */
export interface Query {
  id: number;
  flags: number;
  opcode: number;
  /** Labels as asked, case preserved. */
  labels: string[];
  type: number;
  class: number;
  /** Question section as sent (name, type, class), uncompressed; echoed in the answer (0x20). */
  question: Buffer;
  edns?: Edns;
  /** The serial that the client of an incremental transfer has (RFC 1995). */
  serial?: number;
}

/** What a datagram or frame was: a query, one to be refused with a bare header, or one to ignore. */
export type Parsed = { kind: 'query'; query: Query } | { kind: 'refuse'; reply: Buffer } | { kind: 'ignore' };

const HEADER = 12;

/**
 * Parses a query with CoreDNS's (miekg/dns) rules: short messages and responses are ignored, other opcodes
 * get a bare NOTIMP, wrong counts and malformed names a bare FORMERR; trailing bytes are ignored.
 * The result may share memory with `message` only in `question` and option data.
 */
export function parseQuery(message: Buffer): Parsed {
  if (message.length < HEADER) return { kind: 'ignore' };
  const flags = message.readUInt16BE(2);
  if ((flags & Flag.QR) !== 0) return { kind: 'ignore' };
  const opcode = (flags >> 11) & 0xf;
  if (opcode !== Opcode.QUERY && opcode !== Opcode.NOTIFY) return refuse(message, Rcode.NOTIMP);
  const counts = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  const [questions, answers, authorities, additionals] = counts as [number, number, number, number];
  if (questions !== 1 || answers > 1 || authorities > 1 || additionals > 2)
    return refuse(message, Rcode.FORMERR);
  const name = readName(message, HEADER);
  if (name === undefined || name.end + 4 > message.length) return refuse(message, Rcode.FORMERR);
  const edns = readEdns(message, name.end + 4, answers + authorities + additionals);
  if (edns === 'malformed') return refuse(message, Rcode.FORMERR);
  return {
    kind: 'query',
    query: {
      id: message.readUInt16BE(0),
      flags,
      opcode,
      labels: name.labels,
      type: message.readUInt16BE(name.end),
      class: message.readUInt16BE(name.end + 2),
      question: message.subarray(HEADER, name.end + 4),
      ...(edns === undefined ? {} : { edns }),
      ...ixfrSerial(message, name.end, answers, authorities),
    },
  };
}

/** The serial of the SOA in the authority section of an IXFR query; nothing when it is not that. */
function ixfrSerial(
  message: Buffer,
  typeAt: number,
  answers: number,
  authorities: number,
): { serial?: number } {
  if (message.readUInt16BE(typeAt) !== Type.IXFR || answers !== 0 || authorities !== 1) return {};
  const owner = readName(message, typeAt + 4);
  if (owner === undefined || message.readUInt16BE(owner.end) !== Type.SOA) return {};
  const mname = readName(message, owner.end + 10);
  const rname = mname === undefined ? undefined : readName(message, mname.end);
  if (rname === undefined || rname.end + 4 > message.length) return {};
  return { serial: message.readUInt32BE(rname.end) };
}

/** Header only, id and opcode kept. */
function refuse(message: Buffer, rcode: number): Parsed {
  const reply = Buffer.alloc(HEADER);
  message.copy(reply, 0, 0, 2);
  const flags = message.readUInt16BE(2);
  reply.writeUInt16BE(Flag.QR | (flags & 0x7800) | (flags & Flag.RD) | rcode, 2);
  return { kind: 'refuse', reply };
}

function readEdns(message: Buffer, start: number, count: number): Edns | undefined | 'malformed' {
  let at = start;
  let found: Edns | undefined;
  for (let i = 0; i < count; i++) {
    const name = readName(message, at);
    if (name === undefined || name.end + 10 > message.length) return 'malformed';
    const type = message.readUInt16BE(name.end);
    const length = message.readUInt16BE(name.end + 8);
    const dataStart = name.end + 10;
    at = dataStart + length;
    if (at > message.length) return 'malformed';
    if (type !== Type.OPT) continue;
    // More than one OPT is a format error (RFC 6891 6.1.1).
    if (found !== undefined || name.labels.length > 0) return 'malformed';
    const options = readOptions(message.subarray(dataStart, at));
    if (options === undefined) return 'malformed';
    found = {
      udpSize: message.readUInt16BE(name.end + 2),
      version: message[name.end + 5]!,
      do: (message[name.end + 6]! & 0x80) !== 0,
      options,
    };
  }
  return found;
}

function readOptions(data: Buffer): { code: number; data: Buffer }[] | undefined {
  const options: { code: number; data: Buffer }[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + 4 > data.length) return undefined;
    const length = data.readUInt16BE(at + 2);
    if (at + 4 + length > data.length) return undefined;
    options.push({ code: data.readUInt16BE(at), data: data.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return options;
}
