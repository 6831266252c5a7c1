import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { ApiResponse } from '../contracts.js';

export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Answers above this many bytes are compressed for clients that ask (upstream: 128 KiB, gzip level 1). */
const GZIP_THRESHOLD = 128 * 1024;
/** Bodies are written in pieces of about this size, with a turn of the event loop in between. */
const PIECE_BYTES = 64 * 1024;

export interface WriteOptions {
  /** The request's Accept-Encoding. */
  acceptEncoding?: string | undefined;
  head: boolean;
  /** Close the connection afterwards (HTTP/1.1, draining). */
  close: boolean;
  http2: boolean;
}

/**
 * Writes an answer and resolves when it is out or the client is gone. Large bodies and streams respect
 * back-pressure: the producer is pulled only as fast as the client reads. Producers of streams must end when
 * the request's signal aborts, which is how they learn that the client is gone while they have nothing to send.
 */
export async function writeResponse(
  response: HttpResponse,
  answer: ApiResponse,
  options: WriteOptions,
): Promise<void> {
  const { body } = answer;
  const headers: Record<string, string> = { ...answer.headers };
  if (options.close && !options.http2) headers['connection'] = 'close';
  if (!Buffer.isBuffer(body) && !Array.isArray(body)) {
    if (answer.document === true && !options.head && acceptsGzip(options.acceptEncoding)) {
      compress(headers);
      return writeGzip(response, answer.status, headers, body);
    }
    return writeStream(response, answer.status, headers, body, options.head);
  }
  const pieces = Buffer.isBuffer(body) ? [body] : body;
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const large = size > GZIP_THRESHOLD && headers['content-encoding'] === undefined;
  if (large && !options.head && acceptsGzip(options.acceptEncoding)) {
    compress(headers);
    return writeGzip(response, answer.status, headers, coalesce(pieces));
  }
  if (answer.status !== 204 && answer.status !== 304) headers['content-length'] = String(size);
  response.writeHead(answer.status, headers);
  if (options.head || size === 0) return void response.end();
  if (size <= PIECE_BYTES) {
    return void (response as ServerResponse).end(
      pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size),
    );
  }
  for (const chunk of coalesce(pieces)) {
    if (!(await write(response, chunk))) return;
  }
  return end(response);
}

async function writeStream(
  response: HttpResponse,
  status: number,
  headers: Record<string, string>,
  body: AsyncIterable<Buffer>,
  head: boolean,
): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  try {
    response.writeHead(status, headers);
    // Watchers wait for the head before the first event.
    if (!head) (response as ServerResponse).flushHeaders();
    while (!head) {
      const next = await iterator.next();
      if (next.done === true || !(await write(response, next.value))) break;
    }
  } finally {
    await iterator.return?.();
  }
  return end(response);
}

async function writeGzip(
  response: HttpResponse,
  status: number,
  headers: Record<string, string>,
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<void> {
  response.writeHead(status, headers);
  const zip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: PIECE_BYTES });
  const feeding = feed(zip, chunks);
  try {
    for await (const chunk of zip) {
      if (!(await write(response, chunk as Buffer))) break;
    }
  } finally {
    zip.destroy();
  }
  await feeding;
  return end(response);
}

function compress(headers: Record<string, string>): void {
  headers['content-encoding'] = 'gzip';
  headers['vary'] = vary(headers['vary'], 'Accept-Encoding');
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
async function write(response: HttpResponse, chunk: Buffer): Promise<boolean> {
  if (isGone(response)) return false;
  if ((response as Writable).write(chunk)) {
    if (chunk.length >= PIECE_BYTES / 2) await new Promise((resolve) => setImmediate(resolve));
  } else if (!isGone(response)) await settled(response as Writable);
  return !isGone(response);
}

/** Nothing more can be written. HTTP/2 responses are no streams themselves: theirs knows. */
function isGone(response: HttpResponse): boolean {
  if ('stream' in response) return response.writableEnded || (response.stream?.destroyed ?? true);
  return response.destroyed || response.writableEnded;
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

function end(response: HttpResponse): Promise<void> {
  if (isGone(response)) return Promise.resolve();
  return new Promise((resolve) => {
    response.once('close', resolve);
    (response as ServerResponse).end(() => resolve());
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
