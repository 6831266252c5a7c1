import { Flag, Type } from '../wire/constants.js';
import { encodeQuestion, readName } from '../wire/name.js';
import type { Query } from '../wire/query.js';

export interface Upstream {
  host: string;
  port: number;
  /** DNS over TLS; the name that the certificate must have, when one was given. */
  tls?: { serverName?: string; cert?: string; key?: string; ca?: string };
}

/** How an exchange failed; the next upstream is tried. */
export class ExchangeError extends Error {}

const EDNS_SIZE = 1232;

/** A query of our own with the client's question: new id, RD and CD kept, our EDNS size when the client had EDNS. */
export function outgoing(query: Query, id: number): Buffer {
  const opt = query.edns === undefined ? Buffer.alloc(0) : Buffer.alloc(11);
  if (query.edns !== undefined) {
    opt.writeUInt16BE(Type.OPT, 1);
    opt.writeUInt16BE(EDNS_SIZE, 3);
    opt[7] = query.edns.do ? 0x80 : 0;
  }
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(query.flags & (Flag.RD | Flag.CD | Flag.AD), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(opt.length > 0 ? 1 : 0, 10);
  return Buffer.concat([header, query.question, opt]);
}

/** The answer is to this query: id, QR and the question, whatever its case. */
export function isAnswerTo(message: Buffer, query: Query, id: number): boolean {
  if (message.length < 12 || message.readUInt16BE(0) !== id || (message[2]! & 0x80) === 0) return false;
  const name = readName(message, 12);
  if (name === undefined || message.readUInt16BE(4) !== 1 || name.end + 4 > message.length) return false;
  const got = message.subarray(12, name.end + 4).toString('latin1');
  const asked = query.question.toString('latin1');
  return got.length === asked.length && got.toLowerCase() === asked.toLowerCase();
}

/** What health checks ask: `. IN NS`. */
export function probeQuery(): Query {
  const question = encodeQuestion([], Type.NS, 1);
  return { id: 0, flags: Flag.RD, opcode: 0, labels: [], type: Type.NS, class: 1, question };
}
