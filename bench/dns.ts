// Queries a second, CPU per query, latency and memory of the cluster DNS server with dnsperf over loopback, and how long a
// change of a Service takes to be answered. The same for CoreDNS, with the same API and queries, where a `coredns` is on
// the PATH or COREDNS names one.
// Usage: npm run build; npm run bench -- dns [--services 10000] [--endpoints 10] [--seconds 5] [--only kubesvc|coredns]
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { core } from '#api';
import { address, GeneratedApi, type Size } from './dns/generated-api.js';
import { ServerProcess } from './dns/server-process.js';

export const name = 'dns';

const PORT = 20_353;
const READY = `127.0.0.1:${PORT + 1}`;
const CHANGES = 200;

interface Options extends Size {
  seconds: number;
  only: string | undefined;
}

interface Leg {
  name: string;
  command: string;
  args: (corefile: string, kubeconfig: string) => string[];
}

export async function run(args: string[]): Promise<void> {
  const options = parseOptions(args);
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-bench-dns-'));
  const api = new GeneratedApi(options);
  await api.start();
  try {
    const rows = [];
    for (const leg of legs(options.only)) rows.push(...(await measureLeg(leg, api, directory, options)));
    console.table(rows);
  } finally {
    api.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function parseOptions(args: string[]): Options {
  const text = (flag: string) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const value = (flag: string, fallback: number) => Number(text(flag) ?? fallback);
  return {
    services: value('--services', 10_000),
    endpoints: value('--endpoints', 10),
    seconds: value('--seconds', 5),
    only: text('--only'),
  };
}

function legs(only: string | undefined): Leg[] {
  const coredns = process.env['COREDNS'] ?? 'coredns';
  const all: Leg[] = [
    {
      name: 'kubesvc',
      command: 'bin/kubesvc',
      args: (corefile, kubeconfig) => ['dns', '--conf', corefile, '--kubeconfig', kubeconfig],
    },
  ];
  if (spawnSync(coredns, ['-version']).status === 0)
    all.push({ name: 'coredns', command: coredns, args: (corefile) => ['-conf', corefile] });
  else console.log('CoreDNS is not here (set COREDNS to its binary): kubesvc alone');
  return all.filter((leg) => only === undefined || leg.name === only);
}

/** kubeadm's Corefile without an upstream, cluster answers uncached as there, both servers told of the API alike. */
function corefile(kubeconfig: string): string {
  return `.:${PORT} {
    bind 127.0.0.1
    errors
    ready ${READY}
    prometheus 127.0.0.1:${PORT + 2}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig ${kubeconfig}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loadbalance
}
`;
}

function kubeconfig(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bench', cluster: { server } }],
    users: [{ name: 'bench', user: {} }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    'current-context': 'bench',
  });
}

async function measureLeg(
  leg: Leg,
  api: GeneratedApi,
  directory: string,
  options: Options,
): Promise<Record<string, unknown>[]> {
  const files = { corefile: join(directory, 'Corefile'), kubeconfig: join(directory, 'kubeconfig') };
  writeFileSync(files.kubeconfig, kubeconfig(api.url));
  writeFileSync(files.corefile, corefile(files.kubeconfig));
  const started = performance.now();
  const server = new ServerProcess(leg.command, leg.args(files.corefile, files.kubeconfig));
  try {
    await server.ready(`http://${READY}/ready`);
    console.log(
      `${leg.name}: ${options.services} Services × ${options.endpoints} endpoints, ready in ${Math.round(performance.now() - started)} ms`,
    );
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = server.memory();
    const rows = await loads(server, leg.name, directory, options);
    const after = server.memory();
    console.log(
      `${leg.name}: ${before.now} MB resident (at most ${before.highest}) after the lists, ${after.now} MB (${after.highest}) after the loads`,
    );
    console.log(`${leg.name}: change in the API → new answer ${await reaction(api)}`);
    return rows;
  } finally {
    await server.stop();
  }
}

async function loads(
  server: ServerProcess,
  leg: string,
  directory: string,
  options: Options,
): Promise<Record<string, unknown>[]> {
  const names = Array.from({ length: options.services }, (_, i) => `svc-${i}.default.svc.cluster.local`);
  const sets: Record<string, string[]> = {
    A: names.map((n) => `${n} A`),
    NXDOMAIN: names.map((_, i) => `www${i}.example.com.svc.cluster.local A`),
    'SRV with glue': names.map((n) => `_http._tcp.${n} SRV`),
  };
  const time = ['-l', String(options.seconds)];
  const rows: Record<string, unknown>[] = [];
  for (const [set, lines] of Object.entries(sets)) {
    const file = join(directory, 'queries');
    writeFileSync(file, `${lines.join('\n')}\n`);
    const load = (how: string, args: string[]) =>
      measured(server, { server: leg, queries: set, how }, ['-d', file, ...args]);
    // Once through, as any cluster has been after its first minute.
    await dnsperf(['-d', file, '-n', '1', '-m', 'udp', '-c', '4']);
    rows.push(await load('UDP', ['-m', 'udp', '-c', '8', '-q', '200', ...time]));
    if (set !== 'A') continue;
    rows.push(await load('UDP, 15,000/s', ['-m', 'udp', '-c', '8', '-Q', '15000', ...time]));
    rows.push(await load('TCP, pipelined', ['-m', 'tcp', '-c', '4', '-q', '400', ...time]));
  }
  return rows;
}

async function measured(
  server: ServerProcess,
  row: Record<string, unknown>,
  args: string[],
): Promise<Record<string, unknown>> {
  const before = server.cpu();
  const probe = new Probe();
  const output = await dnsperf(args);
  const p99 = await probe.end();
  const completed = Number(/Queries completed:\s+(\d+)/.exec(output)?.[1] ?? 0);
  return {
    ...row,
    'queries/s': Math.round(Number(/Queries per second:\s+([\d.]+)/.exec(output)?.[1] ?? 0)),
    'CPU µs/query': Number(((server.cpu() - before) / Math.max(1, completed)).toFixed(1)),
    'mean ms': Number((Number(/Average Latency \(s\):\s+([\d.]+)/.exec(output)?.[1] ?? 0) * 1000).toFixed(2)),
    'p99 ms': p99,
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

/** A query over UDP every few milliseconds beside a load: what one client among many sees. dnsperf tells no percentiles. */
class Probe {
  readonly #socket = createSocket('udp4');
  readonly #sent: number[] = [];
  readonly #times: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#socket.connect(PORT, '127.0.0.1');
    this.#socket.on('error', () => {});
    this.#socket.on('message', (reply) => {
      this.#times.push(performance.now() - this.#sent[reply.readUInt16BE(0)]!);
    });
    this.#timer = setInterval(() => {
      const id = this.#sent.push(performance.now()) - 1;
      try {
        this.#socket.send(question('svc-1.default.svc.cluster.local', id));
      } catch {
        // Not connected yet.
      }
    }, 5);
  }

  async end(): Promise<number> {
    clearInterval(this.#timer);
    await new Promise((resolve) => setTimeout(resolve, 200));
    this.#socket.close();
    return Number(quantile(this.#times, 0.99).toFixed(1));
  }
}

/** From a change in the API to the first answer that shows it. */
async function reaction(api: GeneratedApi): Promise<string> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(PORT, '127.0.0.1', resolve));
  const times: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const ip = address(10, 97, i);
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
    const spec: core.ServiceSpec = { type: 'ClusterIP', clusterIP: ip, clusterIPs: [ip], ports };
    const wanted = Buffer.from(ip.split('.').map(Number));
    const started = performance.now();
    api.put({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'svc-0', namespace: 'default' }, spec });
    while (!(await ask(socket, 'svc-0.default.svc.cluster.local')).subarray(-4).equals(wanted));
    times.push(performance.now() - started);
  }
  socket.close();
  return `p50 ${quantile(times, 0.5).toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms (${CHANGES} changes)`;
}

function quantile(times: number[], q: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

function ask(socket: ReturnType<typeof createSocket>, name: string): Promise<Buffer> {
  return new Promise((resolve) => {
    socket.once('message', resolve);
    socket.send(question(name, 1));
  });
}

function question(name: string, id: number): Buffer {
  const labels = name.split('.').map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)]));
  const header = Buffer.from([(id >> 8) & 255, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}
