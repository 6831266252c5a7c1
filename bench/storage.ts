import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#base';
import { createEtcdStore, createLmdbStore, createMemoryStore, prefixEnd, type Store } from '#storage';
import { type Cacher, createCacher, listBody } from '../src/apiserver/cacher/cacher.js';
import { EtcdProcess, haveEtcd } from '../test/contract/store-etcd-process.js';

export const name = 'storage: the three stores and the watch cache';

const PREFIX = '/registry/configmaps/';
const OBJECTS = 10_000;
const SECONDS = 2;

interface Row {
  what: string;
  store: string;
  perSecond: number;
  p50: number;
  p99: number;
}

/** A ConfigMap of about 1.4 KB, as the API server stores it. */
function object(i: number): Buffer {
  const metadata = {
    name: `c${i}`,
    namespace: 'default',
    uid: `00000000-0000-0000-0000-${i}`,
    labels: { app: 'bench' },
  };
  return Buffer.from(
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: 'x'.repeat(1_200) } }),
  );
}
const key = (i: number) => `${PREFIX}default/c${String(i).padStart(7, '0')}`;

/** Repeats `step` from `clients` loops for some seconds; latencies in ms. */
async function measure(
  what: string,
  store: string,
  clients: number,
  step: (i: number) => Promise<unknown>,
): Promise<Row> {
  const latencies: number[] = [];
  let i = 0;
  const begin = performance.now();
  const end = begin + SECONDS * 1_000;
  const loop = async () => {
    while (performance.now() < end) {
      const from = performance.now();
      await step(i++);
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
  const seconds = (performance.now() - begin) / 1_000;
  latencies.sort((a, b) => a - b);
  const at = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))]!;
  return { what, store, perSecond: latencies.length / seconds, p50: at(0.5), p99: at(0.99) };
}

async function benchStore(label: string, store: Store): Promise<Row[]> {
  const rows: Row[] = [];
  for (const clients of [1, 32, 128]) {
    const base = clients * 10_000_000;
    rows.push(
      await measure(`create, ${clients} clients`, label, clients, (i) => {
        const at = key(base + i);
        return store.txn([{ key: at, modRevision: 0 }], [{ op: 'put', key: at, value: object(i) }]);
      }),
    );
    await clear(store);
  }
  for (let i = 0; i < OBJECTS; i += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, k) =>
        store.txn([], [{ op: 'put', key: key(i + k), value: object(i + k) }]),
      ),
    );
  }
  rows.push(await measure('get, 32 clients', label, 32, (i) => store.get(key(i % OBJECTS))));
  rows.push(await measure(`range of ${OBJECTS}`, label, 1, () => store.range(PREFIX, prefixEnd(PREFIX))));
  rows.push(await watchLatency(label, store));
  return rows;
}

async function clear(store: Store): Promise<void> {
  const { kvs } = await store.range(PREFIX, prefixEnd(PREFIX), { keysOnly: true });
  for (let i = 0; i < kvs.length; i += 100) {
    await store.txn(
      [],
      kvs.slice(i, i + 100).map((kv) => ({ op: 'delete' as const, key: kv.key })),
    );
  }
  await store.compact(await store.revision());
}

/** From the start of a write to its event, one at a time. */
async function watchLatency(label: string, store: Store): Promise<Row> {
  const controller = new AbortController();
  const watch = store.watch('/w/', '/w0', {
    signal: controller.signal,
    startRevision: (await store.revision()) + 1,
  });
  const events = watch[Symbol.asyncIterator]();
  const row = await measure('write to watch event', label, 1, async () => {
    const written = store.txn([], [{ op: 'put', key: '/w/a', value: object(1) }]);
    for (;;) {
      const { value } = await events.next();
      if (value !== undefined && value.events.length > 0) break;
    }
    await written;
  });
  controller.abort();
  return row;
}

async function benchCacher(label: string, store: Store): Promise<Row[]> {
  const cacher = createCacher({
    store,
    prefix: PREFIX,
    namespaced: true,
    apiVersion: 'v1',
    kind: 'ConfigMap',
    logger: silentLogger,
  });
  await cacher.start();
  const rows = [
    await measure(`cache: list body of ${OBJECTS}`, label, 1, () => readBody(cacher)),
    await measure(`cache: same, first 500`, label, 1, () => readBody(cacher, 500)),
    await fanOut(label, store, cacher),
  ];
  await cacher.stop();
  return rows;
}

async function readBody(cacher: Cacher, limit?: number): Promise<number> {
  const list = await cacher.list(limit === undefined ? {} : { limit });
  const body = listBody(list, { apiVersion: 'v1', listKind: 'ConfigMapList' });
  if (Buffer.isBuffer(body)) return body.length;
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.length;
  return bytes;
}

/** Events delivered (as encoded lines) to 100 watchers while 16 writers write. */
async function fanOut(label: string, store: Store, cacher: Cacher): Promise<Row> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  let delivered = 0;
  const readers = Array.from({ length: 100 }, async () => {
    const watch = await cacher.watch({ resourceVersion: cacher.revision, signal: controller.signal });
    for await (const items of watch) {
      for (const item of items) if (item.line().length > 0) delivered++;
    }
  });
  const begin = performance.now();
  const row = await measure('cache: writes with 100 watchers, 16 clients', label, 16, (i) =>
    store.txn([], [{ op: 'put', key: key(i % 500), value: object(i) }]),
  );
  await cacher.waitFor(await store.revision());
  await new Promise((resolve) => setImmediate(resolve));
  const seconds = (performance.now() - begin) / 1_000;
  controller.abort();
  await Promise.all(readers);
  console.log(`${label}: ${Math.round(delivered / seconds)} events/s delivered to 100 watchers`);
  return row;
}

async function withStore(
  label: string,
  open: () => Promise<{ store: Store; close(): Promise<void> }>,
): Promise<Row[]> {
  const { store, close } = await open();
  await store.start();
  try {
    return [...(await benchStore(label, store)), ...(await benchCacher(label, store))];
  } finally {
    await store.stop();
    await close();
  }
}

async function openEtcd() {
  const etcd = new EtcdProcess();
  await etcd.start();
  const store = await createEtcdStore({ endpoints: [etcd.endpoint], logger: silentLogger });
  return { store, close: () => etcd.remove() };
}

async function openLmdb() {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-bench-'));
  const store = await createLmdbStore({ directory, logger: silentLogger });
  return { store, close: async () => rmSync(directory, { recursive: true, force: true }) };
}

/** Prints every figure, and what each store does relative to the real etcd of the same run. */
export async function run(): Promise<void> {
  const etcd = haveEtcd() ? await withStore('etcd', openEtcd) : [];
  const lmdb = await withStore('lmdb', openLmdb);
  const memory = await withStore('memory', async () => ({
    store: createMemoryStore(),
    close: async () => undefined,
  }));
  const round = (n: number) => Number(n.toPrecision(3));
  const rows = [...etcd, ...lmdb, ...memory].map((row) => {
    const peer = etcd.find((other) => other.what === row.what);
    const ratio = peer === undefined ? '-' : `${round(row.perSecond / peer.perSecond)}×`;
    return {
      what: row.what,
      store: row.store,
      'per s': Math.round(row.perSecond),
      'p50 ms': round(row.p50),
      'p99 ms': round(row.p99),
      'to etcd': ratio,
    };
  });
  console.table(rows);
}
