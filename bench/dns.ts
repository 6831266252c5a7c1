// Queries a second, CPU per query and latency of the cluster DNS server with dnsperf on the same machine's loopback,
// how long a change of a Service takes to be answered, and memory.
// Usage: npm run bench -- dns [--services 10000] [--endpoints 10] [--seconds 5]
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { EventEmitter, on } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { core, discovery, KubeObject } from '#api';
import { createMetrics, silentLogger } from '#base';
import {
  type Client,
  createInformerFactory,
  type Resource,
  type WatchEvent,
  type WatchOptions,
} from '#client';
import { createDnsServer } from '#dns';

export const name = 'dns';

const PORT = 20_353;
const COREFILE = `.:${PORT} {
    bind 127.0.0.1
    errors
    ready 127.0.0.1:${PORT + 1}
    prometheus 127.0.0.1:${PORT + 2}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    loadbalance
}
`;

interface Options {
  services: number;
  endpoints: number;
  seconds: number;
}

export async function run(args: string[]): Promise<void> {
  const options = parseOptions(args);
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-bench-dns-'));
  const api = new GeneratedApi(options);
  const informers = createInformerFactory(api.client, { logger: silentLogger });
  const server = createDnsServer(
    { corefile: COREFILE },
    { informers, logger: silentLogger, metrics: createMetrics() },
  );
  const started = performance.now();
  await server.start();
  await informers.synced();
  console.log(
    `${options.services} Services × ${options.endpoints} endpoints, synced in ${Math.round(performance.now() - started)} ms`,
  );
  memory('synced');
  try {
    await loads(directory, options);
    memory('after the loads');
    await reaction(api);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What is in use after a collection, and what the process holds. */
function memory(when: string): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { rss, heapUsed, external } = process.memoryUsage();
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  console.log(
    `memory ${when}: ${mib(rss)} MiB resident, ${mib(heapUsed)} heap in use, ${mib(external)} outside`,
  );
}

function parseOptions(args: string[]): Options {
  const value = (flag: string, fallback: number) => {
    const at = args.indexOf(`--${flag}`);
    return at < 0 ? fallback : Number(args[at + 1]);
  };
  return {
    services: value('services', 10_000),
    endpoints: value('endpoints', 10),
    seconds: value('seconds', 5),
  };
}

/**
 * An API whose objects exist only while they are sent, so that the process's memory is the DNS server's: watches send
 * everything first, then what `put` is given.
 */
class GeneratedApi {
  readonly #options: Options;
  readonly #events = new EventEmitter();
  #revision = 1_000_000;

  constructor(options: Options) {
    this.#options = options;
  }

  get client(): Client {
    const resource = (r: Resource<KubeObject>) => ({
      watch: (o: WatchOptions) => this.#watch(r.resource, o),
    });
    return { resource, close() {} } as unknown as Client;
  }

  put(service: core.Service): void {
    const metadata = { ...service.metadata, resourceVersion: String(++this.#revision) };
    this.#events.emit('services', { type: 'MODIFIED', object: { ...service, metadata } });
  }

  async *#watch(resource: string, options: WatchOptions): AsyncGenerator<WatchEvent<KubeObject>> {
    const live = on(this.#events, resource, { signal: options.signal });
    for (const object of this.#all(resource)) yield { type: 'ADDED', object };
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    yield { type: 'BOOKMARK', object: { metadata: { resourceVersion: '900000', annotations } } };
    for await (const [event] of live) yield event as WatchEvent<KubeObject>;
  }

  /** As the API sends them, with what nobody here reads. */
  *#all(resource: string): Generator<KubeObject> {
    if (resource === 'namespaces') yield { metadata: { name: 'default', resourceVersion: '1' } };
    for (let i = 0; i < this.#options.services; i++) {
      if (resource === 'services') yield serviceAt(i);
      if (resource === 'endpointslices') yield sliceAt(i, this.#options.endpoints);
    }
  }
}

function metadataOf(name: string, labels: Record<string, string>) {
  const managedFields = [
    { manager: 'bench', operation: 'Update', fieldsV1: { 'f:spec': { 'f:ports': {} } } },
  ];
  const uid = `00000000-0000-0000-0000-${name}`;
  return { name, namespace: 'default', uid, resourceVersion: '1', labels, managedFields };
}

/** Every tenth Service is headless. */
function serviceAt(i: number): core.Service {
  const ip = i % 10 === 9 ? 'None' : address(10, 96, i);
  const spec = {
    clusterIP: ip,
    clusterIPs: [ip],
    ports: [{ name: 'http', port: 80 }],
    selector: { app: `svc-${i}` },
  };
  return { metadata: metadataOf(`svc-${i}`, { app: `svc-${i}` }), spec };
}

function sliceAt(i: number, endpoints: number): discovery.EndpointSlice {
  return {
    metadata: metadataOf(`svc-${i}-a`, { 'kubernetes.io/service-name': `svc-${i}` }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, e) => ({
      addresses: [address(10, 128, i * endpoints + e)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${e}`,
      targetRef: { kind: 'Pod', namespace: 'default', name: `svc-${i}-${e}`, uid: `${i}-${e}` },
    })),
  };
}

function address(a: number, b: number, n: number): string {
  return `${a}.${b + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
}

async function loads(directory: string, options: Options): Promise<void> {
  const names = Array.from({ length: options.services }, (_, i) => `svc-${i}.default.svc.cluster.local`);
  const sets: Record<string, string[]> = {
    'ClusterIP and headless A': names.map((n) => `${n} A`),
    'search-path misses (NXDOMAIN)': names.map((_, i) => `www${i}.example.com.svc.cluster.local A`),
    'SRV with glue': names.map((n) => `_http._tcp.${n} SRV`),
  };
  const rows: Record<string, unknown>[] = [];
  for (const [set, lines] of Object.entries(sets)) {
    const file = join(directory, 'queries');
    writeFileSync(file, `${lines.join('\n')}\n`);
    // Once through for the kept answers, as any cluster has after its first minute.
    await dnsperf(['-d', file, '-n', '1', '-m', 'udp', '-c', '4']);
    const time = ['-l', String(options.seconds)];
    rows.push(await measured(`${set}, UDP`, ['-d', file, '-m', 'udp', '-c', '8', '-q', '200', ...time]));
    if (set.startsWith('ClusterIP')) {
      rows.push(
        await measured(`${set}, UDP at 15k/s`, ['-d', file, '-m', 'udp', '-c', '8', '-Q', '15000', ...time]),
      );
      rows.push(await measured(`${set}, TCP`, ['-d', file, '-m', 'tcp', '-c', '4', '-q', '400', ...time]));
    }
  }
  console.table(rows);
}

async function measured(title: string, args: string[]): Promise<Record<string, unknown>> {
  const before = process.cpuUsage();
  const output = await dnsperf(args);
  const { user, system } = process.cpuUsage(before);
  const completed = Number(/Queries completed:\s+(\d+)/.exec(output)?.[1] ?? 0);
  return {
    load: title,
    'queries/s': Math.round(Number(/Queries per second:\s+([\d.]+)/.exec(output)?.[1] ?? 0)),
    'CPU µs/query': Number(((user + system) / Math.max(1, completed)).toFixed(1)),
    'mean ms': Number((Number(/Average Latency \(s\):\s+([\d.]+)/.exec(output)?.[1] ?? 0) * 1000).toFixed(2)),
    'max ms': Number((Number(/max ([\d.]+)\)/.exec(output)?.[1] ?? 0) * 1000).toFixed(1)),
    lost: Number(/Queries lost:\s+(\d+)/.exec(output)?.[1] ?? 0),
  };
}

function dnsperf(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('dnsperf', ['-s', '127.0.0.1', '-p', String(PORT), ...args]);
    const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
    let output = '';
    child.stdout.on('data', (d) => {
      output += d;
    });
    child.once('error', (error) =>
      reject(new Error(`dnsperf is needed (apt-get install dnsperf): ${error.message}`)),
    );
    child.once('close', () => {
      clearTimeout(timer);
      resolve(output);
    });
  });
}

/** From a write of the API to the first answer that shows it. */
async function reaction(api: GeneratedApi): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(PORT, '127.0.0.1', resolve));
  const times: number[] = [];
  for (let i = 0; i < 300; i++) {
    const ip = address(10, 97, i);
    const spec: core.ServiceSpec = { clusterIP: ip, clusterIPs: [ip], ports: [{ name: 'http', port: 80 }] };
    const wanted = Buffer.from(ip.split('.').map(Number));
    const started = performance.now();
    api.put({ metadata: { name: 'svc-0', namespace: 'default' }, spec });
    while (!(await ask(socket, 'svc-0.default.svc.cluster.local')).subarray(-4).equals(wanted));
    times.push(performance.now() - started);
  }
  socket.close();
  times.sort((a, b) => a - b);
  const at = (q: number) => times[Math.min(times.length - 1, Math.floor(times.length * q))]!.toFixed(2);
  console.log(
    `event → new answer: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${times.length} changes, in-memory API)`,
  );
}

function ask(socket: ReturnType<typeof createSocket>, question: string): Promise<Buffer> {
  const labels = question.split('.').map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)]));
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return new Promise((resolve) => {
    socket.once('message', resolve);
    socket.send(Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]));
  });
}
