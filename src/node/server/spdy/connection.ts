import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { controlFrame, dataFrame, FLAG_FIN, type Frame, FrameParser, FrameType, words } from './frames.js';
import { HeaderCodec, SpdyError, type SpdyHeaders } from './header-codec.js';

const MAX_STREAMS = 1024;
const CHUNK = 64 * 1024;
const RST_REFUSED = 3;
const RST_CANCEL = 5;

/** One stream of a connection. Ending the writable side sends FIN; destroying it resets the stream. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  #remoteEnded = false;
  #localEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: SpdyHeaders) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
    this.on('error', () => {});
  }

  /** The first value of a header. */
  header(name: string): string | undefined {
    return this.headers[name]?.[0];
  }

  /** Data from the peer. */
  receive(data: Buffer, fin: boolean): void {
    if (this.#remoteEnded || this.destroyed) return;
    if (data.length > 0 && !this.push(data)) this.#connection.hold(this);
    if (fin) this.endRemote();
  }

  endRemote(): void {
    if (this.#remoteEnded) return;
    this.#remoteEnded = true;
    this.push(null);
  }

  override _read(): void {
    this.#connection.release(this);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#connection.sendData(this.id, chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#localEnded = true;
    this.#connection.sendFin(this.id, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.closed(this, !(this.#localEnded && this.#remoteEnded));
    done(error);
  }
}

/**
 * The server side of a SPDY/3.1 connection as Kubernetes uses it (moby/spdystream): the peer opens streams, we
 * answer; there is no flow control per stream, so a reader that is too slow holds the whole connection back.
 * Emits `stream` for every stream that the peer opens, and `close` once.
 */
export class SpdyConnection extends EventEmitter<{ stream: [SpdyStream]; close: [] }> {
  readonly #socket: Duplex;
  readonly #parser = new FrameParser();
  readonly #codec = new HeaderCodec();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #held = new Set<SpdyStream>();
  #frames: Promise<void> = Promise.resolve();
  #sending: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(socket: Duplex, head: Buffer) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('end', () => this.close());
    socket.once('close', () => this.close());
    socket.on('error', () => this.close());
    if (head.length > 0) this.#receive(head);
  }

  get streams(): SpdyStream[] {
    return [...this.#streams.values()];
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of this.#streams.values()) stream.destroy();
    this.#streams.clear();
    this.#held.clear();
    this.#socket.resume();
    this.#socket.end();
    this.#codec.close();
    this.emit('close');
  }

  /** Ends the connection after everything written has been sent. */
  async finish(): Promise<void> {
    await this.#sending;
    this.close();
  }

  hold(stream: SpdyStream): void {
    this.#held.add(stream);
    this.#socket.pause();
  }

  release(stream: SpdyStream): void {
    if (this.#held.delete(stream) && this.#held.size === 0) this.#socket.resume();
  }

  sendData(id: number, data: Buffer, done: (error?: Error | null) => void): void {
    const frames: Buffer[] = [];
    for (let at = 0; at < data.length; at += CHUNK)
      frames.push(dataFrame(id, false, data.subarray(at, at + CHUNK)));
    this.#send(Buffer.concat(frames), done);
  }

  sendFin(id: number, done: (error?: Error | null) => void): void {
    this.#send(dataFrame(id, true, Buffer.alloc(0)), done);
  }

  closed(stream: SpdyStream, reset: boolean): void {
    this.release(stream);
    if (this.#streams.delete(stream.id) && reset && !this.#isClosed)
      this.#send(controlFrame(FrameType.rstStream, 0, words(stream.id, RST_CANCEL)), () => {});
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    this.#sending = this.#sending.then(
      () =>
        new Promise<void>((resolve) => {
          if (this.#isClosed || this.#socket.destroyed) {
            done(new SpdyError('the connection is closed'));
            return resolve();
          }
          this.#socket.write(bytes, (error) => {
            done(error ?? null);
            resolve();
          });
        }),
    );
  }

  #receive(chunk: Buffer): void {
    let frames: Frame[];
    try {
      frames = this.#parser.push(chunk);
    } catch {
      return this.close();
    }
    // Headers are decompressed asynchronously; frames stay in order all the same.
    for (const frame of frames)
      this.#frames = this.#frames.then(() => this.#handle(frame)).catch(() => this.close());
  }

  async #handle(frame: Frame): Promise<void> {
    if (this.#isClosed) return;
    if (frame.kind === 'data') return this.#streams.get(frame.streamId)?.receive(frame.data, frame.fin);
    const { type, flags, payload } = frame;
    if (type === FrameType.synStream) return this.#opened(flags, payload);
    if (type === FrameType.headers || type === FrameType.synReply) {
      // The compression state has to see every block.
      await this.#codec.decompress(payload.subarray(4));
      if ((flags & FLAG_FIN) !== 0) this.#streams.get(streamId(payload))?.endRemote();
    } else if (type === FrameType.rstStream) {
      const stream = this.#streams.get(streamId(payload));
      this.#streams.delete(streamId(payload));
      stream?.destroy();
    } else if (type === FrameType.ping) {
      // Odd ids are the client's; ours would be even.
      if (payload.length >= 4 && payload.readUInt32BE() % 2 === 1)
        this.#send(controlFrame(FrameType.ping, 0, payload.subarray(0, 4)), () => {});
    } else if (type === FrameType.goAway) {
      if (this.#streams.size === 0) this.close();
    }
  }

  async #opened(flags: number, payload: Buffer): Promise<void> {
    if (payload.length < 10) throw new SpdyError('SYN_STREAM is cut off');
    const id = streamId(payload);
    const headers = await this.#codec.decompress(payload.subarray(10));
    if (this.#streams.size >= MAX_STREAMS || this.#streams.has(id)) {
      this.#send(controlFrame(FrameType.rstStream, 0, words(id, RST_REFUSED)), () => {});
      return;
    }
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    const reply = await this.#codec.compress({});
    this.#send(controlFrame(FrameType.synReply, 0, Buffer.concat([words(id), reply])), () => {});
    this.emit('stream', stream);
    if ((flags & FLAG_FIN) !== 0) stream.endRemote();
  }
}

function streamId(payload: Buffer): number {
  if (payload.length < 4) throw new SpdyError('frame is cut off');
  return payload.readUInt32BE() & 0x7fffffff;
}
