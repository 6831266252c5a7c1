// One size of bench/proxy.ts, inside its own network namespace: prints one JSON line. The process is the proxy and as
// little else as possible, since its memory and its event loop are measured.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createLogger, createMetrics, systemClock } from '#base';
import { createClient, createInformerFactory, HttpTransport } from '#client';
import { createPrograms } from '#host';
import { createProxy, loadProxyConfig } from '#proxy';

const [serviceCount, endpointCount, changeCount, mode] = process.argv.slice(2);
const SERVER = '10.244.0.1';
const VIP = '10.96.0.1';
const STEADY = { count: 1000, perSecond: 100 };

const now = () => Number(process.hrtime.bigint());
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const round = (value) => Math.round(value * 100) / 100;
const percentile = (values, p) => {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]);
};

function prepareNetwork() {
  const ip = (text) => execFileSync('ip', text.split(' '));
  ip('link set lo up');
  ip(`addr add ${SERVER}/32 dev lo`);
  ip('link add dummy0 type bridge');
  ip('addr add 192.0.2.1/24 dev dummy0');
  ip('link set dummy0 up');
  ip('route add default dev dummy0');
}

prepareNetwork();
const logger = createLogger({ level: process.env.BENCH_LOG ?? 'error', component: 'bench' });
const programs = createPrograms({ logger });
await programs.start();
const api = fork(
  fileURLToPath(new URL('./proxy-api-child.mjs', import.meta.url)),
  [serviceCount, endpointCount],
  {
    execArgv: [],
  },
);
await once(api, 'message');
const tell = async (message) => {
  api.send(message);
  const [answer] = await once(api, 'message');
  return answer;
};

const transport = new HttpTransport({ server: 'http://127.0.0.1:7080' });
const client = createClient({ transport });
const informers = createInformerFactory(client, { logger });
const { config } = loadProxyConfig('', { mode, healthzBindAddress: '', metricsBindAddress: '' });

const metrics = createMetrics();
/** Every sync: when its rules were in force, and which Services it carried. */
const syncs = [];
let wake = () => {};
const loop = monitorEventLoopDelay({ resolution: 1 });
/**
 * The longest time that the main thread computed without returning to its event loop: unlike the delay of a timer, it
 * does not grow with what else the machine has to do.
 */
const computed = () =>
  Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
const busy = { max: 0, last: computed() };
setInterval(() => {
  const at = computed();
  busy.max = Math.max(busy.max, at - busy.last);
  busy.last = at;
}, 1).unref();
const proxy = createProxy(
  {
    config,
    nodeName: 'self',
    families: ['IPv4'],
    onSynced: (event) => {
      syncs.push({ inForce: now(), services: event.services });
      wake();
    },
  },
  { client, informers, programs, logger, metrics, clock: systemClock },
);
loop.enable();
busy.max = 0;
const cpuBegin = process.cpuUsage();
const begin = now();
await proxy.start();
const startSeconds = (now() - begin) / 1e9;
const fullSync = /^kubeproxy_sync_full_proxy_rules_duration_seconds_sum.* (\S+)$/m.exec(
  (await metrics.scrape()).body,
)[1];
const loopStart = loop.max / 1e6;
const busyStart = busy.max;
const cpuStart = process.cpuUsage(cpuBegin);
const rssAfterStart = process.memoryUsage().rss;

await pause(1000);
loop.reset();
busy.max = 0;

async function syncOf(key, from) {
  for (let i = from; ; i++) {
    while (syncs[i] === undefined) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    if (syncs[i].services.includes(key)) return syncs[i];
  }
}

const alone = [];
for (let i = 0; i < Number(changeCount); i++) {
  const from = syncs.length;
  const n = 2 + ((i * 7919) % Math.max(1, serviceCount - 1));
  const { change } = await tell({ op: 'change', n, generation: i + 1 });
  const { inForce: at } = await syncOf(change.key, from);
  alone.push((at - change.at) / 1e6);
  await pause(5);
}

const before = syncs.length;
const cpuBefore = process.cpuUsage();
const { changes } = await tell({ op: 'steady', generation: 10_000, ...STEADY });
await syncOf(changes.at(-1).key, before);
const cpu = process.cpuUsage(cpuBefore);
const steady = changes.map(({ key, at }) => {
  const sync = syncs.slice(before).find((s) => s.services.includes(key) && s.inForce > at);
  return ((sync ?? syncs.at(-1)).inForce - at) / 1e6;
});
const loopSteady = loop.max / 1e6;
const busySteady = busy.max;

async function connect(host, port) {
  const at = now();
  const socket = createConnection({ host, port });
  await once(socket, 'connect');
  const took = (now() - at) / 1000;
  socket.resume();
  await once(socket, 'close');
  return took;
}

/** Connections a second by 16 at once, for a quarter of a second. */
async function rate(host, port) {
  const begin = now();
  const end = begin + 250e6;
  let count = 0;
  const worker = async () => {
    for (; now() < end; count++) await connect(host, port);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return count / ((now() - begin) / 1e9);
}

const memory = process.memoryUsage();
await rate(SERVER, 8080);
const direct = [];
const through = [];
const rates = { direct: [], through: [] };
// Alternating, so that whatever else the machine does meets both alike.
for (let i = 0; i < 1500; i++) {
  direct.push(await connect(SERVER, 8080));
  through.push(await connect(VIP, 80));
}
for (let i = 0; i < 8; i++) {
  rates.direct.push(await rate(SERVER, 8080));
  rates.through.push(await rate(VIP, 80));
}
globalThis.gc?.();
console.log(
  JSON.stringify({
    'start to rules s': round(startSeconds),
    'full sync s': round(Number(fullSync)),
    'CPU s (start)': round((cpuStart.user + cpuStart.system) / 1e6),
    'loop max ms (start)': round(loopStart),
    'computing max ms (start)': round(busyStart),
    'rule p50 ms': percentile(alone, 0.5),
    'rule p99 ms': percentile(alone, 0.99),
    'at 100/s p50 ms': percentile(steady, 0.5),
    'at 100/s p99 ms': percentile(steady, 0.99),
    'loop max ms (steady)': round(loopSteady),
    'computing max ms (steady)': round(busySteady),
    'CPU ms/change': round((cpu.user + cpu.system) / 1000 / STEADY.count),
    'RSS MB (start)': Math.round(rssAfterStart / 1e6),
    'RSS MB (steady)': Math.round(memory.rss / 1e6),
    'heap MB': Math.round(process.memoryUsage().heapUsed / 1e6),
    'connect direct µs': percentile(direct, 0.5),
    'connect VIP µs': percentile(through, 0.5),
    'conn/s direct': Math.round(percentile(rates.direct, 0.5)),
    'conn/s VIP': Math.round(percentile(rates.through, 0.5)),
  }),
);
await proxy.stop();
informers.stop();
client.close();
api.disconnect();
await programs.stop();
process.exit(0);
