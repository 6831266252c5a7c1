import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { Errors } from '#api';
import type { UpgradeRequest } from '../contracts.js';
import type { StartedWatch } from './watch.js';

/** Clients of a watch have nothing to say; what they say is dropped, and more than this in one message ends the watch. */
const MAX_MESSAGE_BYTES = 32 * 1024;
/** How long the other side has to answer the closing handshake. */
const CLOSE_MS = 1_000;
/** How long a client may take to read the rest of a watch that has ended. */
const LINGER_MS = 3_000;

/**
 * Serves a watch over a WebSocket: each event is one message, text for JSON and binary for protobuf
 * (apiserver/pkg/endpoints/handlers/watch.go, HandleWS). Resolves when the socket is closed. Throws BadRequest for other
 * upgrades, before anything is written.
 */
export async function serveWatchSocket(
  request: UpgradeRequest,
  start: () => Promise<StartedWatch<Buffer[]>>,
): Promise<void> {
  if (request.headers['upgrade']?.toLowerCase() !== 'websocket') {
    throw Errors.badRequest('watches can be upgraded to WebSockets only');
  }
  const watch = await start();
  const socket = await accept(request);
  if (socket === undefined) return void (await watch.frames.return(undefined));
  socket.on('error', () => socket.terminate());
  watch.over?.addEventListener('abort', () => terminateSoon(socket, LINGER_MS), { once: true });
  try {
    for await (const batch of watch.frames) await send(socket, batch, watch.text);
  } finally {
    close(socket);
  }
}

/** Completes the handshake with the first protocol that the client offers; undefined when the client fails it. */
async function accept({ method, headers, socket, head }: UpgradeRequest): Promise<WebSocket | undefined> {
  const { WebSocketServer } = await import('ws');
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: ([first]) => first ?? false,
  });
  return new Promise((resolve) => {
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade({ method, headers } as IncomingMessage, socket, head, resolve);
  });
}

/** Resolves when the last frame is out, so that slow readers are waited for. */
function send(socket: WebSocket, frames: Buffer[], text: boolean): Promise<void> {
  return new Promise((resolve) => {
    const last = frames.length - 1;
    // An error is a socket that has closed, which the request's signal tells as well.
    for (const [i, frame] of frames.entries())
      socket.send(frame, { binary: !text }, i === last ? () => resolve() : undefined);
  });
}

function close(socket: WebSocket): void {
  if (socket.readyState === socket.CLOSED) return;
  terminateSoon(socket, CLOSE_MS);
  socket.close(1000);
}

function terminateSoon(socket: WebSocket, afterMs: number): void {
  const timer = setTimeout(() => socket.terminate(), afterMs);
  socket.once('close', () => clearTimeout(timer));
}
