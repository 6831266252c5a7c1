import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type WebSocket from 'ws';
import { SpdyConnection } from './spdy/connection.js';

/** A protocol upgrade as node:http hands it over. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

function listHeader(request: IncomingMessage, name: string): string[] {
  const value = request.headers[name];
  return (Array.isArray(value) ? value : [value ?? ''])
    .flatMap((part) => part.split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

export function isSpdy({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'spdy/3.1';
}

/** Protocols that the client offers. */
export function offeredProtocols(request: IncomingMessage): string[] {
  return listHeader(request, isWebSocket(request) ? 'sec-websocket-protocol' : 'x-stream-protocol-version');
}

/** The best of ours that the client offers; a client that offers none gets the last. */
export function choose(request: IncomingMessage, ours: string[]): string | undefined {
  const offered = offeredProtocols(request);
  return offered.length === 0 ? ours.at(-1) : ours.find((protocol) => offered.includes(protocol));
}

/** Answers an upgrade that is not possible. */
export function refuse(socket: Duplex, status: number, text: string): void {
  const body = Buffer.from(text);
  socket.end(
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${text}`,
  );
}

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
};

/** Switches to SPDY/3.1 with the chosen stream protocol. */
export function acceptSpdy({ socket, head }: Upgrade, protocol: string): SpdyConnection {
  const version = protocol === '' ? '' : `X-Stream-Protocol-Version: ${protocol}\r\n`;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n${version}\r\n`,
  );
  return new SpdyConnection(socket, head);
}

/**
 * Completes the WebSocket handshake with the chosen subprotocol; the socket is paused, so that no message is
 * lost before somebody listens. The library is loaded at the first use.
 */
export async function acceptWebSocket(
  { request, socket, head }: Upgrade,
  protocol: string,
): Promise<WebSocket> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 });
  // The library takes no slash in a subprotocol, and Kubernetes has one: we negotiate ourselves.
  delete request.headers['sec-websocket-protocol'];
  server.on('headers', (headers) => {
    if (protocol !== '') headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return new Promise((resolve) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.pause();
      resolve(webSocket);
    }),
  );
}

/** The bytes inside a WebSocket's binary messages: what tunnels SPDY. */
export function webSocketDuplex(socket: WebSocket): Duplex {
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => socket.send(chunk, (error) => done(error ?? null)),
    final: (done) => {
      socket.close(1000);
      done();
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (message: Buffer) => {
    if (!duplex.push(message)) socket.pause();
  });
  socket.once('close', () => {
    duplex.push(null);
    duplex.end();
  });
  socket.on('error', () => {});
  return duplex;
}
