import { closeSync, fdatasync, fsyncSync, openSync, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { StoreError } from '../errors.js';

const syncData = promisify(fdatasync);
const writeAt = promisify(write);

/** Bytes of a segment. They are written once in full, so that later a flush is of data alone. */
export const SEGMENT_BYTES = 1024 * 1024;

const FRAME_HEAD = 16;
const RECORD_HEAD = 12;

/** A log record with its revision. */
export interface LogRecord {
  revision: number;
  record: Buffer;
}

/**
 * A preallocated file of frames, each one flush, little-endian:
 *
 *     u32 CRC-32 of the rest · u32 payload length · f64 generation · payload
 *     payload: f64 revision · u32 record length · record, repeated
 *
 * A segment is used again and again, each time with a new generation; the first frame that is damaged or of
 * another generation is where its content ends.
 */
export class WalSegment {
  readonly #fd: number;
  generation = 0;
  /** What has been written in this generation. */
  records: LogRecord[] = [];
  #offset = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens the file and reads what it holds of generations after `drained`; makes it when it is missing or was not
   * completed. Throws StoreError Corrupt.
   */
  static open(path: string, drained: number): WalSegment {
    const fd = openSync(path, 'a+', 0o600);
    closeSync(fd);
    const segment = new WalSegment(openSync(path, 'r+'));
    const bytes = Buffer.alloc(SEGMENT_BYTES);
    if (readSync(segment.#fd, bytes, 0, SEGMENT_BYTES, 0) === SEGMENT_BYTES) segment.#read(bytes, drained);
    else {
      writeSync(segment.#fd, Buffer.alloc(SEGMENT_BYTES), 0, SEGMENT_BYTES, 0);
      fsyncSync(segment.#fd);
    }
    return segment;
  }

  #read(bytes: Buffer, drained: number): void {
    for (;;) {
      const end = frameEnd(bytes, this.#offset);
      if (end === undefined) return this.#checkTail(bytes, drained);
      const generation = bytes.readDoubleLE(this.#offset + 8);
      if (this.#offset > 0 ? generation !== this.generation : generation <= drained) return;
      this.generation = generation;
      for (let at = this.#offset + FRAME_HEAD; at < end; ) {
        const length = bytes.readUInt32LE(at + 8);
        const record = bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
        this.records.push({ revision: bytes.readDoubleLE(at), record });
        at += RECORD_HEAD + length;
      }
      this.#offset = end;
    }
  }

  /** A frame that a crash cut short is the last one; one that others follow has been damaged later. */
  #checkTail(bytes: Buffer, drained: number): void {
    if (this.#offset + FRAME_HEAD > bytes.length) return;
    const next = this.#offset + FRAME_HEAD + bytes.readUInt32LE(this.#offset + 4);
    if (frameEnd(bytes, next) === undefined) return;
    const own = this.#offset > 0 ? this.generation : bytes.readDoubleLE(this.#offset + 8);
    if (own <= drained || bytes.readDoubleLE(next + 8) !== own) return;
    throw new StoreError(
      'Corrupt',
      `the write-ahead log is damaged at byte ${this.#offset}: checksum mismatch`,
    );
  }

  /** Whether a flush of these records has room. */
  fits(records: readonly LogRecord[]): boolean {
    return this.#offset + frameBytes(records) <= SEGMENT_BYTES;
  }

  /** Resolves when the records are on the disk. One call at a time. */
  async append(records: LogRecord[]): Promise<void> {
    const frame = encodeFrame(this.generation, records);
    const at = this.#offset;
    this.#offset += frame.length;
    for (const record of records) this.records.push(record);
    const written = writeAt(this.#fd, frame, 0, frame.length, at).then(() => syncData(this.#fd));
    this.#writing = written.catch(() => undefined);
    await written;
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writing;
  }

  /** Begins anew; what the file holds is of an earlier generation. */
  reset(generation: number): void {
    this.generation = generation;
    this.records = [];
    this.#offset = 0;
  }

  /** Empties the file itself. */
  clear(): void {
    this.reset(0);
    writeSync(this.#fd, Buffer.alloc(FRAME_HEAD), 0, FRAME_HEAD, 0);
    fsyncSync(this.#fd);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function frameBytes(records: readonly LogRecord[]): number {
  return records.reduce((sum, { record }) => sum + RECORD_HEAD + record.length, FRAME_HEAD);
}

function encodeFrame(generation: number, records: readonly LogRecord[]): Buffer {
  const frame = Buffer.allocUnsafe(frameBytes(records));
  frame.writeUInt32LE(frame.length - FRAME_HEAD, 4);
  frame.writeDoubleLE(generation, 8);
  let at = FRAME_HEAD;
  for (const { revision, record } of records) {
    frame.writeDoubleLE(revision, at);
    frame.writeUInt32LE(record.length, at + 8);
    record.copy(frame, at + RECORD_HEAD);
    at += RECORD_HEAD + record.length;
  }
  frame.writeUInt32LE(crc32(frame.subarray(4)), 0);
  return frame;
}

/** Where the frame at `from` ends; undefined when there is none, or not a whole one. */
function frameEnd(bytes: Buffer, from: number): number | undefined {
  if (from + FRAME_HEAD > bytes.length) return undefined;
  const length = bytes.readUInt32LE(from + 4);
  const end = from + FRAME_HEAD + length;
  if (length === 0 || end > bytes.length) return undefined;
  return bytes.readUInt32LE(from) === crc32(bytes.subarray(from + 4, end)) ? end : undefined;
}
