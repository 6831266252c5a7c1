import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  prefixEnd,
  type Store,
  type WatchBatch,
} from '#storage';

export interface StoreUnderTest {
  store: Store;
  close(): Promise<void>;
}

const bytes = (text: string) => Buffer.from(text);
const text = (kv: KeyValue | undefined) => kv?.value.toString();

/** What one watch has seen, with waiting for more. */
class Recorder {
  readonly events: string[] = [];
  readonly controller = new AbortController();
  revision = 0;
  error: unknown;
  readonly done: Promise<void>;
  readonly watch: AsyncIterable<WatchBatch>;
  #wake: (() => void)[] = [];

  constructor(store: Store, start: string, end: string, startRevision = 0, prevKv = false) {
    this.watch = store.watch(start, end, { startRevision, prevKv, signal: this.controller.signal });
    this.done = this.#read();
  }
  async #read(): Promise<void> {
    try {
      for await (const batch of this.watch) {
        for (const event of batch.events) {
          const prev = event.prev === undefined ? '' : ` was ${text(event.prev)}`;
          if (event.type === 'put')
            this.events.push(`put ${event.kv.key}=${text(event.kv)}@${event.kv.modRevision}${prev}`);
          else this.events.push(`del ${event.key}@${event.modRevision}${prev}`);
        }
        this.revision = Math.max(this.revision, batch.revision);
        for (const wake of this.#wake.splice(0)) wake();
      }
    } catch (error) {
      this.error = error;
    } finally {
      for (const wake of this.#wake.splice(0)) wake();
    }
  }
  async until(store: Store, revision: number): Promise<string[]> {
    while (this.revision < revision && this.error === undefined) {
      store.requestProgress(this.watch);
      await Promise.race([
        new Promise<void>((resolve) => this.#wake.push(resolve)),
        new Promise((resolve) => setTimeout(resolve, 100)),
      ]);
    }
    if (this.error !== undefined) throw this.error;
    return this.events;
  }
  async close(): Promise<void> {
    this.controller.abort();
    await this.done;
  }
}

/** Every promise of the store contract; each case works under a prefix of its own. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>, runs = 30): void {
  describe(`store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: Store;
    let cases = 0;
    let p = '';

    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(async () => {
      await under?.close();
    });

    const fresh = () => {
      p = `/case${++cases}/`;
      return p;
    };
    const put = async (key: string, value: string) =>
      (await store.txn([], [{ op: 'put', key: p + key, value: bytes(value) }])).revision;
    const del = async (key: string) => (await store.txn([], [{ op: 'delete', key: p + key }])).revision;
    const names = (kvs: KeyValue[]) => kvs.map((kv) => `${kv.key.slice(p.length)}=${text(kv)}`);
    const range = (options = {}) => store.range(p, prefixEnd(p), options);

    it('counts revisions, creation and versions as etcd does', async () => {
      fresh();
      const first = await put('a', '1');
      const second = await put('a', '2');
      expect(second).toBe(first + 1);
      const { kv, revision } = await store.get(`${p}a`);
      expect(kv).toMatchObject({ createRevision: first, modRevision: second, version: 2 });
      expect(revision).toBe(second);
      expect(await store.revision()).toBe(second);
      await del('a');
      const third = await put('a', '3');
      expect((await store.get(`${p}a`)).kv).toMatchObject({ createRevision: third, version: 1 });
      expect((await store.get(`${p}absent`)).kv).toBeUndefined();
    });

    it('makes no revision for a delete of nothing or an empty transaction', async () => {
      fresh();
      const before = await put('a', '1');
      expect(await del('absent')).toBe(before);
      expect(await store.txn([{ key: `${p}a`, modRevision: before }], [])).toEqual({
        ok: true,
        revision: before,
      });
      expect(await store.revision()).toBe(before);
    });

    it('applies several operations at one revision or none of them', async () => {
      fresh();
      const a = await put('a', '1');
      const done = await store.txn(
        [
          { key: `${p}a`, modRevision: a },
          { key: `${p}b`, modRevision: 0 },
        ],
        [
          { op: 'put', key: `${p}b`, value: bytes('2') },
          { op: 'delete', key: `${p}a` },
          { op: 'put', key: `${p}c`, value: bytes('3') },
        ],
      );
      expect(done).toEqual({ ok: true, revision: a + 1 });
      expect(names((await range()).kvs)).toEqual(['b=2', 'c=3']);
      const refused = await store.txn(
        [
          { key: `${p}b`, modRevision: a + 1 },
          { key: `${p}c`, modRevision: 7_777_777 },
          { key: `${p}x`, modRevision: 0 },
        ],
        [{ op: 'put', key: `${p}d`, value: bytes('4') }],
      );
      expect(refused.ok).toBe(false);
      if (refused.ok) return;
      expect(names(refused.current).sort()).toEqual(['b=2', 'c=3']);
      expect((await range()).count).toBe(2);
    });

    it('refuses two operations on one key and values above 1.5 MiB', async () => {
      fresh();
      const key = `${p}a`;
      const twice = [
        { op: 'put' as const, key, value: bytes('1') },
        { op: 'put' as const, key, value: bytes('2') },
      ];
      await expect(store.txn([], twice)).rejects.toThrow(/duplicate/);
      const value = Buffer.alloc(1.5 * 1024 * 1024 + 1);
      await expect(store.txn([], [{ op: 'put', key, value }])).rejects.toMatchObject({ code: 'TooLarge' });
      expect((await store.get(key)).kv).toBeUndefined();
    });

    it('keeps bytes as they are, in keys and in values', async () => {
      fresh();
      const value = Buffer.from([0, 255, 10, 0xc3, 0x28]);
      const key = `${p}ü-日本-😀`;
      await store.txn(
        [],
        [
          { op: 'put', key, value },
          { op: 'put', key: `${p}empty`, value: Buffer.alloc(0) },
        ],
      );
      const { kvs } = await range();
      expect(kvs.map((kv) => kv.key)).toEqual([`${p}empty`, key]);
      expect(kvs[1]!.value.equals(value)).toBe(true);
      expect(kvs[0]!.value.length).toBe(0);
    });

    it('orders keys by their bytes, not by their UTF-16 units', async () => {
      fresh();
      const wanted = ['a', 'a/', 'a0', 'z', 'ü', '\ue000', '\uffee', '😀'];
      for (const key of [...wanted].reverse()) await put(key, '');
      expect((await range()).kvs.map((kv) => kv.key.slice(p.length))).toEqual(wanted);
    });

    it('cuts ranges at the limit and counts the whole interval', async () => {
      fresh();
      for (const key of ['a', 'b', 'c', 'd']) await put(key, key);
      const cut = await range({ limit: 3 });
      expect(cut).toMatchObject({ count: 4, more: true });
      expect(names(cut.kvs)).toEqual(['a=a', 'b=b', 'c=c']);
      expect(await range({ limit: 4 })).toMatchObject({ count: 4, more: false });
      const keys = await range({ keysOnly: true });
      expect(keys.kvs.map((kv) => kv.value.length)).toEqual([0, 0, 0, 0]);
      const inner = await store.range(`${p}b`, `${p}d`);
      expect(names(inner.kvs)).toEqual(['b=b', 'c=c']);
      expect((await store.range(`${p}x`, `${p}z`)).kvs).toEqual([]);
    });

    it('reads at earlier revisions, and never ahead of time', async () => {
      fresh();
      const one = await put('a', '1');
      await put('b', '1');
      const three = await put('a', '2');
      const four = await del('b');
      expect(names((await range({ revision: one })).kvs)).toEqual(['a=1']);
      const at = await range({ revision: three, limit: 1 });
      expect(names(at.kvs)).toEqual(['a=2']);
      expect(at).toMatchObject({ count: 2, more: true, revision: three });
      expect(text((await store.get(`${p}a`, { revision: one })).kv)).toBe('1');
      expect((await store.get(`${p}b`, { revision: four })).kv).toBeUndefined();
      await expect(range({ revision: four + 1000 })).rejects.toBeInstanceOf(FutureRevisionError);
      await expect(store.get(`${p}a`, { revision: four + 1000 })).rejects.toBeInstanceOf(FutureRevisionError);
    });

    it('lets exactly one of many racing compare-and-puts win each round', async () => {
      fresh();
      let revision = await put('n', '0');
      for (let round = 0; round < 5; round++) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            store.txn(
              [{ key: `${p}n`, modRevision: revision }],
              [{ op: 'put', key: `${p}n`, value: bytes(`${round}.${i}`) }],
            ),
          ),
        );
        const won = answers.filter((a) => a.ok);
        expect(won).toHaveLength(1);
        for (const lost of answers) {
          if (!lost.ok) expect(lost.current[0]!.modRevision).toBe(won[0]!.revision);
        }
        revision = won[0]!.revision;
      }
    });

    it('loses no increment among concurrent writers', async () => {
      fresh();
      await put('n', '0');
      const increment = async () => {
        let { kv } = await store.get(`${p}n`);
        for (;;) {
          const value = bytes(String(Number(text(kv)) + 1));
          const done = await store.txn(
            [{ key: kv!.key, modRevision: kv!.modRevision }],
            [{ op: 'put', key: kv!.key, value }],
          );
          if (done.ok) return;
          kv = done.current[0];
        }
      };
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          for (let i = 0; i < 10; i++) await increment();
        }),
      );
      expect(text((await store.get(`${p}n`)).kv)).toBe('80');
    });

    it('delivers every change once, in order, with the state before', async () => {
      fresh();
      const watch = new Recorder(store, p, prefixEnd(p), (await store.revision()) + 1, true);
      const one = await put('a', '1');
      const two = await put('a', '2');
      const three = await del('a');
      await store.txn([], [{ op: 'put', key: '/elsewhere', value: bytes('') }]);
      expect(await watch.until(store, three)).toEqual([
        `put ${p}a=1@${one}`,
        `put ${p}a=2@${two} was 1`,
        `del ${p}a@${three} was 2`,
      ]);
      await watch.close();
      expect(watch.error).toBeUndefined();
    });

    it('starts a watch now, in the past or in the future as asked', async () => {
      fresh();
      const one = await put('a', '1');
      const past = new Recorder(store, p, prefixEnd(p), one);
      const future = new Recorder(store, p, prefixEnd(p), one + 3);
      const now = new Recorder(store, p, prefixEnd(p));
      await now.until(store, one);
      const two = await put('b', '2');
      await put('c', '3');
      const four = await put('d', '4');
      expect((await past.until(store, four)).length).toBe(4);
      expect((await now.until(store, four))[0]).toBe(`put ${p}b=2@${two}`);
      expect(await future.until(store, four)).toEqual([`put ${p}d=4@${four}`]);
      for (const watch of [past, future, now]) await watch.close();
    });

    it('keeps the events of one transaction in one batch', async () => {
      fresh();
      const batches: number[] = [];
      const controller = new AbortController();
      const start = (await store.revision()) + 1;
      for (let i = 0; i < 20; i++) {
        const ops = ['x', 'y', 'z'].map((k) => ({ op: 'put' as const, key: p + k, value: bytes(String(i)) }));
        await store.txn([], ops);
      }
      let seen = 0;
      for await (const batch of store.watch(p, prefixEnd(p), {
        startRevision: start,
        signal: controller.signal,
      })) {
        batches.push(batch.events.length);
        seen += batch.events.length;
        if (seen >= 60) controller.abort();
      }
      expect(seen).toBe(60);
      expect(batches.every((n) => n % 3 === 0)).toBe(true);
    });

    it('tells progress without events', async () => {
      fresh();
      const watch = new Recorder(store, p, prefixEnd(p));
      const { revision } = await store.txn([], [{ op: 'put', key: `/other${p}`, value: bytes('x') }]);
      expect(await watch.until(store, revision)).toEqual([]);
      await watch.close();
    });

    it('ends a watch quietly when aborted, also before it is read', async () => {
      fresh();
      const controller = new AbortController();
      const watch = store.watch(p, prefixEnd(p), { signal: controller.signal });
      controller.abort();
      for await (const batch of watch) expect(batch.events).toEqual([]);
    });

    it('expires keys by their time to live, unless rewritten without', async () => {
      fresh();
      const watch = new Recorder(store, p, prefixEnd(p), (await store.revision()) + 1);
      const ops = ['gone', 'kept'].map((k) => ({
        op: 'put' as const,
        key: p + k,
        value: bytes('1'),
        ttlSeconds: 1,
      }));
      await store.txn([], ops);
      await put('kept', '2');
      await expect.poll(() => watch.events.length, { timeout: 15_000 }).toBe(4);
      expect(watch.events[3]).toMatch(/^del .*gone@/);
      expect(names((await range()).kvs)).toEqual(['kept=2']);
      await watch.close();
    });

    it('forgets history below a compaction and nothing above it', async () => {
      fresh();
      const one = await put('a', '1');
      await put('a', '2');
      await put('b', '1');
      const gone = await del('b');
      const five = await put('c', '1');
      await store.compact(gone);
      await expect(range({ revision: one })).rejects.toMatchObject({
        code: 'Compacted',
        compactRevision: gone,
      });
      expect(names((await range({ revision: gone })).kvs)).toEqual(['a=2']);
      expect(names((await range()).kvs)).toEqual(['a=2', 'c=1']);
      const old = new Recorder(store, p, prefixEnd(p), one);
      await old.done;
      expect(old.error).toBeInstanceOf(CompactedError);
      expect((old.error as CompactedError).compactRevision).toBe(gone);
      const next = new Recorder(store, p, prefixEnd(p), gone + 1);
      expect(await next.until(store, five)).toEqual([`put ${p}c=1@${five}`]);
      await next.close();
      await store.compact(gone);
      await expect(store.compact(five + 1000)).rejects.toBeInstanceOf(FutureRevisionError);
    });

    it('reports a size', async () => {
      const { totalBytes, usedBytes } = await store.size();
      expect(totalBytes).toBeGreaterThan(0);
      expect(usedBytes).toBeLessThanOrEqual(totalBytes);
    });

    it('behaves as a naive map of states by revision', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), async (commands) => {
          fresh();
          await model(store, p, commands);
        }),
        { numRuns: runs },
      );
    });
  });
}

interface Command {
  keys: number[];
  kind: 'put' | 'del' | 'stale';
  value: number;
  cut: boolean;
}
const command: fc.Arbitrary<Command> = fc.record({
  keys: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom('put', 'put', 'put', 'del', 'stale'),
  value: fc.nat(99),
  cut: fc.boolean(),
});

/** Runs the commands on the store and on plain maps, then compares every revision, every range and the watch. */
async function model(store: Store, p: string, commands: Command[]): Promise<void> {
  const begin = await store.revision();
  const states = new Map<number, Map<string, string>>([[begin, new Map()]]);
  const log: string[] = [];
  const seen: string[] = [];
  let state = new Map<string, string>();
  let watch = new Recorder(store, p, prefixEnd(p), begin + 1);
  for (const { keys, kind, value, cut } of commands) {
    const named = keys.map((k) => `${p}k${k}`);
    const conditions = kind === 'stale' ? [{ key: named[0]!, modRevision: 9_999_999 }] : [];
    const ops = named.map((key) =>
      kind === 'del'
        ? { op: 'delete' as const, key }
        : { op: 'put' as const, key, value: bytes(String(value)) },
    );
    const { ok, revision } = await store.txn(conditions, ops);
    expect(ok).toBe(kind !== 'stale');
    if (!ok) continue;
    const after = new Map(state);
    for (const key of named) {
      if (kind === 'put') {
        after.set(key, String(value));
        log.push(`put ${key}=${value}@${revision}`);
      } else if (after.delete(key)) log.push(`del ${key}@${revision}`);
    }
    state = after;
    states.set(revision, after);
    if (cut) {
      // A reconnect: what has come so far stays, the rest is asked for by revision.
      await watch.close();
      seen.push(...watch.events);
      const last = seen.length === 0 ? begin : Number(seen[seen.length - 1]!.split('@')[1]);
      watch = new Recorder(store, p, prefixEnd(p), Math.max(last, watch.revision) + 1);
    }
  }
  await watch.until(store, await store.revision());
  await watch.close();
  // Within one transaction the order of the events is the store's own.
  const order = (a: string, b: string) =>
    Number(a.split('@')[1]) - Number(b.split('@')[1]) || (a < b ? -1 : 1);
  expect([...seen, ...watch.events].sort(order)).toEqual(log.sort(order));
  for (const [revision, expected] of states) {
    const { kvs } = await store.range(p, prefixEnd(p), { revision });
    expect(kvs.map((kv) => [kv.key, text(kv)])).toEqual([...expected].sort());
  }
}
