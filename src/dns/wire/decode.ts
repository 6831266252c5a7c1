import { Type } from './constants.js';
import { readName } from './name.js';
import type { RecordData, ResourceRecord } from './record.js';

/** The parts of an answer message that a resolver looks at. */
export interface DecodedAnswer {
  rcode: number;
  flags: number;
  answers: ResourceRecord[];
  authority: ResourceRecord[];
  additional: ResourceRecord[];
}

/** Decodes an answer, names decompressed, OPT left out; undefined when it is malformed. */
export function decodeAnswer(message: Buffer): DecodedAnswer | undefined {
  if (message.length < 12) return undefined;
  let at = 12;
  for (let i = 0; i < message.readUInt16BE(4); i++) {
    const name = readName(message, at);
    if (name === undefined || name.end + 4 > message.length) return undefined;
    at = name.end + 4;
  }
  const flags = message.readUInt16BE(2);
  const sections: ResourceRecord[][] = [];
  for (const countAt of [6, 8, 10]) {
    const records: ResourceRecord[] = [];
    for (let i = 0; i < message.readUInt16BE(countAt); i++) {
      const read = readRecord(message, at);
      if (read === undefined) return undefined;
      at = read.end;
      if (read.record !== undefined) records.push(read.record);
    }
    sections.push(records);
  }
  const [answers, authority, additional] = sections as [ResourceRecord[], ResourceRecord[], ResourceRecord[]];
  return { rcode: flags & 0xf, flags, answers, authority, additional };
}

function readRecord(message: Buffer, offset: number): { record?: ResourceRecord; end: number } | undefined {
  const owner = readName(message, offset);
  if (owner === undefined || owner.end + 10 > message.length) return undefined;
  const type = message.readUInt16BE(owner.end);
  const ttl = message.readUInt32BE(owner.end + 4);
  const start = owner.end + 10;
  const end = start + message.readUInt16BE(owner.end + 8);
  if (end > message.length) return undefined;
  if (type === Type.OPT) return { end };
  const data = readData(message, type, start, end);
  return data === undefined ? undefined : { record: { name: owner.labels, ttl, data }, end };
}

function readData(message: Buffer, type: number, start: number, end: number): RecordData | undefined {
  const bytes = message.subarray(start, end);
  if (type === Type.A) return bytes.length === 4 ? { type: 'A', address: Buffer.from(bytes) } : undefined;
  if (type === Type.AAAA)
    return bytes.length === 16 ? { type: 'AAAA', address: Buffer.from(bytes) } : undefined;
  if (type === Type.CNAME || type === Type.NS || type === Type.PTR) {
    const target = nameWithin(message, start, end);
    const kind = type === Type.CNAME ? 'CNAME' : type === Type.NS ? 'NS' : 'PTR';
    return target === undefined ? undefined : { type: kind, target };
  }
  if (type === Type.MX) {
    const target = bytes.length < 3 ? undefined : nameWithin(message, start + 2, end);
    return target === undefined ? undefined : { type: 'MX', preference: bytes.readUInt16BE(0), target };
  }
  if (type === Type.SRV) return readSrv(message, bytes, start, end);
  if (type === Type.SOA) return readSoa(message, start, end);
  return { type: 'RAW', code: type, bytes: Buffer.from(bytes) };
}

function nameWithin(message: Buffer, start: number, end: number): string[] | undefined {
  const name = readName(message, start);
  return name === undefined || name.end > end ? undefined : name.labels;
}

function readSrv(message: Buffer, bytes: Buffer, start: number, end: number): RecordData | undefined {
  const target = bytes.length < 7 ? undefined : nameWithin(message, start + 6, end);
  if (target === undefined) return undefined;
  const [priority, weight, port] = [0, 2, 4].map((at) => bytes.readUInt16BE(at)) as [number, number, number];
  return { type: 'SRV', priority, weight, port, target };
}

function readSoa(message: Buffer, start: number, end: number): RecordData | undefined {
  const mname = readName(message, start);
  const rname = mname === undefined ? undefined : readName(message, mname.end);
  if (mname === undefined || rname === undefined || rname.end + 20 > end) return undefined;
  const numbers = [0, 4, 8, 12, 16].map((at) => message.readUInt32BE(rname.end + at));
  const [serial, refresh, retry, expire, minimum] = numbers as [number, number, number, number, number];
  return { type: 'SOA', mname: mname.labels, rname: rname.labels, serial, refresh, retry, expire, minimum };
}
