import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { KeyPair } from '#base';
import type { TestServer } from './start-server.js';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  text: string;
  /** The parsed body; asking for it when the body is not JSON throws. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

export interface Call {
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

/** A plain HTTP/1.1 client with a client certificate: independent of the project's own client. */
export class TestClient {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #headers: Record<string, string>;

  constructor(server: TestServer, identity?: KeyPair, headers: Record<string, string> = {}) {
    this.#port = server.port;
    this.#headers = headers;
    this.#agent = new Agent({
      keepAlive: true,
      ca: server.ca.certificate,
      ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
    });
  }

  /** Sends a request; objects are sent as JSON, strings and buffers as they are. */
  async call(method: string, path: string, { headers = {}, body, signal }: Call = {}): Promise<Answer> {
    const response = await this.open(method, path, {
      headers,
      body,
      ...(signal === undefined ? {} : { signal }),
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text);
      },
    };
  }

  /** Sends a request and resolves with the head of the answer. */
  open(method: string, path: string, { headers = {}, body, signal }: Call = {}): Promise<IncomingMessage> {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const payload = raw ? (body as string | Buffer | undefined) : JSON.stringify(body);
    const all: Record<string, string> = { ...this.#headers, ...headers };
    if (payload !== undefined) {
      all['content-type'] ??= 'application/json';
      all['content-length'] = String(Buffer.byteLength(payload));
    }
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port: this.#port, path, method, headers: all, agent: this.#agent, signal },
        resolve,
      );
      request.on('error', reject);
      request.end(payload);
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('GET', path, { headers });
  }
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('POST', path, { body, headers });
  }
  put(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call('PUT', path, { body, headers });
  }
  delete(path: string, body?: unknown): Promise<Answer> {
    return this.call('DELETE', path, { body });
  }
  patch(path: string, type: 'merge' | 'json' | 'strategic' | 'apply', body: unknown): Promise<Answer> {
    const suffix = {
      merge: 'merge-patch+json',
      json: 'json-patch+json',
      strategic: 'strategic-merge-patch+json',
      apply: 'apply-patch+yaml',
    };
    return this.call('PATCH', path, { body, headers: { 'content-type': `application/${suffix[type]}` } });
  }

  /** Opens a watch (or any stream of JSON lines). */
  async watch(path: string, headers: Record<string, string> = {}): Promise<TestWatch> {
    return new TestWatch(await this.open('GET', path, { headers }));
  }

  close(): void {
    this.#agent.destroy();
  }
}

export interface TestEvent {
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every shape.
  object: any;
}

/** A watch being read. */
export class TestWatch {
  readonly response: IncomingMessage;
  readonly #events: AsyncGenerator<TestEvent>;

  constructor(response: IncomingMessage) {
    this.response = response;
    this.#events = lines(response);
  }

  /** The next `count` events; rejects when the stream ends before. */
  async take(count: number): Promise<TestEvent[]> {
    const events: TestEvent[] = [];
    while (events.length < count) {
      const next = await this.#events.next();
      if (next.done === true) throw new Error(`the watch ended after ${JSON.stringify(events)}`);
      events.push(next.value);
    }
    return events;
  }

  /** Everything until the server ends the stream. */
  async rest(): Promise<TestEvent[]> {
    const events: TestEvent[] = [];
    for await (const event of this.#events) events.push(event);
    return events;
  }

  close(): void {
    this.response.destroy();
  }
}

async function* lines(response: IncomingMessage): AsyncGenerator<TestEvent> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    const parts = (rest + (chunk as string)).split('\n');
    rest = parts.pop()!;
    for (const part of parts) yield JSON.parse(part) as TestEvent;
  }
}
