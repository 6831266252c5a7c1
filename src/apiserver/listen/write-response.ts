import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { ApiResponse } from '../contracts.js';
import type { Reply } from './reply.js';

/** Answers above this many bytes are compressed for clients that ask (upstream: 128 KiB, gzip level 1). */
const GZIP_THRESHOLD = 128 * 1024;
/** Bodies are written in pieces of about this size, with a turn of the event loop in between. */
const PIECE_BYTES = 64 * 1024;
/** How long a client may take to read the rest of a stream that is over, e.g. of a watch that it was too slow for. */
const LINGER_MS = 3_000;

export interface WriteOptions {
  /** The request's Accept-Encoding. */
  acceptEncoding?: string | undefined;
  /** The request was HEAD. */
  head: boolean;
}

/**
 * Writes an answer; a promise tells when one that takes time is out or the client is gone. Large bodies and streams
 * respect back-pressure: the producer is pulled only as fast as the client reads. Producers of streams must end when
 * the request's signal aborts, which is how they learn that the client is gone while they have nothing to send.
 */
export function writeResponse(
  reply: Reply,
  answer: ApiResponse,
  options: WriteOptions,
): void | Promise<void> {
  const { status, headers, body } = answer;
  if (!Buffer.isBuffer(body) && !Array.isArray(body)) {
    const zip = answer.document === true && !options.head && acceptsGzip(options.acceptEncoding);
    return zip ? writeGzip(reply, answer, body) : writeUntilOver(reply, answer, body, options.head);
  }
  const pieces = Buffer.isBuffer(body) ? [body] : body;
  const size = Buffer.isBuffer(body) ? body.length : pieces.reduce((sum, piece) => sum + piece.length, 0);
  const large = size > GZIP_THRESHOLD && headers['content-encoding'] === undefined;
  if (large && !options.head && acceptsGzip(options.acceptEncoding)) {
    return writeGzip(reply, answer, coalesce(pieces));
  }
  if (status !== 204 && status !== 304) headers['content-length'] = String(size);
  if (options.head || size === 0) return reply.send(status, headers, undefined);
  if (size > PIECE_BYTES) return writePieces(reply, answer, pieces);
  reply.send(status, headers, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size));
}

async function writePieces(reply: Reply, { status, headers }: ApiResponse, pieces: Buffer[]): Promise<void> {
  reply.head(status, headers);
  for (const chunk of coalesce(pieces)) {
    if (!(await write(reply, chunk))) return;
  }
  return end(reply);
}

async function writeUntilOver(
  reply: Reply,
  answer: ApiResponse,
  body: AsyncIterable<Buffer>,
  head: boolean,
): Promise<void> {
  const { over } = answer;
  if (over === undefined) return writeStream(reply, answer, body, head);
  let timer: NodeJS.Timeout | undefined;
  const linger = () => {
    timer = setTimeout(() => reply.abort(), LINGER_MS);
  };
  over.addEventListener('abort', linger, { once: true });
  if (over.aborted) linger();
  try {
    await writeStream(reply, answer, body, head);
  } finally {
    over.removeEventListener('abort', linger);
    clearTimeout(timer);
  }
}

async function writeStream(
  reply: Reply,
  { status, headers }: ApiResponse,
  body: AsyncIterable<Buffer>,
  head: boolean,
): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  try {
    if (head) return reply.send(status, headers, undefined);
    // Watchers wait for the head before the first event.
    reply.head(status, headers);
    for (;;) {
      const next = await iterator.next();
      if (next.done === true || !(await write(reply, next.value))) break;
    }
  } finally {
    await iterator.return?.();
  }
  return end(reply);
}

async function writeGzip(
  reply: Reply,
  { status, headers }: ApiResponse,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<void> {
  headers['content-encoding'] = 'gzip';
  headers['vary'] = vary(headers['vary'], 'Accept-Encoding');
  reply.head(status, headers);
  const zip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: PIECE_BYTES });
  const feeding = feed(zip, chunks);
  try {
    for await (const chunk of zip) {
      if (!(await write(reply, chunk as Buffer))) break;
    }
  } finally {
    zip.destroy();
  }
  await feeding;
  return end(reply);
}

async function feed(zip: Writable, chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) {
    if (zip.destroyed) return;
    if (!zip.write(chunk)) await settled(zip);
  }
  zip.end();
}

/** Joins small buffers into pieces and cuts large ones, copying only the small. */
export function* coalesce(pieces: Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let size = 0;
  for (const piece of pieces) {
    if (size + piece.length <= PIECE_BYTES) {
      small.push(piece);
      size += piece.length;
      continue;
    }
    if (size > 0) yield Buffer.concat(small, size);
    small = [];
    size = 0;
    let at = 0;
    for (; piece.length - at > PIECE_BYTES; at += PIECE_BYTES) yield piece.subarray(at, at + PIECE_BYTES);
    small.push(piece.subarray(at));
    size = piece.length - at;
  }
  if (size > 0) yield Buffer.concat(small, size);
}

/** Writes one chunk; resolves with false when the client is gone. Always leaves the event loop a turn. */
async function write(reply: Reply, chunk: Buffer): Promise<boolean> {
  if (reply.gone) return false;
  if (reply.write(chunk)) {
    if (chunk.length >= PIECE_BYTES / 2) await new Promise((resolve) => setImmediate(resolve));
  } else if (!reply.gone) await settled(reply.stream);
  return !reply.gone;
}

/** Resolves when more can be written, or when that will never be. */
function settled(stream: Writable): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    stream.on('drain', done).on('close', done).on('error', done);
  });
}

function end(reply: Reply): Promise<void> {
  if (reply.gone) return Promise.resolve();
  return new Promise((resolve) => {
    reply.stream.once('close', resolve);
    reply.end(resolve);
  });
}

function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(',').some((part) => {
    const [coding = '', ...params] = part.split(';').map((s) => s.trim().toLowerCase());
    return (coding === 'gzip' || coding === '*') && !params.some((p) => /^q=0(\.0*)?$/.test(p));
  });
}

function vary(have: string | undefined, add: string): string {
  return have === undefined ? add : `${have}, ${add}`;
}
