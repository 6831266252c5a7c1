import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { type Caller, type CallOptions, type Connection, countLines } from './http1.js';

/** Many callers over one HTTP/2 connection, as client-go's. */
export class Http2Session {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  static async open({ host, port, ca, cert, key }: Connection): Promise<Http2Session> {
    const session = connect(`https://${host}:${port}`, { ca, cert, key });
    session.on('error', () => {});
    await once(session, 'connect');
    return new Http2Session(session);
  }

  caller(): Caller {
    return { call: (method, path, options) => this.#call(method, path, options), close() {} };
  }

  #call(method: string, path: string, { body, contentType, accept }: CallOptions = {}): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': method,
        ':path': path,
        accept: accept ?? 'application/json',
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      });
      let status = 0;
      const chunks: Buffer[] = [];
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('end', () => {
        const answer = Buffer.concat(chunks);
        if (status < 300) resolve(answer);
        else reject(new Error(`${method} ${path}: ${status} ${answer.toString().slice(0, 500)}`));
      });
      stream.end(body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

/** As `watchHttp1`, on an HTTP/2 connection of its own. */
export async function watchHttp2(
  { host, port, ca, cert, key }: Connection,
  path: string,
  onEvents: (count: number) => void,
): Promise<() => void> {
  const session = connect(`https://${host}:${port}`, { ca, cert, key });
  session.on('error', () => {});
  const stream = session.request({ ':path': path });
  stream.on('error', () => {});
  await once(stream, 'response');
  stream.on('data', countLines(onEvents));
  return () => session.destroy();
}
