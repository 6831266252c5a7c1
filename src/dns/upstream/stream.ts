import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Query } from '../wire/query.js';
import { ExchangeError, isAnswerTo, outgoing, type Upstream } from './messages.js';

interface Pending {
  query: Query;
  resolve: (message: Buffer) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Beyond, a connection of its own would be kinder to the upstream than a longer queue. */
const MAX_PENDING = 4096;

/** Queries to one upstream over one kept TCP or TLS connection, many at a time; it is closed after `expireMs` without any. */
export class StreamUpstream {
  readonly #upstream: Upstream;
  readonly #expireMs: number;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);

  constructor(upstream: Upstream, options: { expireMs: number; timeoutMs: number }) {
    this.#upstream = upstream;
    this.#expireMs = options.expireMs;
    this.#timeoutMs = options.timeoutMs;
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  /** Asks; a kept connection that turns out to be closed is replaced once. */
  async exchange(query: Query): Promise<Buffer> {
    const kept = this.connected;
    try {
      return await this.#ask(query);
    } catch (error) {
      if (kept && error instanceof ClosedError) return this.#ask(query);
      throw error;
    }
  }

  #ask(query: Query): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size >= MAX_PENDING) return reject(new ExchangeError('too many queries in flight'));
      const socket = this.#connection();
      let id = randomInt(65_536);
      while (this.#pending.has(id)) id = randomInt(65_536);
      const timer = setTimeout(() => this.#settle(id, new ExchangeError('i/o timeout')), this.#timeoutMs);
      this.#pending.set(id, { query, resolve, reject, timer });
      const message = outgoing(query, id);
      const header = Buffer.alloc(2);
      header.writeUInt16BE(message.length);
      socket.write(Buffer.concat([header, message]));
    });
  }

  #connection(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = this.#open();
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.setTimeout(this.#expireMs, () => socket.destroy());
    let reason: Error = new ClosedError('connection closed');
    socket.on('error', (error) => {
      reason = new ClosedError(error.message);
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      for (const id of [...this.#pending.keys()]) this.#settle(id, reason);
    });
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    return socket;
  }

  #open(): Socket {
    const { host, port, tls } = this.#upstream;
    if (tls === undefined) return connect({ host, port });
    const { serverName, cert, key, ca } = tls;
    return connectTls({
      host,
      port,
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined || key === undefined
        ? {}
        : { cert: readFileSync(cert), key: readFileSync(key) }),
    });
  }

  #data(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    while (this.#received.length - at >= 2) {
      const end = at + 2 + this.#received.readUInt16BE(at);
      if (end > this.#received.length) break;
      const message = Buffer.from(this.#received.subarray(at + 2, end));
      at = end;
      const id = message.length < 2 ? -1 : message.readUInt16BE(0);
      const waiting = this.#pending.get(id);
      if (waiting === undefined) continue;
      const fits = isAnswerTo(message, waiting.query, id);
      this.#settle(id, fits ? message : new ExchangeError('the answer is to another question'));
    }
    this.#received = Buffer.from(this.#received.subarray(at));
  }

  #settle(id: number, result: Buffer | Error): void {
    const waiting = this.#pending.get(id);
    if (waiting === undefined) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (result instanceof Error) waiting.reject(result);
    else waiting.resolve(result);
  }

  close(): void {
    this.#socket?.destroy();
  }
}

class ClosedError extends ExchangeError {}
