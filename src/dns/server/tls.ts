import { readFileSync } from 'node:fs';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Startable } from '#base';
import { listening, serveStream } from './tcp.js';
import type { ListenerOptions } from './udp.js';

export interface TlsFiles {
  cert: string;
  key: string;
  /** Present: clients need a certificate of this authority. */
  ca?: string;
}

const MAX_MESSAGE = 65_535;
const DNS_MESSAGE = 'application/dns-message';

function secureOptions(files: TlsFiles) {
  return {
    cert: readFileSync(files.cert),
    key: readFileSync(files.key),
    minVersion: 'TLSv1.2' as const,
    ...(files.ca === undefined
      ? {}
      : { ca: readFileSync(files.ca), requestCert: true, rejectUnauthorized: true }),
  };
}

/** Defers making a server to its start: modules and certificate files are needed only then. */
function deferred(options: ListenerOptions, make: () => Promise<Server>): Startable {
  let inner: Startable | undefined;
  return {
    async start() {
      inner = listening(await make(), options);
      await inner.start();
    },
    stop: async () => inner?.stop(),
  };
}

/** DNS over TLS (RFC 7858). */
export function createTlsServer(options: ListenerOptions, files: TlsFiles): Startable {
  return deferred(options, async () => {
    const { createServer } = await import('node:tls');
    return createServer({ ...secureOptions(files), ALPNProtocols: ['dot'] }, (socket: TLSSocket) =>
      serveStream(socket, { protocol: 'tls', localAddress: options.address, handler: options.handler }),
    );
  });
}

/** DNS over HTTPS (RFC 8484): GET and POST on `/dns-query`, HTTP/2 and HTTP/1.1. */
export function createHttpsServer(options: ListenerOptions, files: TlsFiles): Startable {
  return deferred(options, async () => {
    const { createSecureServer } = await import('node:http2');
    const server = createSecureServer({ ...secureOptions(files), allowHTTP1: true }, (request, response) => {
      serveHttp(request, response, options);
    });
    return server as unknown as Server;
  });
}

function serveHttp(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  options: ListenerOptions,
): void {
  const url = new URL(request.url, 'https://localhost');
  const refuse = (status: number) => void response.writeHead(status).end();
  if (url.pathname !== '/dns-query') return refuse(404);
  if (request.method === 'GET') {
    const encoded = url.searchParams.get('dns');
    if (encoded === null || encoded.length > 2 * MAX_MESSAGE) return refuse(400);
    return answer(Buffer.from(encoded, 'base64url'), request, response, options);
  }
  if (request.method !== 'POST') return refuse(405);
  if (request.headers['content-type'] !== DNS_MESSAGE) return refuse(415);
  const parts: Buffer[] = [];
  let size = 0;
  request.on('data', (part: Buffer) => {
    size += part.length;
    if (size > MAX_MESSAGE) request.stream?.destroy();
    else parts.push(part);
  });
  request.on('end', () => answer(Buffer.concat(parts), request, response, options));
  request.on('error', () => {});
}

function answer(
  message: Buffer,
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  options: ListenerOptions,
): void {
  // Nothing is ever sent for these: over HTTP that is a bad request.
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return void response.writeHead(400).end();
  options.handler().handle({
    message,
    protocol: 'https',
    remoteAddress: request.socket.remoteAddress ?? '',
    remotePort: request.socket.remotePort ?? 0,
    localAddress: options.address,
    reply: (bytes) => {
      response.writeHead(200, { 'content-type': DNS_MESSAGE, 'content-length': bytes.length }).end(bytes);
    },
  });
}
