import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createMetrics, silentLogger } from '#base';
import { type Client, createInformerFactory } from '#client';
import { createControllerManager, createSchedulerManager } from '#controllers';
import { createLmdbStore, createMemoryStore, type Store } from '#storage';
import { identities, inProcessClient } from '../src/cli/compose/in-process.js';
import { startServer, type TestServer } from '../test/apiserver/start-server.js';
import {
  addPods,
  addServices,
  createNodesAndNamespaces,
  type Load,
  podName,
  setReady,
} from './controllers/cluster.js';
import { type LayerTimes, profileByLayer } from './controllers/cpu-profile.js';
import { SliceWatch } from './controllers/slice-watch.js';

/**
 * From a Pod's Ready condition written to the EndpointSlice that says so, seen by a watcher: API server, all
 * controllers and the load in one process, as `kubesvc up` runs them, on the durable store.
 *
 * `npm run bench -- controllers [--services 10000] [--pods-per-service 5] [--seconds 10] [--rates 1,100,1000]
 *  [--memory-store] [--profile]`; with `--profile` also what each layer's code costs per change.
 */
export const name = 'controllers';

const FEW_SERVICES = 100;

interface Settings {
  services: number;
  podsPerService: number;
  seconds: number;
  rates: number[];
  memory: boolean;
  profile: boolean;
}

export async function run(args: string[]): Promise<void> {
  const settings: Settings = {
    services: flagNumber(args, '--services', 10_000),
    podsPerService: flagNumber(args, '--pods-per-service', 5),
    seconds: flagNumber(args, '--seconds', 10),
    rates: (flagValue(args, '--rates') ?? '1,100,1000').split(',').map(Number),
    memory: args.includes('--memory-store'),
    profile: args.includes('--profile'),
  };
  const dir = mkdtempSync(join(tmpdir(), 'kubesvc-bench-controllers-'));
  const store: Store = settings.memory
    ? createMemoryStore()
    : await createLmdbStore({ directory: dir, logger: silentLogger });
  try {
    await store.start();
    const api = await startServer({}, { store });
    try {
      await measure(api, store, settings);
    } finally {
      await api.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(api: TestServer, store: Store, settings: Settings): Promise<void> {
  const client = inProcessClient(api.server, identities.admin);
  await createNodesAndNamespaces(client);
  const controllers = controllersOf(api);
  const watched = new SliceWatch(client);
  const { podsPerService } = settings;
  const grow = async (from: number, to: number) => {
    const load: Load = { from, to, podsPerService };
    await addPods(client, store, load);
    await addServices(client, load);
    await watched.holds(to * podsPerService);
    await delay(1000);
  };
  await controllers.start();
  await watched.ready();
  try {
    await grow(0, FEW_SERVICES);
    const before = memory();
    console.log(`\n${FEW_SERVICES} Services, ${FEW_SERVICES * podsPerService} Pods`);
    await measureRates(client, watched, FEW_SERVICES, settings);
    const begun = performance.now();
    const cpu = process.cpuUsage();
    await grow(FEW_SERVICES, settings.services);
    describeGrowth(before, performance.now() - begun, process.cpuUsage(cpu), settings);
    await measureRates(client, watched, settings.services, settings);
  } finally {
    watched.stop();
    await controllers.stop();
    client.close();
  }
}

/** Controllers and scheduler on one cache, as `kubesvc up` runs them. */
function controllersOf(api: TestServer) {
  const client = inProcessClient(api.server, identities.controllerManager);
  const informers = createInformerFactory(client, { logger: silentLogger });
  const shared = { informers, logger: silentLogger, metrics: createMetrics() };
  const managers = [
    createControllerManager(
      // The simulated nodes send no heartbeats; that they fall silent is not the matter here.
      { nodeMonitorGracePeriodMs: 86_400_000 },
      { ...shared, client, clientFor: (user) => inProcessClient(api.server, user) },
    ),
    createSchedulerManager({}, { ...shared, client: inProcessClient(api.server, identities.scheduler) }),
  ];
  return {
    start: () => Promise.all(managers.map((manager) => manager.start())),
    stop: async () => {
      await Promise.all(managers.map((manager) => manager.stop()));
      informers.stop();
    },
  };
}

function describeGrowth(
  before: Memory,
  elapsed: number,
  cpu: NodeJS.CpuUsage,
  { services, podsPerService }: Settings,
): void {
  const added = services - FEW_SERVICES;
  const after = memory();
  const per = (bytes: number) => `${((bytes / added) * 1e4 * 1e-6).toFixed(0)} MB`;
  console.log(
    `\n${services} Services, ${services * podsPerService} Pods (loaded and in slices in ${(elapsed / 1000).toFixed(0)} s,` +
      ` ${((cpu.user + cpu.system) / 1000 / added).toFixed(1)} ms CPU per Service)\n` +
      `per 10,000 Services with ${podsPerService} Pods each: ${per(after.heap - before.heap)} heap, ${per(after.rss - before.rss)}` +
      ` resident, of API server, store and controllers`,
  );
}

interface Memory {
  rss: number;
  heap: number;
}

/** What is really held: without a collection, the garbage of the load would be counted too. */
function memory(): Memory {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

async function measureRates(
  client: Client,
  watched: SliceWatch,
  services: number,
  settings: Settings,
): Promise<void> {
  const idle = await idleCpu();
  console.log(`  idle: ${(idle * 1000).toFixed(1)} ms CPU per second`);
  for (const rate of settings.rates) {
    // At one change a second a short run would be a handful of samples.
    const seconds = rate === 1 ? Math.max(20, settings.seconds) : settings.seconds;
    watched.begin();
    let sent = 0;
    const cpu = process.cpuUsage();
    const begun = performance.now();
    const work = async () => {
      sent = await toggle(client, watched, {
        services,
        podsPerService: settings.podsPerService,
        rate,
        seconds,
      });
      await watched.drained();
    };
    const layers = settings.profile ? await profileByLayer(work) : await work();
    const elapsed = (performance.now() - begun) / 1000;
    const used = process.cpuUsage(cpu);
    report(rate, sent, elapsed, (used.user + used.system) / 1e6, watched);
    if (layers) reportLayers(layers, sent);
  }
}

/** Seconds of CPU per second while nothing changes. */
async function idleCpu(): Promise<number> {
  const cpu = process.cpuUsage();
  await delay(3000);
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 3e6;
}

function report(rate: number, sent: number, seconds: number, cpuSeconds: number, watched: SliceWatch): void {
  const { fromRequest, fromAck, events } = watched.results();
  const ms = (values: number[], p: number) => values[Math.floor(values.length * p)]?.toFixed(2) ?? '-';
  console.log(
    `${String(rate).padStart(5)}/s: ${sent} changes in ${seconds.toFixed(1)} s,` +
      ` Ready acknowledged → slice seen p50 ${ms(fromAck, 0.5)} ms, p99 ${ms(fromAck, 0.99)} ms;` +
      ` from sending Ready p50 ${ms(fromRequest, 0.5)} ms, p99 ${ms(fromRequest, 0.99)} ms;` +
      ` ${(events / sent).toFixed(2)} slice writes and ${((cpuSeconds * 1e6) / sent).toFixed(0)} µs CPU per change`,
  );
}

function reportLayers(layers: LayerTimes, sent: number): void {
  const sorted = [...layers].sort(([, a], [, b]) => b - a).filter(([, time]) => time / sent >= 1);
  console.log(
    `         µs per change: ${sorted.map(([l, t]) => `${l} ${(t / sent).toFixed(0)}`).join(', ')}`,
  );
}

/** Open loop: changes start on time whether or not earlier ones have finished. Resolves with their number. */
async function toggle(
  client: Client,
  watched: SliceWatch,
  {
    services,
    podsPerService,
    rate,
    seconds,
  }: { services: number; podsPerService: number; rate: number; seconds: number },
): Promise<number> {
  const running: Promise<void>[] = [];
  const begun = performance.now();
  // One change per Pod and run: a second one would overtake the first on its way into the slice.
  const most = Math.min(rate * seconds, services * podsPerService);
  for (let i = 0; i < most; i++) {
    const wait = begun + (i * 1000) / rate - performance.now();
    if (wait > 1) await delay(wait);
    // A different Service each time: changes of one Service would share a write.
    const service = (i * 7919) % services;
    const index = Math.floor(i / services) % podsPerService;
    running.push(change(client, watched, service, index));
  }
  await Promise.all(running);
  return most;
}

async function change(client: Client, watched: SliceWatch, service: number, index: number): Promise<void> {
  const pod = podName(service, index);
  const ready = !watched.isReady(pod);
  watched.sent(pod, ready);
  await setReady(client, service, index, ready);
  watched.acknowledged(pod);
}

function flagValue(args: string[], flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}
function flagNumber(args: string[], flag: string, fallback: number): number {
  const value = flagValue(args, flag);
  return value === undefined ? fallback : Number(value);
}
