import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '#base';
import { loadKubeconfig } from '#client';
import { createEtcdStore } from '#storage';
import { EtcdProcess, haveEtcd } from '../test/contract/store-etcd-process.js';
import { type Caller, type Connection, HttpConnection, watchHttp1 } from './api/http1.js';
import { Http2Session, watchHttp2 } from './api/http2.js';
import { configMap, MAPS, SERVICES, SLICES, service, slice } from './api/objects.js';
import { ServerProcess, usageOf } from './api/server-process.js';

/**
 * The API server over loopback TLS: the built `kubesvc apiserver` with a durable store, and a lean client in this
 * process, both on this machine's cores. Rates depend on both; the CPU time per operation is the server's alone.
 *
 * `npm run build && npm run bench -- api [--count 1000] [--clients 32] [--objects 10000] [--memory-store]
 *  [--kubeconfig FILE [--pids N,N]]`
 *
 * `--kubeconfig` puts the same load on another server that runs already, such as kube-apiserver with its etcd, whose
 * processes `--pids` names. Without it, figures of kube-apiserver 1.36.2 with etcd 3.5.16 that were taken on another,
 * quiet 2-core VM stand next to ours.
 */
export const name = 'api';

/** Filled in where it was measured; see above. */
const PEER: Record<string, string> = {
  'Service create': '89/s (p99 545 ms)',
  'EndpointSlice create': '704/s',
  'Service get': '1,226/s',
  'Service merge patch': '531/s',
  'Service delete': '330/s',
  'list of Services': '36 ms (1,000 of them)',
  'fan-out': '24,000 events/s',
  'ready, fresh': '4,600 ms',
  'resident at start': '276 + 48 MB',
};

const WATCHERS = 100;
const FAN_OUT_WRITES = 1_000;

interface Settings {
  count: number;
  clients: number;
  objects: number;
  memory: boolean;
}

export async function run(args: string[]): Promise<void> {
  const settings: Settings = {
    count: numberOf(args, '--count', 1_000),
    clients: numberOf(args, '--clients', 32),
    objects: numberOf(args, '--objects', 10_000),
    memory: args.includes('--memory-store'),
  };
  const other = flagValue(args, '--kubeconfig');
  if (other !== undefined) {
    const pids = (flagValue(args, '--pids') ?? '').split(',').filter((pid) => pid !== '');
    return measure(new Bench(connectionOf(other), pids.map(Number), settings), settings);
  }
  const dir = mkdtempSync(join(tmpdir(), 'kubesvc-bench-api-'));
  try {
    const server = await starts(dir, settings);
    try {
      await measure(new Bench(connectionOf(server.kubeconfig), [server.pid], settings), settings);
    } finally {
      await server.stop();
    }
    await measureEtcd(settings);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function flagValue(args: string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}

function numberOf(args: string[], flag: string, fallback: number): number {
  return Number(flagValue(args, flag) ?? fallback);
}

function connectionOf(kubeconfig: string): Connection {
  const { server, ca, cert, key } = loadKubeconfig(kubeconfig);
  const { hostname, port } = new URL(server);
  return { host: hostname, port: Number(port), ca, cert, key };
}

function row(what: string, ours: string): void {
  console.log(`${what.padEnd(30)} ${ours.padEnd(64)} kube-apiserver: ${PEER[what] ?? '-'}`);
}

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;

/** Starts twice, with certificates to make and with a store to read, and leaves the second one running. */
async function starts(dir: string, { memory }: Settings): Promise<ServerProcess> {
  // The bench is compiled into `dist/bench-build/NAME/bench`.
  const root = fileURLToPath(new URL('../../../..', import.meta.url));
  const start = () => ServerProcess.start(root, dir, memory, connectionOf);
  const fresh = await start();
  row('ready, fresh', readyText(fresh));
  await fresh.stop();
  const again = await start();
  row('ready, started again', readyText(again));
  return again;
}

function readyText(server: ServerProcess): string {
  const { cpu } = usageOf(server.pid);
  return `${Math.round(server.readyMs)} ms, ${Math.round(cpu * 1000)} ms CPU`;
}

/** The server under load, and what it costs. */
class Bench {
  readonly connection: Connection;
  readonly #pids: number[];
  readonly #clients: number;

  constructor(connection: Connection, pids: number[], settings: Settings) {
    this.connection = connection;
    this.#pids = pids;
    this.#clients = settings.clients;
  }

  usage(): { cpu: number; rss: number } {
    const all = this.#pids.map(usageOf);
    return {
      cpu: all.reduce((sum, { cpu }) => sum + cpu, 0),
      rss: all.reduce((sum, { rss }) => sum + rss, 0),
    };
  }

  http1(count = this.#clients): Promise<Caller[]> {
    return Promise.all(Array.from({ length: count }, () => HttpConnection.open(this.connection)));
  }

  /** Calls `one` for 0..count-1, each caller one at a time; the rate, percentiles and CPU time per call. */
  async load(
    callers: Caller[],
    count: number,
    one: (caller: Caller, i: number) => Promise<unknown>,
  ): Promise<string> {
    const times: number[] = [];
    let next = 0;
    const before = this.usage().cpu;
    const begun = performance.now();
    await Promise.all(
      callers.map(async (caller) => {
        while (next < count) {
          const i = next++;
          const at = performance.now();
          await one(caller, i);
          times.push(performance.now() - at);
        }
      }),
    );
    const seconds = (performance.now() - begun) / 1000;
    times.sort((a, b) => a - b);
    const at = (q: number) => times[Math.floor((times.length - 1) * q)]!.toFixed(1);
    const rate = Math.round(count / seconds).toLocaleString('en');
    return `${rate}/s (p50 ${at(0.5)} ms, p99 ${at(0.99)} ms)${this.cost(before, count)}`;
  }

  /** CPU time since `before`, by operation; nothing is known of processes that were not named. */
  cost(before: number, operations: number): string {
    if (this.#pids.length === 0) return '';
    const micros = ((this.usage().cpu - before) / operations) * 1e6;
    return `, ${micros < 100 ? micros.toFixed(1) : Math.round(micros)} µs CPU`;
  }
}

async function measure(bench: Bench, settings: Settings): Promise<void> {
  const { count } = settings;
  const start = bench.usage();
  const callers = await bench.http1();
  const load = async (what: string, times: number, one: (caller: Caller, i: number) => Promise<unknown>) =>
    row(what, await bench.load(callers, times, one));
  await bench.load(callers, 200, (c, i) => c.call('POST', MAPS, { body: configMap(`warm-${i}`, 'b') }));
  await load('Service create', count, (c, i) => c.call('POST', SERVICES, { body: service(i) }));
  await load('EndpointSlice create', count, (c, i) => c.call('POST', SLICES, { body: slice(i) }));
  await load('ConfigMap create', count, (c, i) => c.call('POST', MAPS, { body: configMap(`m-${i}`, 'b') }));
  const get = (c: Caller, i: number) => c.call('GET', `${SERVICES}/svc-${i % count}`);
  await load('Service get', count * 10, get);
  const session = await Http2Session.open(bench.connection);
  const streams = Array.from({ length: settings.clients }, () => session.caller());
  row('Service get, HTTP/2', await bench.load(streams, count * 10, get));
  session.close();
  const contentType = 'application/merge-patch+json';
  await load('Service merge patch', count, (c, i) => {
    const body = JSON.stringify({ metadata: { annotations: { touched: String(i) } } });
    return c.call('PATCH', `${SERVICES}/svc-${i}`, { body, contentType });
  });
  await measureList(bench, callers[0]!, count);
  await measureFairness(bench, callers);
  await measureFanOut(bench, callers, 'fan-out', watchHttp1);
  await measureFanOut(bench, callers, 'fan-out, HTTP/2', watchHttp2);
  await load('Service delete', count, (c, i) => c.call('DELETE', `${SERVICES}/svc-${i}`));
  await load('EndpointSlice delete', count, (c, i) => c.call('DELETE', `${SLICES}/svc-${i}-x`));
  if (start.rss > 0) row('resident at start', megabytes(start.rss));
  await measureMemory(bench, callers, settings.objects, start.rss);
  for (const caller of callers) caller.close();
}

async function measureList(bench: Bench, caller: Caller, count: number): Promise<void> {
  const times: number[] = [];
  let bytes = 0;
  const before = bench.usage().cpu;
  for (let i = 0; i < 50; i++) {
    const at = performance.now();
    bytes = (await caller.call('GET', SERVICES)).length;
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1]!.toFixed(1);
  const size = `${count.toLocaleString('en')} of them, ${Math.round(bytes / 1000)} KB`;
  row('list of Services', `${median} ms (${size})${bench.cost(before, 50)}`);
}

/** Lease renewals of 50 nodes while other clients list everything again and again, plain and as tables. */
async function measureFairness(bench: Bench, callers: Caller[]): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  const listers = await bench.http1(2);
  for (let i = 0; i < 50; i++) {
    await callers[0]!.call('POST', leases, {
      body: JSON.stringify({ metadata: { name: `n${i}` }, spec: {} }),
    });
  }
  let listing = true;
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const lists = listers.map(async (lister, i) => {
    while (listing) await lister.call('GET', SERVICES, i === 0 ? {} : { accept: table });
  });
  const contentType = 'application/merge-patch+json';
  const renewed = await bench.load(callers.slice(0, 4), 500, (caller, i) => {
    const body = JSON.stringify({ spec: { renewTime: new Date().toISOString().replace('Z', '000Z') } });
    return caller.call('PATCH', `${leases}/n${i % 50}`, { body, contentType });
  });
  listing = false;
  await Promise.all(lists);
  for (const lister of listers) lister.close();
  row('leases under 2 listers', renewed.replace(/, \d+ µs CPU$/, ''));
}

async function measureFanOut(
  bench: Bench,
  callers: Caller[],
  what: string,
  watch: typeof watchHttp1,
): Promise<void> {
  const total = WATCHERS * FAN_OUT_WRITES;
  let seen = 0;
  let done: () => void = () => {};
  const complete = new Promise<void>((resolve) => {
    done = resolve;
  });
  const { metadata } = JSON.parse((await callers[0]!.call('GET', `${MAPS}?limit=1`)).toString());
  const path = `${MAPS}?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const count = (events: number) => {
    seen += events;
    if (seen >= total) done();
  };
  const closers = await Promise.all(
    Array.from({ length: WATCHERS }, () => watch(bench.connection, path, count)),
  );
  const tag = what.replace(/\W+/g, '').toLowerCase();
  const before = bench.usage().cpu;
  const begun = performance.now();
  const write = (caller: Caller, i: number) =>
    caller.call('POST', MAPS, { body: configMap(`${tag}-${i}`, 'x'.repeat(500)) });
  await Promise.all([bench.load(callers, FAN_OUT_WRITES, write), complete]);
  const rate = Math.round(total / ((performance.now() - begun) / 1000)).toLocaleString('en');
  for (const close of closers) close();
  row(what, `${rate} events/s (${WATCHERS} watchers, ${FAN_OUT_WRITES} writes)${bench.cost(before, total)}`);
}

/** What Services with ten endpoints each add to the memory of a server that has just started, recent history included. */
async function measureMemory(
  bench: Bench,
  callers: Caller[],
  objects: number,
  atStart: number,
): Promise<void> {
  if (objects === 0 || atStart === 0) return;
  await bench.load(callers, objects, (c, i) => c.call('POST', SERVICES, { body: service(i) }));
  await bench.load(callers, objects, (c, i) => c.call('POST', SLICES, { body: slice(i) }));
  const { rss } = bench.usage();
  const what = `${objects.toLocaleString('en')} Services × 10`;
  row(
    'resident with objects',
    `${megabytes(rss)}, ${megabytes(rss - atStart)} more for ${what} and all before`,
  );
}

/** The disk under etcd as kube-apiserver's limit here: creations of a Service's size without any API in front. */
async function measureEtcd({ clients, count }: Settings): Promise<void> {
  if (!haveEtcd()) return;
  const etcd = new EtcdProcess();
  await etcd.start();
  const store = await createEtcdStore({ endpoints: [etcd.endpoint], logger: silentLogger });
  try {
    await store.start();
    const value = Buffer.alloc(1_000, 'x');
    let next = 0;
    const begun = performance.now();
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (next < count) {
          const key = `/registry/bench/${next++}`;
          await store.txn([{ key, modRevision: 0 }], [{ op: 'put', key, value }]);
        }
      }),
    );
    const rate = Math.round(count / ((performance.now() - begun) / 1000)).toLocaleString('en');
    console.log(
      `${'etcd alone, 1 KB creations'.padEnd(30)} ${rate}/s: no API server over it can do more here`,
    );
  } finally {
    await store.stop();
    await etcd.remove();
  }
}
