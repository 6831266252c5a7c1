import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createLmdbStore } from '#storage';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const SERVICES = '/api/v1/namespaces/default/services';
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubesvc-restart-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<{ server: TestServer; client: TestClient; close(): Promise<void> }> {
  const store = await createLmdbStore({ directory, logger: silentLogger });
  await store.start();
  const server = await startServer({}, { store });
  const client = new TestClient(server, server.admin);
  return {
    server,
    client,
    close: async () => {
      client.close();
      await server.close();
    },
  };
}

const service = (name: string, clusterIP?: string) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
});

describe('a server that is started again on its store', () => {
  it('serves the same bytes at the same revisions, and gives no address twice', async () => {
    const first = await open();
    const made = (await first.client.post(SERVICES, service('kept'))).json;
    const roles = (await first.client.get('/apis/rbac.authorization.k8s.io/v1/clusterroles')).json;
    await first.close();

    const second = await open();
    try {
      expect((await second.client.get(`${SERVICES}/kept`)).json).toEqual(made);
      const again = (await second.client.get('/apis/rbac.authorization.k8s.io/v1/clusterroles')).json;
      // Aggregated roles are filled in the background, maybe only after the first list.
      const plain = (list: { items: { aggregationRule?: object }[] }) =>
        list.items.filter((role) => role.aggregationRule === undefined);
      expect(plain(again)).toEqual(plain(roles));
      expect(plain(again).length).toBeGreaterThan(20);
      const taken = await second.client.post(SERVICES, service('other', made.spec.clusterIP));
      expect(taken.status).toBe(422);
      expect(taken.json.message).toContain('already allocated');
    } finally {
      await second.close();
    }
  });

  it('lets watches go on from revisions of before', async () => {
    const first = await open();
    const version = (await first.client.get(SERVICES)).json.metadata.resourceVersion;
    const late = (await first.client.post(SERVICES, service('late'))).json;
    await first.close();

    const second = await open();
    try {
      const watch = await second.client.watch(`${SERVICES}?watch=true&resourceVersion=${version}`);
      const [event] = await watch.take(1);
      expect(event).toEqual({ type: 'ADDED', object: late });
      watch.close();
    } finally {
      await second.close();
    }
  });
});
