import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#base';
import { createLmdbStore, createMemoryStore } from '#storage';
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
