import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Errors } from '#api';
import type { ApiRequest } from '../contracts.js';

/** Upstream's limit on request bodies. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;

export type HttpRequest = IncomingMessage | Http2ServerRequest;

/** What the TLS handshake said about the client; read once per connection because reading it is slow. */
export interface PeerIdentity {
  clientCertificate?: { commonName: string; organizations: string[] };
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
    clientCertificate: { commonName: (Array.isArray(CN) ? CN.at(-1) : CN) ?? '', organizations },
  };
}

/** Lower-case single-valued headers; repeated ones are joined as HTTP says, HTTP/2's own become `host`. */
export function flattenHeaders(headers: IncomingHttpHeaders): Record<string, string | undefined> {
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

/** Tells that the client is gone; the signal is made only for those who ask, because few requests need one. */
export class Departure {
  #controller: AbortController | undefined;
  #gone = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#gone) this.#controller.abort();
    return this.#controller.signal;
  }

  happened(): void {
    this.#gone = true;
    this.#controller?.abort();
  }
}

/** The pipeline's view of a request from the network. `signal` aborts when the client goes away. */
export function toApiRequest(request: HttpRequest, departure: Departure, maxBodyBytes: number): ApiRequest {
  const headers = flattenHeaders(request.headers);
  const socket = connectionOf(request);
  let read: Promise<Buffer> | undefined;
  return {
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers,
    body: () => {
      read ??= readBody(request, headers['content-length'], maxBodyBytes);
      return read;
    },
    stream: () => request,
    ...peerIdentity(socket),
    remoteAddress: socket.remoteAddress,
    get signal() {
      return departure.signal;
    },
  };
}

/** The TLS socket under a request; HTTP/2 multiplexes many requests on one. */
function connectionOf(request: HttpRequest): TLSSocket {
  if ('stream' in request) return (request.stream?.session?.socket ?? request.socket) as TLSSocket;
  return request.socket as TLSSocket;
}
