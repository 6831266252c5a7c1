import { generateKeyPairSync } from 'node:crypto';
import { type KubeObject, StatusError } from '#api';
import { createMetrics, type Logger, silentLogger } from '#base';
import { createMemoryStore, type Store } from '#storage';
import type { EgressDialer, UserInfo } from '../contracts.js';
import { createInProcessTransport } from '../listen/index.js';
import type { ApiServerOptions } from '../options.js';
import { type ApiServer, createApiServer } from '../server.js';

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** A whole API server over a memory store, without sockets. */
export interface TestServer {
  server: ApiServer;
  /** What the server stores in, for data that another server left there. */
  store: Store;
  /** Sends JSON as a user and answers the JSON; rejects with StatusError for failures. */
  call<T = KubeObject & Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    options?: CallOptions,
  ): Promise<T>;
  /** Warning texts of the last call. */
  warnings: string[];
  stop(): Promise<void>;
}

export interface CallOptions {
  user?: UserInfo;
  headers?: Record<string, string>;
}

function signingKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

export interface TestServerOptions extends Partial<ApiServerOptions> {
  egress?: EgressDialer;
  logger?: Logger;
  /** A store that other servers use as well; whoever made it stops it. */
  store?: Store;
}

export async function startTestServer({
  egress,
  logger = silentLogger,
  store: shared,
  ...options
}: TestServerOptions = {}): Promise<TestServer> {
  const store = shared ?? createMemoryStore();
  if (shared === undefined) await store.start();
  const server = createApiServer(
    {
      tlsCert: '',
      tlsPrivateKey: '',
      serviceClusterIPRange: ['10.96.0.0/16'],
      serviceAccountIssuers: ['https://kubernetes.default.svc'],
      serviceAccountSigningKey: signingKey(),
      advertiseAddress: '192.0.2.1',
      advertisePort: 6443,
      ...options,
    },
    { store, logger, metrics: createMetrics(), ...(egress === undefined ? {} : { egress }) },
  );
  await server.start();
  const test: TestServer = {
    server,
    store,
    warnings: [],
    call: (method, path, body, call) => request(test, method, path, body, call),
    stop: async () => {
      await server.stop();
      if (shared === undefined) await store.stop();
    },
  };
  return test;
}

const PATCHES: Record<string, string> = { PATCH: 'application/merge-patch+json' };

async function request<T>(
  test: TestServer,
  method: string,
  url: string,
  body: unknown,
  { user = admin, headers = {} }: CallOptions = {},
): Promise<T> {
  const transport = createInProcessTransport(test.server, user);
  const response = await transport({
    method,
    url,
    headers: {
      accept: 'application/json',
      'content-type': PATCHES[method] ?? 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    signal: new AbortController().signal,
  });
  const text = await textOf(response.body);
  test.warnings = [...(response.headers['warning'] ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(
    (match) => match[1]!.replaceAll('\\"', '"'),
  );
  const value = text.startsWith('{') ? JSON.parse(text) : text;
  if (response.status >= 400)
    throw StatusError.fromStatus(typeof value === 'string' ? { message: value } : value, response.status);
  return value as T;
}

async function textOf(body: Buffer | Buffer[] | AsyncIterable<Buffer>): Promise<string> {
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  const parts: Buffer[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}
