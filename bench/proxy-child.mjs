// One size of bench/proxy.ts, inside its own network namespace: prints one JSON line.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { createLogger, createMetrics, systemClock } from '#base';
import { createPrograms } from '#host';
import { createProxy, loadProxyConfig } from '#proxy';

const [serviceCount, endpointCount, changeCount] = process.argv.slice(2).map(Number);
const SERVER = '10.244.0.1';

/** The smallest informer that the proxy can live on: a map that tells its handlers. */
class MapInformer {
  objects = new Map();
  handlers = new Set();
  hasSynced = true;
  resourceVersion = '1';
  lastContact = 0;
  indexes = new Map();
  on(handlers) {
    this.handlers.add(handlers);
    for (const object of this.objects.values()) handlers.add?.(object);
    return () => this.handlers.delete(handlers);
  }
  get(key) {
    return this.objects.get(key);
  }
  list() {
    return [...this.objects.values()];
  }
  inNamespace() {
    return this.list();
  }
  addIndex() {}
  // Every slice here is named after its Service, so the index is the key.
  byIndex(_, value) {
    return this.objects.has(value) ? [this.objects.get(value)] : [];
  }
  async synced() {}
  set(key, object) {
    const old = this.objects.get(key);
    this.objects.set(key, object);
    for (const h of this.handlers)
      if (old === undefined) h.add?.(object);
      else h.update?.(object, old);
  }
}

const informers = {
  services: new MapInformer(),
  endpointslices: new MapInformer(),
  nodes: new MapInformer(),
  servicecidrs: new MapInformer(),
};
const factory = { informer: ({ resource }) => informers[resource], start() {}, async synced() {}, stop() {} };

const clusterIP = (n) => `10.${96 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
const podIP = (n) => `10.${128 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`;
const name = (n) => `svc-${n}`;
function service(n) {
  return {
    metadata: { name: name(n), namespace: 'bench' },
    spec: {
      clusterIP: clusterIP(n),
      clusterIPs: [clusterIP(n)],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  };
}
function slice(n, generation = 0) {
  const endpoints = Array.from({ length: endpointCount }, (_, i) => ({
    addresses: [
      i === 0 && generation > 0
        ? `10.200.${generation >> 8}.${generation & 255}`
        : podIP(n * endpointCount + i),
    ],
    nodeName: `node-${i}`,
  }));
  return {
    metadata: {
      name: name(n),
      namespace: 'bench',
      labels: { 'kubernetes.io/service-name': name(n) },
      annotations: {},
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
  };
}
/** The one Service whose endpoint really answers. */
function realSlice() {
  const made = slice(1);
  made.endpoints = [{ addresses: [SERVER], nodeName: 'self' }];
  return made;
}

for (let n = 1; n <= serviceCount; n++) {
  informers.services.objects.set(`bench/${name(n)}`, service(n));
  informers.endpointslices.objects.set(`bench/${name(n)}`, n === 1 ? realSlice() : slice(n));
}
informers.nodes.objects.set('self', {
  metadata: { name: 'self' },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
});

execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('ip', ['addr', 'add', `${SERVER}/32`, 'dev', 'lo']);
execFileSync('ip', ['link', 'add', 'dummy0', 'type', 'bridge']);
execFileSync('ip', ['addr', 'add', '192.0.2.1/24', 'dev', 'dummy0']);
execFileSync('ip', ['link', 'set', 'dummy0', 'up']);
execFileSync('ip', ['route', 'add', 'default', 'dev', 'dummy0']);

const logger = createLogger({ level: process.env.BENCH_LOG ?? 'error', component: 'bench' });
const programs = createPrograms({ logger });
await programs.start();
const { config } = loadProxyConfig('', { healthzBindAddress: '', metricsBindAddress: '' });
let onSynced = () => {};
const loop = monitorEventLoopDelay({ resolution: 1 });
const proxy = createProxy(
  { config, nodeName: 'self', families: ['IPv4'], onSynced: (event) => onSynced(event) },
  { client: {}, informers: factory, programs, logger, metrics: createMetrics(), clock: systemClock },
);
loop.enable();
const begin = performance.now();
await proxy.start();
const fullMs = performance.now() - begin;
const fullLoop = loop.max / 1e6;

const percentile = (values, p) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];
const round = (value) => Math.round(value * 100) / 100;

async function oneChange(i) {
  const n = 2 + ((i * 7919) % Math.max(1, serviceCount - 2));
  const done = new Promise((resolve) => {
    onSynced = resolve;
  });
  const at = performance.now();
  onGeneration = () => {
    visible.push(performance.now() - at);
    onGeneration = () => {};
  };
  informers.endpointslices.set(`bench/${name(n)}`, slice(n, i + 1));
  await done;
  const took = performance.now() - at;
  await new Promise((resolve) => setTimeout(resolve, 5));
  return took;
}

// The kernel announces a new generation as soon as its rules are in force; the nft process then still waits for
// an RCU grace period before it exits, which is what `onSynced` reports.
const monitor = spawn('stdbuf', ['-oL', 'xtables-monitor', '--event'], {
  stdio: ['ignore', 'pipe', 'ignore'],
});
let onGeneration = () => {};
monitor.stdout.on('data', (text) => {
  if (String(text).includes('NEWGEN')) onGeneration();
});
await new Promise((resolve) => setTimeout(resolve, 1000));
loop.reset();
const visible = [];
const latencies = [];
for (let i = 0; i < changeCount; i++) latencies.push(await oneChange(i));

// 100 changes a second for five seconds: the time from each change to the sync that carried it.
const lags = [];
const waiting = new Map();
onSynced = (event) => {
  for (const key of event.services) {
    for (const at of waiting.get(key) ?? []) lags.push(performance.now() - at);
    waiting.delete(key);
  }
};
for (let i = 0; i < 500; i++) {
  const n = 2 + ((i * 104_729) % Math.max(1, serviceCount - 2));
  const key = `bench/${name(n)}`;
  waiting.set(key, [...(waiting.get(key) ?? []), performance.now()]);
  informers.endpointslices.set(key, slice(n, 10_000 + i));
  await new Promise((resolve) => setTimeout(resolve, 10));
}
while (waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
const steadyLoop = loop.max / 1e6;

const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.end('x');
});
server.listen(8080, SERVER);
await once(server, 'listening');
async function connect(host, port) {
  const at = process.hrtime.bigint();
  const socket = createConnection({ host, port });
  await once(socket, 'connect');
  const took = Number(process.hrtime.bigint() - at) / 1000;
  socket.resume();
  await once(socket, 'close');
  return took;
}
const direct = [];
const through = [];
for (let i = 0; i < 600; i++) {
  direct.push(await connect(SERVER, 8080));
  through.push(await connect(clusterIP(1), 80));
}
globalThis.gc?.();
console.log(
  JSON.stringify({
    'full sync s': round(fullMs / 1000),
    'rule p50 ms': round(percentile(visible, 0.5)),
    'rule p99 ms': round(percentile(visible, 0.99)),
    'change p50 ms': round(percentile(latencies, 0.5)),
    'change p99 ms': round(percentile(latencies, 0.99)),
    'at 100/s p50 ms': round(percentile(lags, 0.5)),
    'at 100/s p99 ms': round(percentile(lags, 0.99)),
    'loop max ms (full)': round(fullLoop),
    'loop max ms (steady)': round(steadyLoop),
    'RSS MB': Math.round(process.memoryUsage().rss / 1e6),
    'connect direct µs': round(percentile(direct, 0.5)),
    'connect VIP µs': round(percentile(through, 0.5)),
  }),
);
monitor.kill('SIGKILL');
await proxy.stop();
await programs.stop();
server.close();
process.exit(0);
