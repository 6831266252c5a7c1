import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiServer, type ApiServerOptions, createApiServer } from '#apiserver';
import {
  createAuthority,
  createLogger,
  createMetrics,
  issueCertificate,
  type KeyPair,
  type Metrics,
} from '#base';
import { createMemoryStore, type Store } from '#storage';

export interface TestServer {
  server: ApiServer;
  store: Store;
  metrics: Metrics;
  ca: KeyPair;
  /** A certificate of the group system:masters. */
  admin: KeyPair;
  /** A private directory; removed by `close`. */
  dir: string;
  /** A kubeconfig for the admin. */
  kubeconfig: string;
  port: number;
  /** Issues a client certificate. */
  client(name: string, groups: string[]): Promise<KeyPair>;
  close(): Promise<void>;
}

/**
 * A whole API server on loopback, with a memory store unless a started one is given; `close` stops both, unless the
 * store is to be kept for another server.
 */
export async function startServer(
  options: Partial<ApiServerOptions> = {},
  given: { store?: Store; keepStore?: boolean } = {},
): Promise<TestServer> {
  const ca = await createAuthority('test-ca');
  const serving = await issueCertificate(ca, {
    commonName: 'kube-apiserver',
    usages: ['server'],
    dnsNames: ['localhost', 'kubernetes.default.svc'],
    ipAddresses: ['127.0.0.1'],
  });
  const client = (name: string, groups: string[]) =>
    issueCertificate(ca, { commonName: name, organizations: groups, usages: ['client'] });
  const admin = await client('admin', ['system:masters']);
  const store = given.store ?? createMemoryStore();
  if (given.store === undefined) await store.start();
  const metrics = createMetrics();
  const server = createApiServer(
    {
      bindAddress: '127.0.0.1',
      securePort: 0,
      advertiseAddress: '192.0.2.10',
      tlsCert: serving.certificate,
      tlsPrivateKey: serving.key,
      clientCA: ca.certificate,
      serviceClusterIPRange: ['10.96.0.0/16'],
      serviceAccountIssuers: ['https://kubernetes.default.svc'],
      serviceAccountSigningKey: serving.key,
      ...options,
    },
    {
      store,
      metrics,
      logger: createLogger({
        level: process.env['TEST_LOG'] === undefined ? 'error' : 'debug',
        component: 'apiserver',
      }),
    },
  );
  const dir = mkdtempSync(join(tmpdir(), 'kubesvc-apiserver-'));
  const stop = async (): Promise<void> => {
    await server.stop();
    if (given.keepStore !== true) await store.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
  const port = server.address?.port ?? 0;
  const kubeconfig = join(dir, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigFor(`https://127.0.0.1:${port}`, ca, admin), { mode: 0o600 });
  return { server, store, metrics, ca, admin, dir, kubeconfig, port, client, close: stop };
}

function kubeconfigFor(server: string, ca: KeyPair, user: KeyPair): string {
  const data = (text: string) => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': data(ca.certificate) } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': data(user.certificate), 'client-key-data': data(user.key) },
      },
    ],
  });
}
