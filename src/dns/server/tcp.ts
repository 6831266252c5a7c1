import { createServer, type Server, type Socket } from 'node:net';
import type { Startable } from '#base';
import type { Protocol } from '../plugins/plugin.js';
import type { Handler } from './handler.js';
import type { ListenerOptions } from './udp.js';

const IDLE_MS = 10_000;
const MAX_CONNECTIONS = 1024;
/** Queries of one connection that may be in work; beyond, reading pauses. */
const MAX_PIPELINED = 128;

/**
 * DNS over TCP: two-byte framing, pipelined, answered in the order in which answers are ready, so that a slow
 * one does not hold up the others (RFC 7766). Idle connections end after ten seconds.
 */
export function createTcpServer(options: ListenerOptions): Startable {
  const { address, handler } = options;
  const server = createServer((socket) =>
    serveStream(socket, { protocol: 'tcp', localAddress: address, handler }),
  );
  return listening(server, options);
}

/** A stream server that is bound on start, and that ends its connections on stop once their answers are out. */
export function listening(server: Server, { address, port, logger }: ListenerOptions): Startable {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.maxConnections = MAX_CONNECTIONS;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port, exclusive: true, ipv6Only: address.includes(':') }, () => {
          server.off('error', reject);
          server.on('error', (error) =>
            logger.error('stream listener failed', { address, port, err: error }),
          );
          resolve();
        });
      }),
    async stop() {
      for (const socket of open) socket.destroySoon();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Serves framed messages on a stream socket (TCP, or TLS on top of it). */
export function serveStream(
  socket: Socket,
  options: { protocol: Protocol; localAddress: string; handler: () => Handler },
): void {
  const stream = new DnsStream(socket, options);
  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => stream.received(chunk));
  socket.on('drain', () => stream.resume());
}

/** One connection: cuts frames out of chunks, and puts answers of one turn into one write. */
class DnsStream {
  readonly #socket: Socket;
  readonly #options: { protocol: Protocol; localAddress: string; handler: () => Handler };
  readonly #ipv6: boolean;
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];
  #pending = 0;
  #flushing = false;

  constructor(socket: Socket, options: { protocol: Protocol; localAddress: string; handler: () => Handler }) {
    this.#socket = socket;
    this.#options = options;
    this.#ipv6 = socket.remoteFamily === 'IPv6';
  }

  received(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#drain();
  }

  /** Reads on once answers have left. */
  resume(): void {
    if (!this.#socket.isPaused() || this.#isFull()) return;
    this.#socket.resume();
    this.#drain();
  }

  #isFull(): boolean {
    return this.#pending >= MAX_PIPELINED || this.#socket.writableNeedDrain;
  }

  #drain(): void {
    const { handler, protocol } = this.#options;
    let at = 0;
    while (this.#rest.length - at >= 2 && !this.#isFull()) {
      const end = at + 2 + this.#rest.readUInt16BE(at);
      if (end > this.#rest.length) break;
      const frame = this.#rest.subarray(at + 2, end);
      at = end;
      const current = handler();
      const quick = current.quick(frame, protocol, this.#ipv6);
      if (quick !== undefined) this.#write(quick);
      else if (!isIgnored(frame)) this.#handle(current, frame);
    }
    if (at > 0) this.#rest = Buffer.from(this.#rest.subarray(at));
    this.#flush();
    if (this.#isFull()) this.#socket.pause();
  }

  #handle(handler: Handler, frame: Buffer): void {
    this.#pending++;
    let answered = false;
    handler.handle({
      // A copy: a slice would keep the whole chunk alive while the answer is worked out.
      message: Buffer.from(frame),
      protocol: this.#options.protocol,
      remoteAddress: this.#socket.remoteAddress ?? '',
      remotePort: this.#socket.remotePort ?? 0,
      localAddress: this.#options.localAddress,
      reply: (message) => {
        if (!answered) this.#pending--;
        answered = true;
        this.#write(message);
      },
    });
  }

  #write(message: Buffer): void {
    const header = Buffer.allocUnsafe(2);
    header.writeUInt16BE(message.length);
    this.#out.push(header, message);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
      this.resume();
    });
  }

  #flush(): void {
    if (this.#out.length === 0) return;
    const out = Buffer.concat(this.#out);
    this.#out = [];
    if (!this.#socket.destroyed) this.#socket.write(out);
  }
}

/** Too short for a header, or a response: never answered. */
function isIgnored(message: Buffer): boolean {
  return message.length < 12 || (message[2]! & 0x80) !== 0;
}
