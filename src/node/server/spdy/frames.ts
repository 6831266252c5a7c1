import { SpdyError } from './header-codec.js';

export const FrameType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const FLAG_FIN = 1;
const VERSION = 3;
/** Larger frames end the connection. */
export const MAX_FRAME = 16 * 1024 * 1024;

export type Frame =
  | { kind: 'data'; streamId: number; fin: boolean; data: Buffer }
  | { kind: 'control'; type: number; flags: number; payload: Buffer };

/** Cuts a byte stream into frames. Throws SpdyError for another version or an oversized frame. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUIntBE(5, 3);
      if (length > MAX_FRAME) throw new SpdyError(`frame of ${length} bytes`);
      if (this.#rest.length < 8 + length) break;
      frames.push(parseFrame(this.#rest.subarray(0, 8), this.#rest.subarray(8, 8 + length)));
      this.#rest = this.#rest.subarray(8 + length);
    }
    return frames;
  }
}

function parseFrame(head: Buffer, payload: Buffer): Frame {
  const word = head.readUInt32BE();
  const flags = head[4]!;
  if (word >>> 31 === 0)
    return { kind: 'data', streamId: word & 0x7fffffff, fin: (flags & FLAG_FIN) !== 0, data: payload };
  const version = (word >>> 16) & 0x7fff;
  if (version !== VERSION) throw new SpdyError(`SPDY version ${version} is not supported`);
  return { kind: 'control', type: word & 0xffff, flags, payload };
}

export function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head[4] = flags;
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

export function dataFrame(streamId: number, fin: boolean, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(streamId, 0);
  head[4] = fin ? FLAG_FIN : 0;
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

/** A payload of 32-bit words. */
export function words(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    buffer.writeUInt32BE(value >>> 0, i * 4);
  });
  return buffer;
}
