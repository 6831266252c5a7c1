import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { core, discovery } from '#api';
import { createMetrics, silentLogger } from '#base';
import { type Client, createInformerFactory, Resources } from '#client';
import { createControllerManager } from '#controllers';
import { createLmdbStore, createMemoryStore, type Store } from '#storage';
import { identities, inProcessClient } from '../src/cli/compose/in-process.js';
import { startServer, type TestServer } from '../test/apiserver/start-server.js';

/**
 * From a Pod's Ready condition written to the EndpointSlice that says so, seen by a watcher: API server, all
 * controllers and the load in one process, as `kubesvc up` runs them, on the durable store.
 *
 * `npm run bench -- controllers [--services 10000] [--pods-per-service 5] [--seconds 10] [--memory-store]`
 */
export const name = 'controllers';

const RATES = [1, 100, 1000];
const NODES = 50;
const NAMESPACES = 20;
const PARALLEL = 64;
const SMALL = 100;

interface Settings {
  services: number;
  podsPerService: number;
  seconds: number;
  memory: boolean;
}

export async function run(args: string[]): Promise<void> {
  const settings: Settings = {
    services: numberOf(args, '--services', 10_000),
    podsPerService: numberOf(args, '--pods-per-service', 5),
    seconds: numberOf(args, '--seconds', 10),
    memory: args.includes('--memory-store'),
  };
  const dir = mkdtempSync(join(tmpdir(), 'kubesvc-bench-controllers-'));
  const store: Store = settings.memory
    ? createMemoryStore()
    : await createLmdbStore({ directory: dir, logger: silentLogger });
  try {
    await store.start();
    const api = await startServer({}, { store });
    try {
      await measure(api, settings);
    } finally {
      await api.close();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(api: TestServer, settings: Settings): Promise<void> {
  const client = inProcessClient(api.server, identities.admin);
  await prepare(client);
  // The simulated nodes send no heartbeats; that they fall silent is not the matter here.
  const manager = createControllerManager(
    { nodeMonitorGracePeriodMs: 86_400_000 },
    {
      client: inProcessClient(api.server, identities.controllerManager),
      clientFor: (user) => inProcessClient(api.server, user),
      logger: silentLogger,
      metrics: createMetrics(),
    },
  );
  const watched = new SliceWatch(client);
  await manager.start();
  await watched.ready();
  try {
    await populate(client, watched, 0, SMALL, settings);
    await delay(500);
    const before = memory();
    console.log(`\n${SMALL} Services, ${SMALL * settings.podsPerService} Pods`);
    await rates(client, watched, SMALL, settings);
    const begun = performance.now();
    await populate(client, watched, SMALL, settings.services, settings);
    const added = settings.services - SMALL;
    console.log(
      `\n${settings.services} Services, ${settings.services * settings.podsPerService} Pods` +
        ` (created, made ready and in slices in ${((performance.now() - begun) / 1000).toFixed(0)} s)`,
    );
    await delay(2000);
    const after = memory();
    const per = (bytes: number) => `${((bytes / added) * 1e4 * 1e-6).toFixed(0)} MB`;
    console.log(
      `memory of API server, store and controllers per 10,000 Services with ${settings.podsPerService} Pods each:` +
        ` ${per(after.rss - before.rss)} resident, ${per(after.heap - before.heap)} heap`,
    );
    await rates(client, watched, settings.services, settings);
  } finally {
    watched.stop();
    await manager.stop();
    client.close();
  }
}

/** What is really held: without a collection, the garbage of the load would be counted too. */
function memory(): { rss: number; heap: number } {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

async function rates(
  client: Client,
  watched: SliceWatch,
  services: number,
  settings: Settings,
): Promise<void> {
  for (const rate of RATES) {
    // At one change a second a short run would be a handful of samples.
    const seconds = rate === 1 ? Math.max(20, settings.seconds) : settings.seconds;
    const cpu = process.cpuUsage();
    const begun = performance.now();
    watched.begin();
    // One change per Pod and run: a second one would overtake the first on its way into the slice.
    const most = Math.min(rate * seconds, services * settings.podsPerService);
    const sent = await toggle(client, watched, services, settings.podsPerService, rate, most);
    await watched.drained();
    const elapsed = (performance.now() - begun) / 1000;
    const used = process.cpuUsage(cpu);
    report(rate, sent, elapsed, (used.user + used.system) / 1e6, watched);
  }
}

function report(rate: number, sent: number, seconds: number, cpuSeconds: number, watched: SliceWatch): void {
  const { fromRequest, fromAck, events } = watched.results();
  const ms = (values: number[], p: number) => values[Math.floor(values.length * p)]?.toFixed(2) ?? '-';
  console.log(
    `${String(rate).padStart(5)}/s: ${sent} changes in ${seconds.toFixed(1)} s,` +
      ` Ready acknowledged → slice seen p50 ${ms(fromAck, 0.5)} ms, p99 ${ms(fromAck, 0.99)} ms;` +
      ` from sending Ready p50 ${ms(fromRequest, 0.5)} ms, p99 ${ms(fromRequest, 0.99)} ms;` +
      ` ${(events / sent).toFixed(2)} slice writes per change;` +
      ` ${((cpuSeconds * 1000) / sent).toFixed(2)} ms CPU per change (${((cpuSeconds / seconds) * 100).toFixed(0)} %)`,
  );
}

/** Open loop: changes start on time whether or not earlier ones have finished. */
async function toggle(
  client: Client,
  watched: SliceWatch,
  services: number,
  podsPerService: number,
  rate: number,
  total: number,
): Promise<number> {
  const running: Promise<void>[] = [];
  const begun = performance.now();
  for (let i = 0; i < total; i++) {
    const due = begun + (i * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 1) await delay(wait);
    // A different Service each time: changes of one Service would share a write.
    const service = (i * 7919) % services;
    const index = Math.floor(i / services) % podsPerService;
    running.push(setReady(client, watched, service, index, !watched.isReady(podName(service, index))));
  }
  await Promise.all(running);
  return total;
}

async function setReady(client: Client, watched: SliceWatch, service: number, index: number, ready: boolean) {
  const name = podName(service, index);
  watched.sent(name, ready);
  await client
    .resource(Resources.pods)
    .patch(
      name,
      namespaceOf(service),
      'strategic',
      { status: statusOf(service, index, ready) },
      { subresource: 'status' },
    );
  watched.acknowledged(name);
}

/** Sees slices as any consumer does, and remembers when each Pod's readiness came through. */
class SliceWatch {
  readonly #informers;
  readonly #slices;
  readonly #seen = new Map<string, boolean>();
  readonly #pending = new Map<string, { ready: boolean; sentAt: number; ackedAt: number; seenAt: number }>();
  #fromRequest: number[] = [];
  #fromAck: number[] = [];
  #events = 0;

  constructor(client: Client) {
    this.#informers = createInformerFactory(client, { logger: silentLogger });
    this.#slices = this.#informers.informer(Resources.endpointSlices);
    this.#slices.on({ add: (slice) => this.#changed(slice), update: (slice) => this.#changed(slice) });
  }

  async ready(): Promise<void> {
    this.#informers.start();
    await this.#informers.synced();
  }
  stop(): void {
    this.#informers.stop();
  }
  begin(): void {
    this.#fromRequest = [];
    this.#fromAck = [];
    this.#events = 0;
  }
  isReady(pod: string): boolean {
    return this.#seen.get(pod) ?? false;
  }
  /** Pods that are in slices, ready or not. */
  get size(): number {
    return this.#seen.size;
  }

  sent(pod: string, ready: boolean): void {
    this.#pending.set(pod, { ready, sentAt: performance.now(), ackedAt: 0, seenAt: 0 });
  }
  acknowledged(pod: string): void {
    const change = this.#pending.get(pod);
    if (change === undefined) return;
    change.ackedAt = performance.now();
    this.#finish(pod);
  }

  #changed(slice: discovery.EndpointSlice): void {
    this.#events += 1;
    for (const { targetRef, conditions } of slice.endpoints ?? []) {
      const pod = targetRef?.name ?? '';
      this.#seen.set(pod, conditions?.ready === true);
      const change = this.#pending.get(pod);
      if (change === undefined || change.seenAt > 0 || change.ready !== conditions?.ready) continue;
      change.seenAt = performance.now();
      this.#finish(pod);
    }
  }

  #finish(pod: string): void {
    const { sentAt, ackedAt, seenAt } = this.#pending.get(pod)!;
    if (ackedAt === 0 || seenAt === 0) return;
    this.#pending.delete(pod);
    this.#fromRequest.push(seenAt - sentAt);
    // The slice may be there before the Pod's writer has read its answer.
    this.#fromAck.push(Math.max(0, seenAt - ackedAt));
  }

  /** Resolves when everything that was sent has been seen. */
  async drained(): Promise<void> {
    const end = Date.now() + 60_000;
    while (this.#pending.size > 0) {
      if (Date.now() > end) throw new Error(`${this.#pending.size} changes never reached a slice`);
      await delay(5);
    }
  }

  results(): { fromRequest: number[]; fromAck: number[]; events: number } {
    const sorted = (values: number[]) => [...values].sort((a, b) => a - b);
    return { fromRequest: sorted(this.#fromRequest), fromAck: sorted(this.#fromAck), events: this.#events };
  }
}

async function prepare(client: Client): Promise<void> {
  for (let i = 0; i < NODES; i++) {
    const node: core.Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: `node-${i}`, labels: { 'topology.kubernetes.io/zone': `zone-${i % 3}` } },
      status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { cpu: '64', pods: '2000' } },
    };
    await client.resource(Resources.nodes).create(node);
  }
  for (let i = 0; i < NAMESPACES; i++) {
    const metadata = { name: namespaceOf(i) };
    await client.resource(Resources.namespaces).create({ apiVersion: 'v1', kind: 'Namespace', metadata });
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: metadata.name },
    };
    await client.resource(Resources.serviceAccounts).create(account);
  }
}

async function populate(
  client: Client,
  watched: SliceWatch,
  from: number,
  to: number,
  { podsPerService }: Settings,
): Promise<void> {
  let next = from;
  const worker = async () => {
    for (let service = next++; service < to; service = next++) {
      for (let index = 0; index < podsPerService; index++) await addPod(client, service, index);
      await client.resource(Resources.services).create(serviceObject(service));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  while (watched.size < to * podsPerService) await delay(20);
}

async function addPod(client: Client, service: number, index: number): Promise<void> {
  const name = podName(service, index);
  const namespace = namespaceOf(service);
  const pods = client.resource(Resources.pods);
  await pods.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { app: `app-${service}`, tier: 'backend' } },
    spec: { nodeName: `node-${(service + index) % NODES}`, containers: [{ name: 'c', image: 'host' }] },
  });
  await pods.patch(
    name,
    namespace,
    'strategic',
    { status: statusOf(service, index, true) },
    { subresource: 'status' },
  );
}

function statusOf(service: number, index: number, ready: boolean): core.PodStatus {
  const n = service * 8 + index;
  const ip = `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
  const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }];
  return { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions };
}

function serviceObject(service: number): core.Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `svc-${service}`, namespace: namespaceOf(service) },
    spec: { selector: { app: `app-${service}`, tier: 'backend' }, ports: [{ port: 80, targetPort: 8080 }] },
  };
}

function namespaceOf(service: number): string {
  return `bench-${service % NAMESPACES}`;
}
function podName(service: number, index: number): string {
  return `pod-${service}-${index}`;
}
function numberOf(args: string[], flag: string, fallback: number): number {
  const at = args.indexOf(flag);
  return at < 0 ? fallback : Number(args[at + 1]);
}
