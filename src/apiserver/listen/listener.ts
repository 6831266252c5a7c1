import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger, Startable } from '#base';
import type { ApiRequest, ApiResponse, UpgradeRequest } from '../contracts.js';
import { caught, type Soon, soon } from '../soon.js';
import { MAX_BODY_BYTES, NetworkRequest } from './http-request.js';
import { Chunks, Http1Reply, Http2Reply, type Reply } from './reply.js';
import { writeResponse } from './write-response.js';

/** What the listener serves with. PEM texts. */
export interface TlsOptions {
  cert: string | Buffer;
  key: string | Buffer;
  /** Client certificates are asked for and verified against this; absent: none are asked for. */
  clientCa?: string | Buffer | (string | Buffer)[];
}

export interface ListenerOptions {
  /** TCP address; absent: only the unix socket. Port 0 picks a free one. */
  tcp?: { host: string; port: number };
  /** Path of a unix socket (mode 0600) that speaks the same TLS. A stale file is replaced. */
  unixSocket?: string;
  tls: TlsOptions;
  handle(request: ApiRequest): Soon<ApiResponse>;
  /** Owns the socket from then on. */
  upgrade(request: UpgradeRequest): Promise<void>;
  maxBodyBytes?: number;
  /** How long `stop` waits for running requests before it cuts them off, milliseconds. */
  drainMs?: number;
  logger: Logger;
}

const HANDSHAKE_MS = 10_000;
const HEADERS_MS = 32_000;
const IDLE_MS = 90_000;
const MAX_HEADER_BYTES = 64 * 1024;
/** Room for a piece of every stream that a connection may have; Node's default would refuse new ones before that. */
const SESSION_MEGABYTES = 64;
/** Upstream's HTTP/2 setting. */
const MAX_STREAMS = 250;

/**
 * HTTP/1.1 and HTTP/2 over TLS, on TCP and on a unix socket. Owns its sockets: `stop` refuses new connections,
 * lets running requests finish, and closes what is left after `drainMs`.
 */
export class Listener implements Startable {
  readonly #options: ListenerOptions;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Running requests per HTTP/2 session, and in total. */
  readonly #busy = new WeakMap<object, number>();
  readonly #chunks = new Chunks();
  #running = 0;
  #idle: (() => void) | undefined;
  #unix: Server | undefined;
  #stopping = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#server = createSecureServer({
      allowHTTP1: true,
      cert: options.tls.cert,
      key: options.tls.key,
      minVersion: 'TLSv1.2',
      handshakeTimeout: HANDSHAKE_MS,
      maxSessionMemory: SESSION_MEGABYTES,
      ...(options.tls.clientCa === undefined
        ? {}
        : { ca: options.tls.clientCa, requestCert: true, rejectUnauthorized: false }),
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: MAX_HEADER_BYTES, enablePush: false },
    });
    this.#configure();
  }

  /** The bound TCP address, after start. */
  get address(): { host: string; port: number } | undefined {
    const bound = this.#server.address() as AddressInfo | null;
    return bound === null || typeof bound === 'string'
      ? undefined
      : { host: bound.address, port: bound.port };
  }

  async start(): Promise<void> {
    const { tcp, unixSocket } = this.#options;
    try {
      if (tcp !== undefined)
        await listen(this.#server as unknown as Server, { host: tcp.host, port: tcp.port });
      if (unixSocket !== undefined) await this.#listenUnix(unixSocket);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const closed = Promise.all([closeServer(this.#server as unknown as Server), this.#closeUnix()]);
    for (const session of this.#sessions) session.close();
    this.#closeIdle();
    await this.#drained();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #configure(): void {
    const server = this.#server;
    // The HTTP/1.1 side of an HTTP/2 server reads the same properties as http.Server.
    Object.assign(server, {
      headersTimeout: HEADERS_MS,
      keepAliveTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session) => {
      this.#sessions.add(session);
      session.setTimeout(IDLE_MS * 10, () => this.#closeQuiet(session));
      session.once('close', () => this.#sessions.delete(session));
      session.on('error', (error) => this.#debug('http/2 session failed', error));
    });
    server.on('request', (request, response) => {
      this.#serveHttp1(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    });
    // A listener for `request` brings Node's imitation of HTTP/1.1 for HTTP/2 with it; streams are served as they are.
    server.removeAllListeners('stream');
    server.on('stream', (stream, headers) => this.#serveHttp2(stream, headers));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, socket, head);
    });
    server.on('tlsClientError', (error) => this.#debug('TLS handshake failed', error));
    server.on('sessionError', (error) => this.#debug('http/2 session failed', error));
    server.on('clientError', (error: Error, socket: Duplex) => answerBadRequest(error, socket));
  }

  #debug(message: string, err: unknown): void {
    this.#options.logger.debug(message, { err });
  }

  #closeQuiet(session: ServerHttp2Session): void {
    if ((this.#busy.get(session) ?? 0) === 0) session.close();
  }

  #serveHttp1(message: IncomingMessage, response: ServerResponse): void {
    response.on('error', this.#onResponseError);
    const { method = 'GET', url = '/', headers } = message;
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    const carrier = { source: message, hasBody, socket: message.socket as TLSSocket, until: response };
    const request = this.#request({ method, url, headers }, carrier);
    this.#serve(request, new Http1Reply(response, this.#chunks), () => this.#left());
  }

  #serveHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', this.#onResponseError);
    // A client that resets its stream without an error would leave it waiting for what cannot be sent any more.
    stream.on('aborted', destroySoon);
    const { session } = stream;
    // The client may have left before its request was looked at.
    if (session === undefined || session.destroyed) return;
    if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
    const head = { method: headers[':method'] ?? 'GET', url: headers[':path'] ?? '/', headers };
    const hasBody = !stream.endAfterHeaders;
    const carrier = { source: stream, hasBody, socket: session.socket as TLSSocket, until: stream };
    this.#busy.set(session, (this.#busy.get(session) ?? 0) + 1);
    this.#serve(this.#request(head, carrier), new Http2Reply(stream), () => {
      this.#busy.set(session, (this.#busy.get(session) ?? 1) - 1);
      this.#left();
    });
  }

  #request(
    head: { method: string; url: string; headers: IncomingMessage['headers'] },
    carrier: { source: Readable; hasBody: boolean; socket: TLSSocket; until: ServerResponse | Duplex },
  ): NetworkRequest {
    return new NetworkRequest(head, carrier, this.#options.maxBodyBytes ?? MAX_BODY_BYTES);
  }

  /** Answers one request; small answers to what needs no waiting are out when this returns. */
  #serve(request: NetworkRequest, reply: Reply, left: () => void): void {
    this.#running++;
    const written = caught(
      () =>
        soon(this.#options.handle(request), (answer) => {
          // An unread body would be taken for the next request on an HTTP/1.1 connection.
          if (request.hasBody) request.discard();
          if (this.#stopping) reply.last();
          const acceptEncoding = request.headers['accept-encoding'];
          return writeResponse(reply, answer, { acceptEncoding, head: request.method === 'HEAD' });
        }),
      (error) => {
        this.#debug('request failed while it was answered', error);
        reply.abort();
      },
    );
    void soon(written, left);
  }

  readonly #onResponseError = (error: Error): void => this.#debug('response failed', error);

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', (error) => this.#debug('upgraded connection failed', error));
    const { method = 'GET', url = '/', headers } = request;
    const carrier = {
      source: request,
      hasBody: false,
      socket: request.socket as TLSSocket,
      until: socket,
    };
    try {
      // Assigned, not spread: what the class computes must stay.
      await this.#options.upgrade(
        Object.assign(this.#request({ method, url, headers }, carrier), { socket, head }),
      );
    } catch (error) {
      this.#debug('upgrade failed', error);
      socket.destroy();
    }
  }

  #left(): void {
    this.#running--;
    if (this.#stopping) this.#closeIdle();
    if (this.#running === 0) this.#idle?.();
  }

  /** Half-closes HTTP/1.1 connections without a running request, which flushes what is still being written. */
  #closeIdle(): void {
    (this.#server as unknown as { closeIdleConnections?(): void }).closeIdleConnections?.();
  }

  #drained(): Promise<void> {
    if (this.#running === 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.drainMs ?? 10_000);
      this.#idle = () => {
        clearTimeout(timer);
        setImmediate(resolve);
      };
    });
  }

  async #listenUnix(path: string): Promise<void> {
    rmSync(path, { force: true });
    // Created closed to others from the first moment: the mask applies to the bind itself.
    const mask = process.umask(0o177);
    try {
      this.#unix = createServer((socket) => this.#server.emit('connection', socket));
      await listen(this.#unix, { path });
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
  }

  async #closeUnix(): Promise<void> {
    if (this.#unix === undefined) return;
    await closeServer(this.#unix);
    rmSync(this.#options.unixSocket!, { force: true });
  }
}

function listen(server: Server, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) resolve();
    else server.close(() => resolve());
  });
}

/**
 * After what the event came with: a stream that is destroyed while it is being reset never tells the client, and Node
 * then writes empty frames without end as soon as the client reads.
 */
function destroySoon(this: Duplex): void {
  process.nextTick(() => this.destroy());
}

function answerBadRequest(error: Error & { code?: string }, socket: Duplex): void {
  if (socket.destroyed || !socket.writable) return;
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
