import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#base';
import { createEtcdStore, createLmdbStore, createMemoryStore } from '#storage';
import { EtcdProcess, haveEtcd } from './store-etcd-process.js';
import { storeContract } from './store-suite.js';

storeContract('memory', async () => {
  const store = createMemoryStore();
  await store.start();
  return { store, close: () => store.stop() };
});

storeContract('lmdb', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-lmdb-'));
  const store = await createLmdbStore({ directory, logger: silentLogger });
  await store.start();
  return {
    store,
    close: async () => {
      await store.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});

if (haveEtcd()) {
  storeContract(
    'etcd',
    async () => {
      const etcd = new EtcdProcess();
      await etcd.start();
      const store = await createEtcdStore({
        endpoints: [etcd.endpoint],
        prefix: '/test',
        logger: silentLogger,
      });
      await store.start();
      return {
        store,
        close: async () => {
          await store.stop();
          await etcd.remove();
        },
      };
    },
    10,
  );
}
