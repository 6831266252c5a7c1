import type { EtcdStoreOptions } from './etcd/options.js';
import type { LmdbStoreOptions } from './lmdb/options.js';
import type { Store } from './store.js';

export type { EtcdStoreOptions } from './etcd/options.js';
export type { LmdbStoreOptions } from './lmdb/options.js';
export { createMemoryStore, type MemoryStoreOptions } from './memory/index.js';

/** The embedded durable store. lmdb is loaded only by this call. */
export async function createLmdbStore(options: LmdbStoreOptions): Promise<Store> {
  const { openLmdbStore } = await import('./lmdb/lmdb-store.js');
  return openLmdbStore(options);
}

/** An etcd v3 cluster as the store. gRPC is loaded only by this call. */
export async function createEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const { EtcdStore } = await import('./etcd/etcd-store.js');
  return new EtcdStore(options);
}
