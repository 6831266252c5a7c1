import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { createLmdbStore, prefixEnd, type Store } from '#storage';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = mkdtempSync(join(root, 'node_modules', '.kubesvc-test-'));
const writer = join(built, 'test/fault/store-writer.js');

let directory: string;
beforeAll(() => {
  // A child cannot run TypeScript on Node 20: compile what it needs next to the packages it imports.
  writeConfig();
  const tsc = spawnSync(
    'node',
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(built, 'tsconfig.json')],
    {
      encoding: 'utf8',
    },
  );
  // Type errors elsewhere are not this test's business.
  if (!existsSync(writer)) throw new Error(tsc.stdout + tsc.stderr);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kubesvc-crash-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function writeConfig(): void {
  const write = (name: string, content: object) => {
    const fd = openSync(join(built, name), 'w');
    writeSync(fd, JSON.stringify(content));
    closeSync(fd);
  };
  write('tsconfig.json', {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: root,
      outDir: built,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: ['store-writer.ts', 'store-full-disk.ts'].map((file) => join(root, 'test/fault', file)),
    include: [],
  });
  write('package.json', {
    type: 'module',
    imports: { '#base': './src/base/index.js', '#storage': './src/storage/index.js' },
  });
}

async function open(clock?: FakeClock): Promise<Store> {
  const store = await createLmdbStore({
    directory,
    logger: silentLogger,
    ...(clock === undefined ? {} : { clock }),
  });
  await store.start();
  return store;
}

const put = async (store: Store, key: string, value: string | Buffer, ttlSeconds?: number) =>
  (
    await store.txn(
      [],
      [{ op: 'put', key, value: Buffer.from(value), ...(ttlSeconds === undefined ? {} : { ttlSeconds }) }],
    )
  ).revision;

/** Starts a writer and kills it after `acks` acknowledgements; returns the last `n` and revision of each worker. */
async function writeAndKill(acks: number): Promise<Map<number, { n: number; revision: number }>> {
  const child: ChildProcess = spawn('node', [writer, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  const acked = new Map<number, { n: number; revision: number }>();
  let errors = '';
  child.stderr!.on('data', (chunk) => {
    errors += chunk;
  });
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let rest = '';
  let count = 0;
  child.stdout!.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === 'ready') continue;
      const [worker, n, revision] = line.split(' ').map(Number) as [number, number, number];
      acked.set(worker, { n, revision });
      if (++count === acks) child.kill('SIGKILL');
    }
  });
  await gone;
  expect(errors).toBe('');
  expect(count).toBeGreaterThanOrEqual(acks);
  return acked;
}

describe('the embedded store', () => {
  it('keeps every acknowledged write and whole transactions over kill -9 at any moment', async () => {
    for (const acks of [1, 7, 60, 250, 611, 900, 2_500]) {
      const acked = await writeAndKill(acks);
      const store = await open();
      const revision = await store.revision();
      for (const [worker, { n, revision: at }] of acked) {
        expect(revision).toBeGreaterThanOrEqual(at);
        const last = Number((await store.get(`/last/${worker}`)).kv!.value.toString());
        // One more may have become durable before its acknowledgement was read.
        expect([n, n + 1]).toContain(last);
        const { kv } = await store.get(`/w/${worker}/${last % 50}`);
        expect(kv!.value.toString().startsWith(`${worker}:${last}:`)).toBe(true);
        expect((await store.get(`/even/${worker}`)).kv === undefined).toBe(last % 2 === 1);
      }
      await store.stop();
    }
  });

  it('gives history and watches back after a restart', async () => {
    let store = await open();
    const one = await put(store, '/a', '1');
    await put(store, '/a', '2');
    await store.txn([], [{ op: 'delete', key: '/a' }]);
    const four = await put(store, '/b', '1');
    await store.stop();
    store = await open();
    expect((await store.get('/a', { revision: one })).kv!.value.toString()).toBe('1');
    const controller = new AbortController();
    const seen: string[] = [];
    const options = { startRevision: one + 1, prevKv: true, signal: controller.signal };
    for await (const { events } of store.watch('/', prefixEnd('/'), options)) {
      for (const e of events)
        seen.push(`${e.type} ${e.type === 'put' ? e.kv.key : e.key} ${e.prev?.value ?? '-'}`);
      if (seen.length >= 3) controller.abort();
    }
    expect(seen).toEqual(['put /a 1', 'delete /a 2', 'put /b -']);
    expect(await put(store, '/c', '1')).toBe(four + 1);
    await store.stop();
  });

  it('neither loses nor brings back a key, whenever it is compacted and left', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ key: fc.nat(5), size: fc.integer({ min: 1, max: 200_000 }) }) },
      { weight: 3, arbitrary: fc.record({ key: fc.nat(5), size: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.constant('compact' as const) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const home = directory;
        directory = mkdtempSync(join(home, 'run-'));
        let store = await open();
        const model = new Map<string, number>();
        const compactions: Promise<unknown>[] = [];
        const check = async () => {
          const { kvs } = await store.range('/', prefixEnd('/'));
          expect(kvs.map((kv) => [kv.key, kv.value.length])).toEqual([...model].sort());
        };
        try {
          for (const one of steps) {
            if (one === 'compact') compactions.push(store.compact(await store.revision()));
            else if (one === 'restart') {
              await store.stop();
              store = await open();
              await check();
            } else if (one.size > 0) {
              await put(store, `/${one.key}`, Buffer.alloc(one.size, one.key));
              model.set(`/${one.key}`, one.size);
            } else {
              await store.txn([], [{ op: 'delete', key: `/${one.key}` }]);
              model.delete(`/${one.key}`);
            }
          }
          await Promise.allSettled(compactions);
          await store.stop();
          store = await open();
          await check();
        } finally {
          await store.stop();
          directory = home;
        }
      }),
      { numRuns: 15, endOnFailure: true },
    );
  }, 60_000);

  it('remembers compactions and times to live over a restart', async () => {
    const clock = new FakeClock();
    let store = await open(clock);
    const first = await put(store, '/a', '1');
    await put(store, '/event', '1', 3600);
    const third = await put(store, '/a', '2');
    await store.compact(third);
    await store.stop();
    expect(clock.pending).toBe(0);
    clock.advance(3_601_000);
    store = await open(clock);
    await expect(store.get('/a', { revision: first })).rejects.toMatchObject({ code: 'Compacted' });
    clock.advance(1_000);
    await expect.poll(async () => (await store.get('/event')).kv).toBeUndefined();
    expect((await store.get('/a')).kv).toMatchObject({ version: 2 });
    await store.stop();
  });

  it('uses the space of compacted history again', async () => {
    const store = await open();
    const churn = async () => {
      for (let i = 0; i < 200; i++) {
        const ops = Array.from({ length: 10 }, (_, k) => ({
          op: 'put' as const,
          key: `/k${k}`,
          value: Buffer.alloc(2_000, i),
        }));
        await store.txn([], ops);
        if (i % 50 === 49) await store.compact(await store.revision());
      }
    };
    await churn();
    const before = (await store.size()).totalBytes;
    for (let i = 0; i < 4; i++) await churn();
    const after = await store.size();
    expect(after.totalBytes).toBeLessThan(before * 1.5);
    expect(after.usedBytes).toBeLessThan(1_000_000);
    await store.stop();
  }, 60_000);

  it('opens a directory once, and again after its owner was killed', async () => {
    const child = spawn('node', [writer, directory], { stdio: ['ignore', 'pipe', 'ignore'] });
    const gone = new Promise((resolve) => child.once('close', resolve));
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    child.stdout!.resume();
    await expect(open()).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('in use by another process'),
    });
    child.kill('SIGKILL');
    await gone;
    const store = await open();
    await expect(open()).rejects.toMatchObject({ code: 'Unavailable' });
    await store.stop();
    expect(readdirSync(directory).sort()).toEqual(['data.mdb', 'lock.mdb', 'reserve', 'wal-0', 'wal-1']);
  });

  it('lets nobody else read the files', async () => {
    const nested = join(directory, 'deep/er');
    const store = await createLmdbStore({ directory: nested, logger: silentLogger });
    await store.start();
    await store.stop();
    expect(statSync(nested).mode & 0o777).toBe(0o700);
    expect(statSync(join(nested, 'data.mdb')).mode & 0o077).toBe(0);
  });

  it('says Corrupt for a flipped byte, a truncated file and a foreign file', async () => {
    let store = await open();
    const marker = 'a-value-that-can-be-found-'.repeat(20);
    await put(store, '/a', marker);
    for (let i = 0; i < 100; i++) await put(store, `/fill${i}`, Buffer.alloc(4_000, 1));
    await store.stop();
    const file = join(directory, 'data.mdb');
    const grep = spawnSync('grep', ['-abo', marker, file], { encoding: 'utf8' });
    const offset = Number(grep.stdout.split(':')[0]);
    const fd = openSync(file, 'r+');
    writeSync(fd, 'Z', offset + 5);
    closeSync(fd);
    await expect(open()).rejects.toMatchObject({
      code: 'Corrupt',
      message: expect.stringMatching(/checksum/),
    });
    truncateSync(file, statSync(file).size / 2);
    await expect(open()).rejects.toMatchObject({ code: 'Corrupt' });
    truncateSync(file, 0);
    const other = openSync(file, 'w');
    writeSync(other, 'not a database at all '.repeat(1_000));
    closeSync(other);
    await expect(open()).rejects.toMatchObject({ code: 'Corrupt' });
    rmSync(file);
    store = await open();
    await store.stop();
  });

  it('answers NoSpace on a full disk, keeps reading, and writes again once history is compacted', () => {
    const script = `mount -t tmpfs -o size=8m tmpfs ${directory} && exec node ${built}/test/fault/store-full-disk.js ${directory}`;
    const done = spawnSync('unshare', ['--map-root-user', '--user', '--mount', 'sh', '-c', script], {
      encoding: 'utf8',
    });
    // lmdb-js itself prints the system's error; nothing else may be said, least of all an unhandled rejection.
    expect(done.stderr).not.toMatch(/unhandled|Commit failed/i);
    expect(done.status, done.stderr).toBe(0);
    const result = JSON.parse(done.stdout);
    expect(result).toMatchObject({
      outcome: 'NoSpace',
      read: 20_000,
      again: 'NoSpace',
      compacted: 'ok',
      afterwards: 'ok',
    });
    expect(result.written).toBeGreaterThan(50);
    expect(result.after).toEqual({ revision: result.revision + 1, length: 20_001 });
  });
});
