import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { StoreError } from '../errors.js';

// Offsets in an LMDB meta page (64-bit, data version 2): page header of 24 bytes, then MDB_meta.
const META_LENGTH = 160;
const MAGIC_AT = 24;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const TRANSACTION_AT = 152;
const MAGIC = 0xbeefc0de;

interface Meta {
  pageSize: number;
  lastPage: number;
  transaction: bigint;
}

function readMeta(fd: number, offset: number): Meta | undefined {
  const page = Buffer.alloc(META_LENGTH);
  if (readSync(fd, page, 0, META_LENGTH, offset) < META_LENGTH) return undefined;
  if (page.readUInt32LE(MAGIC_AT) !== MAGIC) return undefined;
  return {
    pageSize: page.readUInt32LE(PAGE_SIZE_AT),
    lastPage: Number(page.readBigUInt64LE(LAST_PAGE_AT)),
    transaction: page.readBigUInt64LE(TRANSACTION_AT),
  };
}

/**
 * Looks at an LMDB file before LMDB maps it. A foreign file is refused. A file that is shorter than its last page
 * is extended with zeros: that is harmless when the missing pages are free (LMDB does not always write those), and
 * when they are not, reading them is an error instead of a bus error that kills the process.
 */
export function checkDataFile(path: string): void {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    // A crash at the very first start leaves an empty file.
    if (size === 0) return;
    const first = readMeta(fd, 0);
    if (first === undefined || first.pageSize < 512) {
      throw new StoreError('Corrupt', `${path} is not a store of this program`);
    }
    const second = readMeta(fd, first.pageSize);
    const newest = second !== undefined && second.transaction > first.transaction ? second : first;
    const needed = (newest.lastPage + 1) * newest.pageSize;
    if (size < needed) ftruncateSync(fd, needed);
  } finally {
    closeSync(fd);
  }
}
