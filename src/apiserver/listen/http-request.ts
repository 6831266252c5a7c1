import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Errors } from '#api';
import type { ApiRequest } from '../contracts.js';

/** Upstream's limit on request bodies. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** What the TLS handshake said about the client; read once per connection because reading it is slow. */
export interface PeerIdentity {
  clientCertificate?: { commonName: string; organizations: string[]; fingerprint: string };
  clientCertificateError?: string;
}

const peers = new WeakMap<object, PeerIdentity>();

/** The client's certificate subject when it verified against the client CA, or why it did not. */
function peerIdentity(socket: TLSSocket): PeerIdentity {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const identity = readPeer(socket);
  peers.set(socket, identity);
  return identity;
}

function readPeer(socket: TLSSocket): PeerIdentity {
  if (typeof socket.getPeerCertificate !== 'function') return {};
  const certificate = socket.getPeerCertificate();
  if (certificate === undefined || certificate.subject === undefined) return {};
  if (!socket.authorized) {
    return { clientCertificateError: String(socket.authorizationError ?? 'certificate not verified') };
  }
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const organizations = O === undefined ? [] : Array.isArray(O) ? O : [O];
  return {
    clientCertificate: {
      commonName: (Array.isArray(CN) ? CN.at(-1) : CN) ?? '',
      organizations,
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    },
  };
}

/**
 * Lower-case single-valued headers; repeated ones are joined as HTTP says, HTTP/2's own become `host`. Node has done
 * so already for most requests, whose headers are passed on as they are.
 */
export function singleValued(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  const done = headers['set-cookie'] === undefined && headers[':path'] === undefined;
  if (done) return headers as Record<string, string | undefined>;
  const flat: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>;
  for (const name in headers) {
    const value = headers[name];
    if (name.charCodeAt(0) === 58 /* : */) {
      if (name === ':authority') flat['host'] = String(value);
    } else flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/** Reads a whole body of at most `limit` bytes; beyond that it rejects and lets the rest drain away unread. */
export function readBody(
  stream: Readable,
  contentLength: string | undefined,
  limit: number,
): Promise<Buffer> {
  if (contentLength !== undefined && Number(contentLength) > limit) {
    stream.resume();
    return Promise.reject(bodyTooLarge(limit));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) {
        chunks.length = 0;
        done();
        stream.resume();
        reject(bodyTooLarge(limit));
      } else chunks.push(chunk);
    };
    const onEnd = (): void => {
      done();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    };
    const onBroken = (): void => {
      done();
      reject(Errors.badRequest('the request body ended early'));
    };
    const done = (): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      // A late error of an abandoned stream must not become an uncaught exception.
      stream.on('error', () => {});
    };
    stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}

function bodyTooLarge(limit: number): Error {
  return Errors.tooLarge(`Request entity too large: limit is ${limit}`);
}

/** What says that it is over: an HTTP/1.1 response, an HTTP/2 stream, an upgraded socket. */
interface Closing {
  readonly destroyed: boolean;
  readonly closed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/** The pipeline's view of a request from the network. Whatever few requests need is made when it is asked for. */
export class NetworkRequest implements ApiRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string | undefined>;
  readonly hasBody: boolean;
  readonly clientCertificate?: NonNullable<ApiRequest['clientCertificate']>;
  readonly clientCertificateError?: string;
  readonly #source: Readable;
  readonly #socket: TLSSocket;
  readonly #until: Closing;
  readonly #maxBodyBytes: number;
  #read: Promise<Buffer> | undefined;
  #signal: AbortSignal | undefined;

  /** `signal` aborts when `until` closes. */
  constructor(
    head: { method: string; url: string; headers: IncomingHttpHeaders },
    carrier: { source: Readable; hasBody: boolean; socket: TLSSocket; until: Closing },
    maxBodyBytes: number,
  ) {
    this.method = head.method;
    this.url = head.url;
    this.headers = singleValued(head.headers);
    this.hasBody = carrier.hasBody;
    this.#source = carrier.source;
    this.#socket = carrier.socket;
    this.#until = carrier.until;
    this.#maxBodyBytes = maxBodyBytes;
    const peer = peerIdentity(carrier.socket);
    if (peer.clientCertificate !== undefined) this.clientCertificate = peer.clientCertificate;
    if (peer.clientCertificateError !== undefined) this.clientCertificateError = peer.clientCertificateError;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get signal(): AbortSignal {
    this.#signal ??= closingSignal(this.#until);
    return this.#signal;
  }

  body(): Promise<Buffer> {
    this.#read ??= readBody(this.#source, this.headers['content-length'], this.#maxBodyBytes);
    return this.#read;
  }

  stream(): Readable {
    return this.#source;
  }

  /** Lets a body that nobody read drain away: on an HTTP/1.1 connection it stands before the next request. */
  discard(): void {
    if (!this.#source.readableEnded) this.#source.resume();
  }
}

/** Aborts when the client has gone, also when it has already. */
export function closingSignal(until: Closing): AbortSignal {
  const controller = new AbortController();
  if (until.destroyed || until.closed) controller.abort();
  else until.once('close', () => controller.abort());
  return controller.signal;
}
