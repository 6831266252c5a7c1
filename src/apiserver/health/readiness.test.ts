import { generateKeyPairSync } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { createMemoryStore, type Store } from '#storage';
import { type ApiServer, createApiServer } from '../server.js';
import { admin } from '../testing/in-process-server.js';

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.stop();
});

function serverOver(store: Store): ApiServer {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const server = createApiServer(
    {
      tlsCert: '',
      tlsPrivateKey: '',
      serviceClusterIPRange: ['10.96.0.0/16'],
      serviceAccountIssuers: ['https://kubernetes.default.svc'],
      serviceAccountSigningKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      advertiseAddress: '192.0.2.1',
    },
    { store, logger: silentLogger, metrics: createMetrics() },
  );
  running.push(server);
  return server;
}

async function readyz(server: ApiServer): Promise<{ status: number; text: string }> {
  const request = {
    method: 'GET',
    url: '/readyz?verbose',
    headers: {},
    user: admin,
    signal: new AbortController().signal,
    body: async () => Buffer.alloc(0),
    stream: () => {
      throw new Error('no body');
    },
  };
  const { status, body } = await server.handle(request);
  return { status, text: String(body) };
}

it('is ready when the objects are there that every cluster has, not before', async () => {
  const store = createMemoryStore();
  await store.start();
  running.push(store);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let reached = (): void => {};
  const atRoles = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const { txn } = store;
  store.txn = async (conditions, ops) => {
    if (ops.some(({ key }) => key.startsWith('/registry/clusterroles/'))) {
      reached();
      await held;
    }
    return txn.call(store, conditions, ops);
  };
  const server = serverOver(store);
  const started = server.start();
  await atRoles;
  const before = await readyz(server);
  expect(before.status).toBe(500);
  expect(before.text).toContain('[-]poststarthook/rbac/bootstrap-roles failed');
  expect(before.text).toContain('[+]informer-sync ok');
  release();
  await started;
  const after = await readyz(server);
  expect(after.status).toBe(200);
  expect(after.text).toContain('[+]poststarthook/rbac/bootstrap-roles ok');
});
