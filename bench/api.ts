import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { silentLogger } from '#base';
import { createLmdbStore, createMemoryStore } from '#storage';
import { startServer } from '../test/apiserver/start-server.js';

/**
 * The API server over loopback TLS: one server process with a durable store, one client process with 32
 * HTTP/1.1 connections, both on this machine's cores. Figures of kube-apiserver 1.36.2 with etcd 3.5.16 on a
 * quiet 2-core VM stand next to ours.
 *
 * `npm run bench -- api [--count 1000] [--clients 32] [--memory-store]`
 */
export const name = 'api';

const PEER: Record<string, string> = {
  'Service create': '89/s (p99 545 ms)',
  'EndpointSlice create': '704/s',
  'Service get': '1,226/s',
  'Service merge patch': '531/s',
  'Service delete': '330/s',
  'list of 1,000 Services': '36 ms (985 KB)',
  'fan-out to 100 watchers': '24,000 events/s',
  'ready after start': '4,600 ms',
  'resident memory': '276 + 48 MB',
};

interface Settings {
  count: number;
  clients: number;
  memory: boolean;
}

interface Hello {
  port: number;
  ca: string;
  cert: string;
  key: string;
  readyMs: number;
}

/** Runs in the child: serves until standard input ends, answers `rss` with resident bytes. */
export async function serve(dir: string, memory: boolean): Promise<void> {
  const started = performance.now();
  const store = memory
    ? createMemoryStore()
    : await createLmdbStore({ directory: dir, logger: silentLogger });
  await store.start();
  const opened = await startServer({}, { store });
  const { port, ca, admin } = opened;
  const hello: Hello = {
    port,
    ca: ca.certificate,
    cert: admin.certificate,
    key: admin.key,
    readyMs: performance.now() - started,
  };
  console.log(JSON.stringify(hello));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'gc') globalThis.gc?.();
    if (line !== 'rss') continue;
    const cpu = process.cpuUsage();
    console.log(JSON.stringify({ rss: process.memoryUsage.rss(), cpu: (cpu.user + cpu.system) / 1e6 }));
  }
  await opened.close();
}

export async function run(args: string[]): Promise<void> {
  const settings: Settings = {
    count: numberOf(args, '--count', 1000),
    clients: numberOf(args, '--clients', 32),
    memory: args.includes('--memory-store'),
  };
  const dir = mkdtempSync(join(tmpdir(), 'kubesvc-bench-api-'));
  const begun = performance.now();
  const code = `import(${JSON.stringify(import.meta.url)}).then((m) => m.serve(${JSON.stringify(dir)}, ${settings.memory}))`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  try {
    const hello = JSON.parse((await lines.next()).value as string) as Hello;
    const server = new Server(hello, child, lines, settings.clients);
    row(
      'ready after start',
      `${Math.round(performance.now() - begun)} ms (in process ${Math.round(hello.readyMs)} ms)`,
    );
    await measure(server, settings);
    server.close();
  } finally {
    const exited = once(child, 'exit');
    child.stdin!.end();
    await exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

function numberOf(args: string[], flag: string, fallback: number): number {
  const at = args.indexOf(flag);
  return at < 0 ? fallback : Number(args[at + 1]);
}

function row(what: string, ours: string): void {
  console.log(`${what.padEnd(26)} ${ours.padEnd(54)} kube-apiserver: ${PEER[what] ?? '-'}`);
}

/** One server process and a pool of connections to it. */
class Server {
  readonly #hello: Hello;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #agent: Agent;

  constructor(hello: Hello, child: ChildProcess, lines: AsyncIterator<string>, clients: number) {
    this.#hello = hello;
    this.#child = child;
    this.#lines = lines;
    const { ca, cert, key } = hello;
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients + 200, ca, cert, key });
  }

  call(
    method: string,
    path: string,
    body?: string,
    contentType = 'application/json',
    accept = 'application/json',
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const headers =
        body === undefined
          ? { accept }
          : { accept, 'content-type': contentType, 'content-length': Buffer.byteLength(body) };
      const request = httpsRequest(
        { host: '127.0.0.1', port: this.#hello.port, path, method, headers, agent: this.#agent },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const answer = Buffer.concat(chunks);
            if ((response.statusCode ?? 500) < 300) resolve(answer);
            else
              reject(
                new Error(`${method} ${path}: ${response.statusCode} ${answer.toString().slice(0, 500)}`),
              );
          });
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }

  /** Opens a watch and counts the lines it delivers. */
  watch(path: string, onLines: (count: number) => void): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port: this.#hello.port, path, agent: this.#agent },
        (response) => {
          response.on('data', (chunk: Buffer) => {
            let count = 0;
            for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++;
            if (count > 0) onLines(count);
          });
          response.on('error', () => {});
          resolve(() => request.destroy());
        },
      );
      request.on('error', reject);
      request.end();
    });
  }

  /** Runs a load and adds what it cost the server. */
  async load(clients: number, count: number, one: (i: number) => Promise<unknown>): Promise<string> {
    const before = await this.usage();
    const rate = await load(clients, count, one);
    const { cpu } = await this.usage();
    return `${rate} ${Math.round(((cpu - before.cpu) / count) * 1e6)} µs CPU`;
  }

  async usage(): Promise<{ rss: number; cpu: number }> {
    this.#child.stdin!.write('gc\nrss\n');
    return JSON.parse((await this.#lines.next()).value as string);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Calls `one` for 0..count-1 from `clients` loops; returns the rate and the 99th percentile. */
async function load(clients: number, count: number, one: (i: number) => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) {
        const i = next++;
        const at = performance.now();
        await one(i);
        times.push(performance.now() - at);
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.floor((times.length - 1) * q)]!.toFixed(1);
  return `${Math.round(count / seconds)}/s (p50 ${at(0.5)} ms, p99 ${at(0.99)} ms)`;
}

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const MAPS = '/api/v1/namespaces/default/configmaps';

function service(i: number): string {
  const labels = { app: `app-${i}`, team: 'bench' };
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  return JSON.stringify({
    metadata: { name: `svc-${i}`, labels },
    spec: { selector: { app: `app-${i}` }, ports },
  });
}

function slice(i: number): string {
  const endpoints = Array.from({ length: 10 }, (_, n) => ({
    addresses: [`10.244.${i % 250}.${n + 1}`],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${n % 3}`,
    targetRef: { kind: 'Pod', namespace: 'default', name: `pod-${i}-${n}` },
  }));
  const labels = { 'kubernetes.io/service-name': `svc-${i}` };
  const ports = [{ name: 'http', port: 8080, protocol: 'TCP' }];
  return JSON.stringify({ metadata: { name: `svc-${i}-x`, labels }, addressType: 'IPv4', endpoints, ports });
}

async function measure(server: Server, { count, clients }: Settings): Promise<void> {
  const before = await server.usage();
  await server.load(clients, 200, (i) =>
    server.call('POST', MAPS, JSON.stringify({ metadata: { name: `warm-${i}` } })),
  );
  row('Service create', await server.load(clients, count, (i) => server.call('POST', SERVICES, service(i))));
  row(
    'EndpointSlice create',
    await server.load(clients, count, (i) => server.call('POST', SLICES, slice(i))),
  );
  const after = await server.usage();
  row(
    'ConfigMap create',
    await server.load(clients, count, (i) =>
      server.call('POST', MAPS, JSON.stringify({ metadata: { name: `m-${i}` }, data: { a: 'b' } })),
    ),
  );
  row(
    'Service get',
    await server.load(clients, count * 2, (i) => server.call('GET', `${SERVICES}/svc-${i % count}`)),
  );
  const patch = (i: number) => JSON.stringify({ metadata: { annotations: { touched: String(i) } } });
  row(
    'Service merge patch',
    await server.load(clients, count, (i) =>
      server.call('PATCH', `${SERVICES}/svc-${i}`, patch(i), 'application/merge-patch+json'),
    ),
  );
  await measureList(server, count);
  await measureFairness(server);
  await measureFanOut(server, clients);
  row(
    'Service delete',
    await server.load(clients, count, (i) => server.call('DELETE', `${SERVICES}/svc-${i}`)),
  );
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
  row(
    'resident memory',
    `${megabytes(before.rss)} at start, ${megabytes(after.rss)} with ${count} Services and slices`,
  );
  const perTenThousand = ((after.rss - before.rss) / count) * 10_000;
  row('per 10,000 Services × 10', megabytes(perTenThousand));
}

async function measureList(server: Server, count: number): Promise<void> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < 20; i++) {
    const at = performance.now();
    bytes = (await server.call('GET', SERVICES)).length;
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1]!.toFixed(1);
  row(`list of ${count.toLocaleString('en')} Services`, `${median} ms (${Math.round(bytes / 1000)} KB)`);
}

/** Lease renewals of 50 nodes while other clients list everything again and again, plain and as tables. */
async function measureFairness(server: Server): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  for (let i = 0; i < 50; i++) {
    await server.call('POST', leases, JSON.stringify({ metadata: { name: `n${i}` }, spec: {} }));
  }
  let listing = true;
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  const listers = [undefined, table].map(async (accept) => {
    while (listing) await server.call('GET', SERVICES, undefined, undefined, accept);
  });
  const renew = (i: number) =>
    server.call(
      'PATCH',
      `${leases}/n${i % 50}`,
      JSON.stringify({ spec: { renewTime: new Date().toISOString().replace('Z', '000Z') } }),
      'application/merge-patch+json',
    );
  row('leases under 2 listers', await load(4, 500, renew));
  listing = false;
  await Promise.all(listers);
}

async function measureFanOut(server: Server, clients: number): Promise<void> {
  const watchers = 100;
  const writes = 300;
  let seen = 0;
  let done: () => void = () => {};
  const complete = new Promise<void>((resolve) => {
    done = resolve;
  });
  const version = JSON.parse((await server.call('GET', `${MAPS}?limit=1`)).toString()).metadata
    .resourceVersion;
  const closers = await Promise.all(
    Array.from({ length: watchers }, () =>
      server.watch(`${MAPS}?watch=true&resourceVersion=${version}`, (lines) => {
        seen += lines;
        if (seen >= watchers * writes) done();
      }),
    ),
  );
  const begun = performance.now();
  const body = (i: number) =>
    JSON.stringify({ metadata: { name: `fan-${i}` }, data: { text: 'x'.repeat(500) } });
  await Promise.all([load(clients, writes, (i) => server.call('POST', MAPS, body(i))), complete]);
  const seconds = (performance.now() - begun) / 1000;
  for (const close of closers) close();
  const rate = Math.round((watchers * writes) / seconds).toLocaleString('en');
  row('fan-out to 100 watchers', `${rate} events/s (${writes} writes)`);
}
