import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#base';
import { createEtcdStore, prefixEnd, type Store } from '#storage';
import { createCacher, storedBytes } from '../../src/apiserver/cacher/cacher.js';
import { EtcdProcess, freePort, haveEtcd } from '../contract/store-etcd-process.js';

const put = async (store: Store, key: string, value = 'x') =>
  (await store.txn([], [{ op: 'put', key, value: Buffer.from(value) }])).revision;

describe.runIf(haveEtcd())('the etcd store', () => {
  let etcd: EtcdProcess;
  const stores: Store[] = [];
  const connect = async (endpoints = [etcd.endpoint]) => {
    const store = await createEtcdStore({ endpoints, logger: silentLogger });
    await store.start();
    stores.push(store);
    return store;
  };
  const cacherOn = async (store: Store) => {
    const cacher = createCacher({
      store,
      prefix: '/registry/pods/',
      namespaced: true,
      apiVersion: 'v1',
      kind: 'Pod',
      logger: silentLogger,
    });
    await cacher.start();
    return cacher;
  };
  const pod = (name: string) =>
    storedBytes({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } }).toString();

  beforeEach(async () => {
    etcd = new EtcdProcess();
    await etcd.start();
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop();
    await etcd.remove();
  });

  it('goes on with a watch where it broke off when etcd is killed and comes back', async () => {
    const store = await connect();
    const controller = new AbortController();
    const seen: number[] = [];
    const written: number[] = [];
    const from = (await store.revision()) + 1;
    const reading = (async () => {
      const watch = store.watch('/w/', prefixEnd('/w/'), { startRevision: from, signal: controller.signal });
      for await (const batch of watch) {
        for (const e of batch.events) seen.push(e.type === 'put' ? e.kv.modRevision : e.modRevision);
      }
    })();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 30; i++) written.push(await put(store, `/w/${i % 7}`));
      await etcd.kill();
      await etcd.start();
      // The first call after the outage may still meet the broken connection: a write is not tried twice.
      await expect
        .poll(
          () =>
            put(store, '/elsewhere').then(
              () => true,
              () => false,
            ),
          { timeout: 20_000 },
        )
        .toBe(true);
    }
    written.push(await put(store, '/w/last'));
    await expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(written.length);
    expect(seen).toEqual(written);
    controller.abort();
    await reading;
  });

  it('uses the endpoint that answers', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    const store = await connect([dead, etcd.endpoint]);
    expect(await put(store, '/a')).toBe(2);
    expect((await store.get('/a')).kv!.modRevision).toBe(2);
  });

  it('says Unavailable when nothing answers', async () => {
    const store = await connect();
    await etcd.kill();
    await expect(put(store, '/a')).rejects.toMatchObject({ code: 'Unavailable' });
    await expect(store.get('/a')).rejects.toMatchObject({ code: 'Unavailable' });
  });

  it('gives every server a consistent list of what any other has written', async () => {
    const [one, two] = [await connect(), await connect()];
    const [left, right] = [await cacherOn(one), await cacherOn(two)];
    for (let i = 0; i < 25; i++) {
      const [writer, reader] = i % 2 === 0 ? [one, right] : [two, left];
      const revision = await put(writer, `/registry/pods/default/p${i}`, pod(`p${i}`));
      await put(writer, '/registry/other/x');
      const listed = await reader.list({});
      expect(listed.revision).toBeGreaterThanOrEqual(revision);
      expect(listed.items).toHaveLength(i + 1);
    }
    await one.txn([], [{ op: 'delete', key: '/registry/pods/default/p0' }]);
    expect((await right.list({})).items).toHaveLength(24);
    await left.stop();
    await right.stop();
  });

  it('fills the cache again when etcd has compacted what it missed', async () => {
    const store = await connect();
    const other = await connect();
    const cacher = await cacherOn(store);
    const controller = new AbortController();
    const watch = await cacher.watch({ resourceVersion: cacher.revision, signal: controller.signal });
    const reading = watch[Symbol.asyncIterator]().next();
    const first = await put(other, '/registry/pods/default/a', pod('a'));
    expect((await reading).value![0].revision).toBe(first);
    await etcd.kill();
    await etcd.start();
    await expect
      .poll(
        () =>
          put(other, '/elsewhere').then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);
    await put(other, '/registry/pods/default/b', pod('b'));
    await other.compact(await other.revision());
    await expect
      .poll(async () => (await cacher.list({}).catch(() => undefined))?.items.length, { timeout: 20_000 })
      .toBe(2);
    controller.abort();
    await cacher.stop();
  });
});
