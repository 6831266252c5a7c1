import { crc32 } from 'node:zlib';
import { StoreError } from '../errors.js';
import type { Change, Commit } from '../mvcc/change.js';

/**
 * A transaction as one log record, little-endian:
 *
 *     u32 CRC-32 of the rest · u8 layout (1) · u8 0 · u16 number of changes · changes
 *     change: u8 kind · u16 key length · key
 *             put (1) goes on: f64 create revision · u32 version · f64 expiry in ms or 0 · u32 value length · value
 *             delete (0) ends here
 *
 * The record's own key in the log is its revision.
 */
const LAYOUT = 1;
const HEAD = 8;
const PUT = 1;
const DELETE = 0;
const PUT_FIXED = 8 + 4 + 8 + 4;

export function encodeCommit(commit: Commit): Buffer {
  const keys = commit.changes.map((change) => Buffer.from(change.key, 'utf8'));
  let size = HEAD;
  commit.changes.forEach((change, i) => {
    size += 3 + keys[i]!.length + (change.kv === undefined ? 0 : PUT_FIXED + change.kv.value.length);
  });
  const out = Buffer.allocUnsafe(size);
  out[4] = LAYOUT;
  out[5] = 0;
  out.writeUInt16LE(commit.changes.length, 6);
  let at = HEAD;
  commit.changes.forEach((change, i) => {
    at = encodeChange(out, at, change, keys[i]!);
  });
  out.writeUInt32LE(crc32(out.subarray(4)), 0);
  return out;
}

function encodeChange(out: Buffer, from: number, change: Change, key: Buffer): number {
  let at = out.writeUInt8(change.kv === undefined ? DELETE : PUT, from);
  at = out.writeUInt16LE(key.length, at);
  at += key.copy(out, at);
  if (change.kv === undefined) return at;
  at = out.writeDoubleLE(change.kv.createRevision, at);
  at = out.writeUInt32LE(change.kv.version, at);
  at = out.writeDoubleLE(change.expiresAt ?? 0, at);
  at = out.writeUInt32LE(change.kv.value.length, at);
  return at + change.kv.value.copy(out, at);
}

/** Number of changes in a record, without checking it. */
export function changeCount(record: Buffer): number {
  return record.readUInt16LE(6);
}

/** Values share the record's memory. Throws StoreError Corrupt for anything that `encodeCommit` did not make. */
export function decodeCommit(revision: number, record: Buffer): Commit {
  const corrupt = (why: string) => new StoreError('Corrupt', `log record ${revision} is damaged: ${why}`);
  if (record.length < HEAD) throw corrupt('too short');
  if (record.readUInt32LE(0) !== crc32(record.subarray(4))) throw corrupt('checksum mismatch');
  if (record[4] !== LAYOUT) throw corrupt(`unknown layout ${record[4]}`);
  const changes: Change[] = [];
  try {
    let at = HEAD;
    for (let left = changeCount(record); left > 0; left--) at = decodeChange(record, at, revision, changes);
    if (at !== record.length) throw new RangeError('trailing bytes');
  } catch (error) {
    throw corrupt((error as Error).message);
  }
  return { revision, changes };
}

function decodeChange(record: Buffer, from: number, revision: number, into: Change[]): number {
  const kind = record.readUInt8(from);
  const keyStart = from + 3;
  const keyEnd = keyStart + record.readUInt16LE(from + 1);
  const key = record.toString('utf8', keyStart, keyEnd);
  if (kind === DELETE) {
    into.push({ key });
    return keyEnd;
  }
  if (kind !== PUT) throw new RangeError(`unknown change ${kind}`);
  const expiresAt = record.readDoubleLE(keyEnd + 12);
  const start = keyEnd + PUT_FIXED;
  const end = start + record.readUInt32LE(keyEnd + 20);
  if (end > record.length) throw new RangeError('value ends after the record');
  const kv = {
    key,
    value: record.subarray(start, end),
    createRevision: record.readDoubleLE(keyEnd),
    modRevision: revision,
    version: record.readUInt32LE(keyEnd + 8),
  };
  into.push({ key, kv, ...(expiresAt > 0 ? { expiresAt } : {}) });
  return end;
}
