import type { Duplex } from 'node:stream';
import { controlFrame, dataFrame, type Frame, FrameParser, FrameType, words } from '../server/spdy/frames.js';
import { HeaderCodec } from '../server/spdy/header-codec.js';

/** The client's side of SPDY/3.1 as client-go speaks it, enough to test the server against. */
export class SpdyClient {
  readonly #socket: Duplex;
  readonly #codec = new HeaderCodec();
  readonly #parser = new FrameParser();
  readonly #received = new Map<number, { text: string; ended: boolean }>();
  readonly #waiting = new Set<() => void>();
  #next = 1;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#parser.push(chunk)) this.#take(frame);
      for (const resume of this.#waiting) resume();
    });
    socket.on('error', () => {});
  }

  async open(headers: Record<string, string>): Promise<number> {
    const id = this.#next;
    this.#next += 2;
    this.#received.set(id, { text: '', ended: false });
    const block = await this.#codec.compress(
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    );
    this.#socket.write(
      controlFrame(FrameType.synStream, 0, Buffer.concat([words(id, 0), Buffer.alloc(2), block])),
    );
    return id;
  }

  send(id: number, text: string, fin = false): void {
    this.#socket.write(dataFrame(id, fin, Buffer.from(text)));
  }

  /** Everything that the stream received until its end. */
  async all(id: number): Promise<string> {
    while (this.#received.get(id)?.ended !== true)
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.#received.get(id)!.text;
  }

  close(): void {
    this.#codec.close();
    this.#socket.destroy();
  }

  #take(frame: Frame): void {
    if (frame.kind === 'data') {
      const stream = this.#received.get(frame.streamId);
      if (stream === undefined) return;
      stream.text += frame.data.toString();
      stream.ended ||= frame.fin;
    } else if (frame.type === FrameType.rstStream) {
      const stream = this.#received.get(frame.payload.readUInt32BE());
      if (stream !== undefined) stream.ended = true;
    }
  }
}
