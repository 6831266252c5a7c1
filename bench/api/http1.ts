import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';

/** Where the server is, and who asks. */
export interface Connection {
  host: string;
  port: number;
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
}

interface Answer {
  status: number;
  body: Buffer;
}

/** One connection that sends one request at a time. */
export interface Caller {
  /** Throws for anything but success. */
  call(method: string, path: string, options?: CallOptions): Promise<Buffer>;
  close(): void;
}

export interface CallOptions {
  body?: string;
  contentType?: string;
  accept?: string;
}

/**
 * HTTP/1.1 over TLS, reduced to what a load needs: on two cores every microsecond of the client is one that the
 * server does not get, and Node's own client costs several times what the server does.
 */
export class HttpConnection implements Caller {
  readonly #socket: TLSSocket;
  #pending: Buffer[] = [];
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#reject?.(error));
    socket.on('close', () => this.#reject?.(new Error('the server closed the connection')));
  }

  static async open(connection: Connection): Promise<HttpConnection> {
    return new HttpConnection(await secureSocket(connection));
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Buffer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#socket.write(requestText(method, path, options));
    const { status, body } = await answered;
    if (status < 300) return body;
    throw new Error(`${method} ${path}: ${status} ${body.toString().slice(0, 500)}`);
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk);
    const answer = completeAnswer(this.#pending);
    if (answer === undefined) return;
    this.#pending = [];
    this.#resolve?.(answer);
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }
}

async function secureSocket({ host, port, ca, cert, key }: Connection): Promise<TLSSocket> {
  const socket = connect({ host, port, ca, cert, key, ALPNProtocols: ['http/1.1'] });
  socket.setNoDelay(true);
  await once(socket, 'secureConnect');
  return socket;
}

function requestText(method: string, path: string, { body, contentType, accept }: CallOptions): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: ${accept ?? 'application/json'}\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const length = Buffer.byteLength(body);
  return `${head}Content-Type: ${contentType ?? 'application/json'}\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** The answer when all of it is there. Bodies in chunks are kept with their framing: nobody reads those. */
function completeAnswer(chunks: Buffer[]): Answer | undefined {
  const first = chunks[0]!;
  let end = first.indexOf('\r\n\r\n');
  if (end < 0) {
    if (chunks.length === 1) return undefined;
    chunks.splice(0, chunks.length, Buffer.concat(chunks));
    end = chunks[0]!.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
  }
  const head = chunks[0]!.toString('latin1', 0, end);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  const whole = length === undefined ? endsChunks(chunks) : sizeOf(chunks) >= end + 4 + Number(length);
  if (!whole) return undefined;
  return { status: Number(head.slice(9, 12)), body: Buffer.concat(chunks).subarray(end + 4) };
}

function sizeOf(chunks: Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

function endsChunks(chunks: Buffer[]): boolean {
  const last = chunks[chunks.length - 1]!;
  const tail = last.length >= 5 || chunks.length === 1 ? last : Buffer.concat(chunks.slice(-2));
  return tail.toString('latin1', Math.max(0, tail.length - 5)) === '0\r\n\r\n';
}

/** Opens a watch and says how many events came, as they come. */
export async function watchHttp1(
  connection: Connection,
  path: string,
  onEvents: (count: number) => void,
): Promise<() => void> {
  const socket = await secureSocket(connection);
  socket.on('error', () => {});
  socket.write(requestText('GET', path, {}));
  await once(socket, 'data');
  socket.on('data', countLines(onEvents));
  return () => socket.destroy();
}

/** Counts ends of lines that are not those of HTTP/1.1's chunks. */
export function countLines(onEvents: (count: number) => void): (chunk: Buffer) => void {
  let before = 0;
  return (chunk) => {
    let count = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) {
      if ((at > 0 ? chunk[at - 1] : before) !== 13) count++;
    }
    before = chunk[chunk.length - 1]!;
    if (count > 0) onEvents(count);
  };
}
