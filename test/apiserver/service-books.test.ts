import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { silentLogger } from '#base';
import { createEtcdStore, type Store } from '#storage';
import { startTestServer, type TestServer } from '../../src/apiserver/testing/in-process-server.js';
import {
  applyStep,
  heldTwice,
  MODEL_OPTIONS,
  readBooks,
  serviceStep,
} from '../../src/apiserver/testing/service-model.js';
import { EtcdProcess, haveEtcd } from '../contract/store-etcd-process.js';

const rounds = fc.array(fc.array(serviceStep, { minLength: 2, maxLength: 6 }), {
  minLength: 1,
  maxLength: 10,
});

describe.runIf(haveEtcd())('two API servers on one etcd', () => {
  const etcd = new EtcdProcess();
  const stores: Store[] = [];
  const servers: TestServer[] = [];
  beforeAll(async () => {
    await etcd.start();
    for (let i = 0; i < 2; i++) {
      const store = await createEtcdStore({ endpoints: [etcd.endpoint], logger: silentLogger });
      await store.start();
      stores.push(store);
      servers.push(await startTestServer({ ...MODEL_OPTIONS, store }));
    }
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    for (const store of stores) await store.stop();
    await etcd.remove();
  });

  async function expectBalance(): Promise<void> {
    for (const server of servers) {
      const books = await readBooks(server);
      expect(heldTwice(books), 'one owner each').toEqual([]);
      expect(books.bookedAddresses).toEqual(books.heldAddresses);
      expect(books.bookedPorts).toEqual(books.heldPorts);
    }
  }

  it('keep the books of the Service registry balanced, whatever both are asked at once', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        for (const round of all) {
          await Promise.all(round.map((step) => applyStep(servers[step.server]!, step)));
          await expectBalance();
        }
        const services = '/api/v1/namespaces/default/services';
        const { items } = await servers[0]!.call<{ items: core.Service[] }>('GET', services);
        const rest = items.filter((service) => service.metadata.name !== 'kubernetes');
        for (const { metadata } of rest) await servers[1]!.call('DELETE', `${services}/${metadata.name}`);
        await expectBalance();
      }),
      { numRuns: 30 },
    );
  });
});
