import { createServer, type Server, type Socket } from 'node:net';
import type { Logger, Startable } from '#base';
import type { Handler } from './handler.js';

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 1024;
/** Queries of one connection that may be in work; beyond, reading pauses. */
const MAX_PIPELINED = 128;

/**
 * DNS over TCP: two-byte framing, pipelined, answered in the order in which answers are ready, so that a slow
 * one does not hold up the others (RFC 7766). Idle connections end after ten seconds.
 */
export function createTcpServer(options: {
  address: string;
  port: number;
  handler: () => Handler;
  logger: Logger;
}): Startable {
  const { address, port, handler, logger } = options;
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serveStream(socket, { protocol: 'tcp', localAddress: address, handler });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port, exclusive: true, ipv6Only: address.includes(':') }, () => {
          server.off('error', reject);
          server.on('error', (error) => logger.error('TCP socket failed', { address, err: error }));
          resolve();
        });
      }),
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Serves framed messages on a stream socket (TCP, or TLS on top of it). */
export function serveStream(
  socket: Socket,
  options: { protocol: 'tcp' | 'tls'; localAddress: string; handler: () => Handler },
): void {
  let rest: Buffer = Buffer.alloc(0);
  let pending = 0;
  let corked = false;
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());

  const reply = (message: Buffer) => {
    pending--;
    if (socket.destroyed) return;
    // Answers of one chunk of queries leave in one write.
    if (!corked) {
      corked = true;
      socket.cork();
      queueMicrotask(() => {
        corked = false;
        socket.uncork();
      });
    }
    const header = Buffer.allocUnsafe(2);
    header.writeUInt16BE(message.length);
    socket.write(header);
    socket.write(message);
    if (pending < MAX_PIPELINED && socket.isPaused()) {
      socket.resume();
      queueMicrotask(drain);
    }
  };

  const drain = () => {
    let at = 0;
    while (rest.length - at >= 2 && pending < MAX_PIPELINED) {
      const end = at + 2 + rest.readUInt16BE(at);
      if (end > rest.length) break;
      pending++;
      // A copy: a slice would keep the whole chunk alive while the answer is worked out.
      const message = Buffer.from(rest.subarray(at + 2, end));
      at = end;
      const before = pending;
      options.handler().handle({
        message,
        protocol: options.protocol,
        remoteAddress: socket.remoteAddress ?? '',
        remotePort: socket.remotePort ?? 0,
        localAddress: options.localAddress,
        reply,
      });
      // Messages that get no reply must not count as pending for ever.
      if (pending === before && isIgnored(message)) pending--;
    }
    rest = at === 0 ? rest : Buffer.from(rest.subarray(at));
    if (pending >= MAX_PIPELINED) socket.pause();
  };

  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    drain();
  });
}

/** Too short for a header, or a response: never answered. */
function isIgnored(message: Buffer): boolean {
  return message.length < 12 || (message[2]! & 0x80) !== 0;
}
