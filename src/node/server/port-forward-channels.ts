import type { Duplex } from 'node:stream';
import type WebSocket from 'ws';
import { HttpError } from './http-error.js';

/** Port-forward as client libraries other than client-go speak it (kubelet, portforward/websocket.go). */
export const PORT_FORWARD_CHANNELS = 'v4.channel.k8s.io';

/** Bytes from a port wait for the client above this many unsent ones. */
const HIGH_WATER = 1024 * 1024;

/** The ports that the request names; throws HttpError 400 when there are none, or one that cannot be. */
export function forwardedPorts(query: URLSearchParams): number[] {
  const ports = query.getAll('port').flatMap((text) => text.split(','));
  if (ports.length === 0) throw new HttpError(400, 'query parameter "port" is required');
  return ports.map((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65535) throw new HttpError(400, `unable to parse "${text}" as a port`);
    return port;
  });
}

/**
 * One connection per port: its bytes on channel 2n, and what went wrong with it on channel 2n+1. The first message of
 * each channel is the port, little-endian. Resolves when the socket has closed, which it does with the last connection.
 */
export async function serveChannelForward(
  socket: WebSocket,
  ports: number[],
  dial: (port: number) => Promise<Duplex>,
  pod: { name: string; uid: string },
): Promise<void> {
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => socket.terminate());
  const targets = await Promise.all(
    ports.map((port, i) => {
      send(socket, 2 * i, portBytes(port));
      send(socket, 2 * i + 1, portBytes(port));
      return dial(port).catch((error: Error) => {
        const why = `error forwarding port ${port} to pod ${pod.name}, uid ${pod.uid}: ${error.message}`;
        send(socket, 2 * i + 1, Buffer.from(why));
        return undefined;
      });
    }),
  );
  let open = targets.length;
  const closed = () => {
    open--;
    if (open === 0) socket.close(1000);
  };
  for (const [i, target] of targets.entries()) {
    if (target === undefined) closed();
    else forward(socket, 2 * i, target, closed);
  }
  socket.on('message', (message: Buffer) => receive(socket, targets, message));
  socket.resume();
  await gone;
  for (const target of targets) target?.destroy();
}

function receive(socket: WebSocket, targets: (Duplex | undefined)[], message: Buffer): void {
  const channel = message[0] ?? 1;
  const target = channel % 2 === 0 ? targets[channel / 2] : undefined;
  if (target === undefined || target.destroyed || target.writableEnded) return;
  if (target.write(message.subarray(1))) return;
  socket.pause();
  target.once('drain', () => socket.resume());
}

function forward(socket: WebSocket, channel: number, target: Duplex, closed: () => void): void {
  target.on('error', () => target.destroy());
  target.once('close', () => {
    // Nobody must wait for a target that will not drain any more.
    socket.resume();
    closed();
  });
  target.on('data', (chunk: Buffer) => {
    const isFull = socket.bufferedAmount > HIGH_WATER;
    if (isFull) target.pause();
    send(socket, channel, chunk, isFull ? () => target.resume() : undefined);
  });
  // Channels cannot be closed one way: when the Pod has said all, the connection is over.
  target.once('end', () => target.end());
  target.resume();
}

function send(socket: WebSocket, channel: number, data: Buffer, done?: () => void): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(Buffer.concat([Buffer.from([channel]), data]), done);
}

function portBytes(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(port);
  return bytes;
}
