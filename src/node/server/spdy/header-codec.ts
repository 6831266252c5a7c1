import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary.js';

/** Lower-case names; a name may have several values. */
export type SpdyHeaders = Record<string, string[]>;

/** The peer sent something that is no SPDY. */
export class SpdyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SpdyError';
  }
}

const MAX_HEADER_BYTES = 256 * 1024;
const MAX_HEADERS = 1024;

/** Name/value block before compression. */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const parts: Buffer[] = [uint32(Object.keys(headers).length)];
  for (const [name, values] of Object.entries(headers)) {
    const text = Buffer.from(values.join('\0'));
    parts.push(uint32(Buffer.byteLength(name)), Buffer.from(name), uint32(text.length), text);
  }
  return Buffer.concat(parts);
}

/** Throws SpdyError for a block that does not hold what it announces. */
export function decodeHeaders(block: Buffer): SpdyHeaders {
  const headers: SpdyHeaders = {};
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > block.length) throw new SpdyError('header block is cut off');
    at += length;
    return block.subarray(at - length, at);
  };
  const count = take(4).readUInt32BE();
  if (count > MAX_HEADERS) throw new SpdyError('too many headers');
  for (let i = 0; i < count; i++) {
    const name = take(take(4).readUInt32BE()).toString().toLowerCase();
    headers[name] = take(take(4).readUInt32BE()).toString().split('\0');
  }
  return headers;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

/** Runs one block through a zlib stream whose state lasts for the connection; blocks must not overlap. */
function pump(stream: Deflate | Inflate, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error?: Error) => {
      stream.off('data', onData).off('error', onError);
      if (error === undefined) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    const onError = (error: Error) => finish(new SpdyError(`headers: ${error.message}`));
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_HEADER_BYTES) finish(new SpdyError('headers are too large'));
      else chunks.push(chunk);
    };
    stream.on('data', onData).on('error', onError);
    stream.write(input, () => {
      stream.flush(constants.Z_SYNC_FLUSH, () => setImmediate(() => finish()));
    });
  });
}

/** Compresses and decompresses the headers of one connection. Calls are processed in order. */
export class HeaderCodec {
  readonly #deflate = createDeflate({ dictionary: headerDictionary() });
  readonly #inflate = createInflate({ dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  #compressing: Promise<unknown> = Promise.resolve();
  #decompressing: Promise<unknown> = Promise.resolve();

  compress(headers: SpdyHeaders): Promise<Buffer> {
    const result = this.#compressing.then(() => pump(this.#deflate, encodeHeaders(headers)));
    this.#compressing = result.catch(() => {});
    return result;
  }

  decompress(block: Buffer): Promise<SpdyHeaders> {
    const result = this.#decompressing.then(async () => decodeHeaders(await pump(this.#inflate, block)));
    this.#decompressing = result.catch(() => {});
    return result;
  }

  close(): void {
    this.#deflate.close();
    this.#inflate.close();
  }
}
