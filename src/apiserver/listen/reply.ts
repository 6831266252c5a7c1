import type { ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';

/** Where one answer goes. */
export interface Reply {
  /** Says when more fits and when it is over. */
  readonly stream: Writable;
  /** Nothing more can be written: the answer is complete or the client has left. */
  readonly gone: boolean;
  /** Sends the head at once; `write` and `end` follow. */
  head(status: number, headers: Record<string, string>): void;
  /** Sends a piece of the body; false when the client should be given time to read (`drain`). */
  write(piece: Buffer): boolean;
  /** Ends the body; `done` runs when everything is with the system. */
  end(done: () => void): void;
  /** Sends a whole answer; no body for HEAD requests and statuses that have none. */
  send(status: number, headers: Record<string, string>, body: Buffer | undefined): void;
  /** Nothing else is wanted on this connection after the answer. */
  last(): void;
  /** Gives up on the request. */
  abort(): void;
}

/** Bodies up to this size go out in one piece with the head. */
const INLINE_BYTES = 16 * 1024;

export class Http1Reply implements Reply {
  readonly #response: ServerResponse;
  readonly #chunks: Chunks;
  #chunked = false;

  constructor(response: ServerResponse, chunks: Chunks) {
    this.#response = response;
    this.#chunks = chunks;
  }

  get stream(): Writable {
    return this.#response;
  }

  get gone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  head(status: number, headers: Record<string, string>): void {
    const response = this.#response;
    response.writeHead(status, headers);
    response.flushHeaders();
    // Node would hand each piece to TLS as three buffers, which are put together there.
    this.#chunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
  }

  write(piece: Buffer): boolean {
    return this.#response.write(this.#chunked ? this.#chunks.of(piece) : piece);
  }

  end(done: () => void): void {
    if (this.#chunked) this.#response.end(LAST_CHUNK, 'latin1', done);
    else this.#response.end(done);
  }

  send(status: number, headers: Record<string, string>, body: Buffer | undefined): void {
    const response = this.#response;
    response.writeHead(status, headers);
    if (body === undefined) response.end();
    // As text of single bytes Node puts it behind the head, and both into one TLS record.
    else if (body.length <= INLINE_BYTES) response.end(body.toString('latin1'), 'latin1');
    else response.end(body);
  }

  last(): void {
    this.#response.shouldKeepAlive = false;
  }

  abort(): void {
    this.#response.destroy();
    this.#response.req.destroy();
  }
}

const LAST_CHUNK = '0\r\n\r\n';

/** Frames pieces for HTTP/1.1. Watchers get the same piece one after the other, which is framed once for all. */
export class Chunks {
  #piece: Buffer | undefined;
  #chunk: Buffer | undefined;

  of(piece: Buffer): Buffer {
    if (piece !== this.#piece || this.#chunk === undefined) {
      this.#chunk = chunkOf(piece);
      this.#piece = piece;
    }
    return this.#chunk;
  }
}

/** A piece as HTTP/1.1 frames it (RFC 9112 7.1). */
function chunkOf(piece: Buffer): Buffer {
  const size = `${piece.length.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(size.length + piece.length + 2);
  chunk.write(size, 0, 'latin1');
  piece.copy(chunk, size.length);
  chunk.write('\r\n', size.length + piece.length, 'latin1');
  return chunk;
}

/** Over the stream itself: Node's imitation of HTTP/1.1 on top of it costs more than the answer. */
export class Http2Reply implements Reply {
  readonly stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
  }

  get gone(): boolean {
    return this.stream.destroyed || this.stream.writableEnded;
  }

  /** A head can be sent: also for HEAD requests, whose body Node has ended before anybody sees them. */
  get #open(): boolean {
    return !this.stream.destroyed && !this.stream.closed;
  }

  head(status: number, headers: Record<string, string>): void {
    if (this.#open) this.stream.respond(withStatus(status, headers));
  }

  write(piece: Buffer): boolean {
    return this.stream.write(piece);
  }

  end(done: () => void): void {
    this.stream.end(done);
  }

  send(status: number, headers: Record<string, string>, body: Buffer | undefined): void {
    if (!this.#open) return;
    this.stream.respond(withStatus(status, headers), { endStream: body === undefined });
    if (body !== undefined) this.stream.end(body);
  }

  /** The session says so itself. */
  last(): void {}

  abort(): void {
    // As Go's server does; without an error Node would wait for the client to read what was written.
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

/** Headers about a connection do not exist in HTTP/2 (RFC 9113 8.2.2); proxied answers may bring them. */
const CONNECTION_HEADERS = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'];

function withStatus(status: number, headers: Record<string, string>): Record<string, string | number> {
  const all: Record<string, string | number> = { ':status': status, ...headers };
  for (const name of CONNECTION_HEADERS) if (all[name] !== undefined) delete all[name];
  return all;
}
