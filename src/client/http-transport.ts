import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import type { Readable } from 'node:stream';
import * as tls from 'node:tls';
import { TransportError } from './client.js';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

export interface HttpTransportOptions {
  /** `https://host:port` or `http://host:port`; with `socketPath` only the host name (for TLS) counts. */
  server: string;
  /** Connect to this unix socket instead of the server's address; TLS still applies for https. */
  socketPath?: string;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  /** Name to verify the server's certificate against. */
  serverName?: string;
  insecureSkipVerify?: boolean;
}

const CONNECT_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 30_000;
const PING_TIMEOUT_MS = 15_000;

type Session = { kind: 'h2'; session: http2.ClientHttp2Session } | { kind: 'h1'; agent: http.Agent };

/**
 * One HTTP/2 connection for everything where the server speaks it (a handshake per process instead of one per
 * watch), else HTTP/1.1 with keep-alive. Broken connections are found by pings and replaced on the next request.
 */
export class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #url: URL;
  #session: Promise<Session> | undefined;
  #closed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#url = new URL(options.server);
  }

  /** The server's URL, as configured. */
  get server(): string {
    return this.#options.server;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    if (this.#closed) throw new TransportError('client is closed');
    request.signal?.throwIfAborted();
    try {
      const session = await this.#connect();
      return session.kind === 'h2'
        ? await this.#request2(session.session, request)
        : await this.#request1(session.agent, request);
    } catch (error) {
      if (error instanceof TransportError) throw error;
      throw new TransportError(`${request.method} ${this.#url.origin}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#closed = true;
    const session = this.#session;
    this.#session = undefined;
    session?.then((s) => (s.kind === 'h2' ? s.session.destroy() : s.agent.destroy())).catch(() => {});
  }

  #connect(): Promise<Session> {
    if (this.#session !== undefined) return this.#session;
    const attempt: Promise<Session> = this.#open().catch((error) => {
      if (this.#session === attempt) this.#session = undefined;
      throw error;
    });
    this.#session = attempt;
    return attempt;
  }

  async #open(): Promise<Session> {
    if (this.#url.protocol === 'http:') return { kind: 'h1', agent: new http.Agent({ keepAlive: true }) };
    const socket = await this.#dialTls(['h2', 'http/1.1']);
    if (socket.alpnProtocol === 'h2') return { kind: 'h2', session: this.#openSession(socket) };
    socket.destroy();
    return { kind: 'h1', agent: new https.Agent({ keepAlive: true }) };
  }

  #tlsOptions(): tls.ConnectionOptions {
    const { ca, cert, key, serverName, insecureSkipVerify } = this.#options;
    const host = serverName ?? this.#host();
    return {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      // An IP address is not a valid SNI name; verification still uses `host`.
      ...(net.isIP(host) === 0 ? { servername: host } : {}),
      checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate),
      rejectUnauthorized: insecureSkipVerify !== true,
    };
  }

  #host(): string {
    return this.#url.hostname.replace(/^\[|\]$/g, '');
  }

  #address(): net.NetConnectOpts {
    const { socketPath } = this.#options;
    if (socketPath !== undefined) return { path: socketPath };
    const defaultPort = this.#url.protocol === 'http:' ? 80 : 443;
    return { host: this.#host(), port: this.#url.port === '' ? defaultPort : Number(this.#url.port) };
  }

  #dialTls(protocols: string[]): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({
        ...this.#address(),
        ...this.#tlsOptions(),
        ALPNProtocols: protocols,
      } as tls.ConnectionOptions);
      const fail = (error: Error) => {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
      };
      const timer = setTimeout(() => fail(new Error('connect timed out')), CONNECT_TIMEOUT_MS);
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', fail);
        resolve(socket);
      });
    });
  }

  #openSession(socket: tls.TLSSocket): http2.ClientHttp2Session {
    const session = http2.connect(this.#url.origin, {
      createConnection: () => socket,
      settings: { initialWindowSize: 1024 * 1024 },
      peerMaxConcurrentStreams: 1000,
    });
    session.setLocalWindowSize(16 * 1024 * 1024);
    const forget = () => {
      clearInterval(pinger);
      this.#session = undefined;
    };
    const pinger = setInterval(() => this.#ping(session), PING_INTERVAL_MS);
    pinger.unref();
    session.on('error', () => {});
    session.once('close', forget);
    session.once('goaway', () => {
      this.#session = undefined;
    });
    return session;
  }

  #ping(session: http2.ClientHttp2Session): void {
    const timer = setTimeout(() => session.destroy(new Error('ping timed out')), PING_TIMEOUT_MS);
    timer.unref();
    if (!session.ping(() => clearTimeout(timer))) clearTimeout(timer);
  }

  #request2(session: http2.ClientHttp2Session, request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const stream = session.request(
        {
          ...request.headers,
          ':method': request.method,
          ':path': request.path,
          ':authority': this.#url.host,
        },
        { endStream: request.body === undefined },
      );
      const abort = () => stream.close(http2.constants.NGHTTP2_CANCEL);
      request.signal?.addEventListener('abort', abort, { once: true });
      stream.once('close', () => {
        request.signal?.removeEventListener('abort', abort);
        reject(new TransportError(`${request.method} ${request.path}: connection closed`));
      });
      stream.once('error', reject);
      stream.once('response', (headers) => {
        resolve({
          status: Number(headers[':status']),
          headers: headers as Record<string, string | undefined>,
          body: readBody(stream, request.signal),
        });
      });
      if (request.body !== undefined) stream.end(request.body);
    });
  }

  #request1(agent: http.Agent, request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const secure = this.#url.protocol === 'https:';
      const outgoing = (secure ? https : http).request({
        ...(this.#options.socketPath === undefined
          ? this.#address()
          : { socketPath: this.#options.socketPath }),
        ...(secure ? this.#tlsOptions() : {}),
        agent,
        method: request.method,
        path: request.path,
        headers: {
          host: this.#url.host,
          ...request.headers,
          'content-length': String(request.body?.length ?? 0),
        },
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      } as https.RequestOptions);
      outgoing.once('error', reject);
      outgoing.once('response', (incoming) => {
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers as Record<string, string | undefined>,
          body: readBody(incoming, request.signal),
        });
      });
      outgoing.end(request.body);
    });
  }
}

/** Yields chunks; an abort by the caller ends the iteration quietly, anything else is a TransportError. */
async function* readBody(stream: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
  stream.on('error', () => {});
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    if (signal?.aborted) return;
    throw new TransportError((error as Error).message, { cause: error });
  } finally {
    stream.destroy();
  }
}
