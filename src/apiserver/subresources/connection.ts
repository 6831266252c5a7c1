import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { Errors, type StatusError } from '#api';
import type { EgressDialer } from '../contracts.js';

/** Time until a backend must have accepted the connection. */
const DIAL_MS = 30_000;

export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  verify: boolean;
}

/** An address inside the cluster, and how to speak to it. */
export interface Target {
  host: string;
  port: number;
  tls?: TlsOptions;
}

/** Upstream's answer when the other side cannot be reached. */
export function unreachable(error: unknown): StatusError {
  const why = error instanceof Error ? error.message : String(error);
  return Errors.serviceUnavailable(`error trying to reach service: ${why}`);
}

/** Connects through the egress dialer, with TLS where the target speaks it. Rejects with ServiceUnavailable. */
export async function connectTo(
  dialer: EgressDialer | undefined,
  target: Target,
  signal: AbortSignal,
): Promise<Duplex> {
  if (dialer === undefined) throw unreachable('this API server has no way into the cluster network');
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]);
  try {
    const socket = await dialer.dial(target.host, target.port, bounded);
    return target.tls === undefined ? socket : await secure(socket, target.host, target.tls, bounded);
  } catch (error) {
    throw unreachable(error);
  }
}

function secure(socket: Duplex, host: string, tls: TlsOptions, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const secured = tlsConnect({
      socket,
      host,
      rejectUnauthorized: tls.verify,
      // HTTP/1.1 only: upgrades need it.
      ALPNProtocols: ['http/1.1'],
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    });
    const fail = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      secured.destroy();
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(new Error('timed out during the TLS handshake'));
    signal.addEventListener('abort', onAbort, { once: true });
    secured.once('error', fail);
    secured.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort);
      secured.removeListener('error', fail);
      resolve(secured);
    });
  });
}

export interface ForwardedRequest {
  method: string;
  /** Path and query as sent to the backend. */
  path: string;
  headers: Record<string, string>;
  body?: Readable;
}

/** One HTTP/1.1 request over a connection of its own, which ends with the answer or when the caller goes away. */
export function exchange(
  connection: Duplex,
  request: ForwardedRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { ...request.headers, connection: 'close' };
    // Not left to node:http, which sends the bodies of some methods without any framing.
    if (request.body !== undefined && headers['content-length'] === undefined)
      headers['transfer-encoding'] = 'chunked';
    const outgoing = httpRequest({
      createConnection: () => connection,
      method: request.method,
      path: request.path,
      headers,
      signal,
    });
    outgoing.once('response', (response) => {
      response.once('close', () => connection.destroy());
      resolve(response);
    });
    outgoing.once('error', (error) => {
      connection.destroy();
      reject(unreachable(error));
    });
    if (request.body === undefined) outgoing.end();
    else request.body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}

/** The request as bytes, for connections that stop being HTTP afterwards. */
function requestHead({ method, path, headers }: ForwardedRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** Header values go into a raw request head: nothing in them may end a line. */
export function cleanHeaders(headers: Record<string, string | undefined>): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || /[\r\n\0]/.test(value)) continue;
    clean[name] = value;
  }
  return clean;
}

/**
 * Forwards an upgrade request and then every byte in both directions, the answer's head included, until one side
 * ends or the signal aborts. Half-closed connections stay open in the other direction. Resolves when both are done.
 */
export function tunnel(
  client: Duplex,
  readAhead: Buffer,
  backend: Duplex,
  request: ForwardedRequest,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const end = () => {
      signal.removeEventListener('abort', end);
      client.destroy();
      backend.destroy();
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    const half = () => {
      open--;
      if (open === 0) end();
    };
    for (const socket of [client, backend]) {
      socket.on('error', end);
      socket.once('end', half);
      socket.once('close', end);
    }
    backend.write(requestHead(request));
    if (readAhead.length > 0) backend.write(readAhead);
    client.pipe(backend);
    backend.pipe(client);
  });
}

/** A stream's chunks as Buffers; the source is destroyed when the reader stops early. */
export async function* chunks(source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk as string);
  } finally {
    source.destroy();
  }
}

/** The whole body as text, cut after `limit` bytes. */
export async function readText(source: Readable, limit: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks(source)) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(parts).subarray(0, limit).toString('utf8');
}
