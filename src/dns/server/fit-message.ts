import { Flag, Rcode, Type } from '../wire/constants.js';
import { readName } from '../wire/name.js';
import type { Query } from '../wire/query.js';
import { writeAnswer } from '../wire/writer.js';

/**
 * Makes an upstream's message the answer to a query: the client's id, question and OPT; cut with TC when it is
 * larger than the client takes. A message that does not parse becomes SERVFAIL.
 */
export function fitMessage(message: Buffer, query: Query, limit: number): Buffer {
  const sections = sectionEnds(message);
  if (sections === undefined) return empty(query, Rcode.SERVFAIL, 0, limit);
  const rcode = message[3]! & 0xf;
  const kept = message.readUInt16BE(2) & (Flag.AA | Flag.RA | Flag.TC | Flag.AD);
  const opt = query.edns === undefined ? undefined : optOf(query, rcode);
  const body = message.subarray(sections.questionEnd, sections.end);
  const question = query.question;
  // Compression pointers in the body count from the start, so that the question must not move it.
  if (12 + question.length !== sections.questionEnd) return empty(query, Rcode.SERVFAIL, 0, limit);
  const size = 12 + question.length + body.length + (opt?.length ?? 0);
  if (size > limit) return empty(query, rcode, Flag.TC | (kept & Flag.RA), limit);
  const out = Buffer.concat([message.subarray(0, 12), question, body, ...(opt === undefined ? [] : [opt])]);
  out.writeUInt16BE(query.id, 0);
  out.writeUInt16BE(Flag.QR | (query.opcode << 11) | (query.flags & (Flag.RD | Flag.CD)) | kept | rcode, 2);
  out.writeUInt16BE(1, 4);
  out.writeUInt16BE(sections.additional + (opt === undefined ? 0 : 1), 10);
  return out;
}

function empty(query: Query, rcode: number, flags: number, limit: number): Buffer {
  const out = writeAnswer(
    query,
    { rcode, authoritative: false, answers: [], authority: [], additional: [] },
    limit,
  );
  out.writeUInt16BE(out.readUInt16BE(2) | flags, 2);
  return out;
}

function optOf(query: Query, rcode: number): Buffer {
  const reply = writeAnswer(
    query,
    { rcode, authoritative: false, answers: [], authority: [], additional: [] },
    65_535,
  );
  return reply.subarray(12 + query.question.length);
}

/** Where the question and the last record before a trailing OPT end; undefined when the message is malformed. */
function sectionEnds(message: Buffer): { questionEnd: number; end: number; additional: number } | undefined {
  if (message.length < 12 || message.readUInt16BE(4) !== 1) return undefined;
  const name = readName(message, 12);
  if (name === undefined || name.end + 4 > message.length) return undefined;
  const [answers, authority, additional] = [6, 8, 10].map((at) => message.readUInt16BE(at)) as [
    number,
    number,
    number,
  ];
  let at = name.end + 4;
  let kept = additional;
  for (let i = 0; i < answers + authority + additional; i++) {
    const start = at;
    const owner = readName(message, at);
    if (owner === undefined || owner.end + 10 > message.length) return undefined;
    at = owner.end + 10 + message.readUInt16BE(owner.end + 8);
    if (at > message.length) return undefined;
    // OPT is hop by hop; a conforming server writes it last or before a signature that we do not pass on.
    if (message.readUInt16BE(owner.end) === Type.OPT) {
      kept = i - answers - authority;
      return { questionEnd: name.end + 4, end: start, additional: kept };
    }
  }
  return { questionEnd: name.end + 4, end: at, additional: kept };
}
