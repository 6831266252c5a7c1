import type { Clock, Logger, Metrics } from '#base';
import type { Programs } from '#host';
import type {
  ConnectionCount,
  CountDetail,
  ListenerStatus,
  NodeSettings,
  Proxier,
  ServiceChange,
  SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import { type DesiredPort, type DesiredService, type Target, targetKey } from '../state/desired.js';
import { paced } from '../state/paced.js';
import { Balancer } from './balancer.js';
import { bindVirtual, type Listener, type Open } from './bind.js';
import { type Front, frontsOf, virtualAddresses } from './fronts.js';
import { descriptorBudget } from './limits.js';
import { Sources } from './policy.js';
import { FrontRouter, type PortMemory } from './router.js';
import { LocalRoutes } from './routes.js';
import { Connections, listenTcp } from './tcp.js';
import { Flows, type FlowTimeouts, listenUdp } from './udp.js';

export interface UserspaceOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
  metrics: Metrics;
  timeouts: FlowTimeouts;
  /** Canonical addresses of the node's interfaces. */
  localAddresses: () => string[];
  /** Connections and UDP flows at most; default: what the process may have descriptors for. */
  budget?: { connections: number; flows: number };
}

function parseTargetKey(key: string): Target {
  const [ip, port] = key.split(' ');
  return { ip: ip!, port: Number(port) };
}

/** What kernel modes do and this one cannot, said at every start. */
const LIMITATIONS =
  'userspace mode: endpoints see this node as their client; what a policy drops is reset (TCP); SCTP is not proxied; connections end with this process';

/** A port that somebody else holds may become free: tried again this often. */
const RETRY_MS = 5000;
/** Sockets that are opened at once. */
const PARALLEL = 256;

interface OpenFront {
  router: FrontRouter;
  listener: Listener | undefined;
  /** Why there is no listener. */
  error: string | undefined;
  isOpening: boolean;
}

interface KnownService {
  desired: DesiredService;
  fronts: Map<string, Front>;
}

/**
 * The userspace mode: relays TCP and UDP through sockets of this process, without any rule in the kernel (upstream had
 * such a mode until 1.25). Where the process may set a route, virtual addresses are local to the node; elsewhere each
 * one is mapped to a loopback address (`listeners` says which).
 */
export class UserspaceProxier implements Proxier {
  readonly mode = 'userspace';
  readonly family: Family;
  readonly #options: UserspaceOptions;
  readonly #routes: LocalRoutes;
  readonly #connections: Connections;
  readonly #flows: Flows;
  readonly #services = new Map<string, KnownService>();
  readonly #fronts = new Map<string, OpenFront>();
  readonly #ports = new Map<string, PortMemory>();
  #settings: NodeSettings | undefined;
  #sources: Sources | undefined;
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(options: UserspaceOptions) {
    this.#options = options;
    this.family = options.family;
    this.#routes = new LocalRoutes(options.family, options.programs);
    const { clock, metrics, timeouts, family, budget = descriptorBudget() } = options;
    const count = (name: string, help: string) => {
      const counter = metrics.counter(`kubeproxy_userspace_${name}_total`, `${help} (kubesvc only)`, [
        'ip_family',
      ]);
      return () => counter.inc({ ip_family: family });
    };
    this.#connections = new Connections(
      budget.connections,
      count('refused_connections', 'Connections reset because there were too many'),
    );
    this.#flows = new Flows(
      clock,
      timeouts,
      budget.flows,
      count('evicted_flows', 'UDP flows forgotten early because there were too many'),
    );
  }

  async preflight(): Promise<void> {
    this.#options.logger.warn(LIMITATIONS);
  }

  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    const { logger } = this.#options;
    const { localDetector } = settings;
    if (localDetector !== undefined && localDetector.kind !== 'cidr') {
      logger.warn('userspace mode cannot see interfaces: pods are not told from outside traffic', {
        detector: localDetector.kind,
      });
    }
    this.#settings = settings;
    this.#sources = new Sources(settings, this.#options.localAddresses());
    const wanted = new Map<string, DesiredService>();
    for await (const desired of paced(services)) wanted.set(desired.key, desired);
    const changes: ServiceChange[] = [...wanted].map(([key, desired]) => ({ key, desired }));
    for (const key of this.#services.keys()) {
      if (!wanted.has(key)) changes.push({ key, desired: undefined });
    }
    const before = this.#routes.isAllowed;
    const operations = await this.#change(changes);
    if (before === undefined && this.#routes.isAllowed === false) {
      logger.warn('no right to set routes: virtual addresses are mapped to loopback, see /listeners');
    }
    return { full: true, operations };
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    return { full: false, operations: await this.#change([...changes]) };
  }

  /** Ends every connection and flow; nothing of this mode works without its process. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    for (const { listener } of this.#fronts.values()) listener?.close();
    this.#fronts.clear();
    this.#connections.closeAll();
    this.#flows.closeAll();
  }

  *listeners(): Generator<ListenerStatus> {
    for (const { router, listener, error } of this.#fronts.values()) {
      const { desired, protocol, address, port } = router.front;
      const { service, portName } = desired.port;
      const at = listener === undefined ? {} : { listenAddress: listener.address, listenPort: listener.port };
      const why = error === undefined ? {} : { error };
      yield { service, portName, protocol, address, port, ...at, ...why };
    }
  }

  async connectionCounts(detail: CountDetail): Promise<ConnectionCount[]> {
    const ports = [...this.#services.values()].flatMap(({ desired }) => desired.ports);
    return ports.flatMap(({ port }) => {
      const { service, portName, protocol } = port;
      const memory = this.#ports.get(port.id);
      if (memory === undefined) return [];
      const of = (connections: number, endpoint: Target | undefined) => ({
        service,
        portName,
        protocol,
        endpoint,
        connections,
      });
      if (detail === 'service') return [of(memory.total, undefined)];
      return [...memory.counts].map(([key, count]) => of(count, parseTargetKey(key)));
    });
  }

  async #change(changes: readonly ServiceChange[]): Promise<number> {
    const opening: OpenFront[] = [];
    let closed = 0;
    const wanted = changes.map(({ key, desired }) => ({ key, desired, fronts: this.#frontsOf(desired) }));
    // An address that moves from one Service to another is let go first.
    for (const { key, fronts } of wanted) closed += this.#closeVanished(key, fronts);
    for (const { key, desired, fronts } of wanted) {
      if (desired === undefined) this.#forget(key);
      else opening.push(...this.#keep(key, desired, fronts));
    }
    await this.#setRoutes(wanted.flatMap(({ desired: now }) => now ?? []));
    await this.#openAll(opening);
    return opening.length + closed;
  }

  #frontsOf(desired: DesiredService | undefined): Map<string, Front> {
    const fronts = desired === undefined ? [] : frontsOf(desired, this.#settings!);
    return new Map(fronts.map((front) => [front.key, front]));
  }

  #closeVanished(key: string, wanted: ReadonlyMap<string, Front>): number {
    let closed = 0;
    for (const [name, { desired }] of this.#services.get(key)?.fronts ?? []) {
      const isSame = wanted.get(name)?.desired.port.id === desired.port.id;
      if (isSame) continue;
      this.#fronts.get(name)?.listener?.close();
      this.#fronts.delete(name);
      closed++;
    }
    return closed;
  }

  #forget(key: string): void {
    for (const { port } of this.#services.get(key)?.desired.ports ?? []) this.#ports.delete(port.id);
    this.#services.delete(key);
  }

  /** Brings the fronts that stay up to date; returns those that have to be opened. */
  #keep(key: string, desired: DesiredService, fronts: Map<string, Front>): OpenFront[] {
    this.#dropPorts(key, desired);
    this.#services.set(key, { desired, fronts });
    const opening: OpenFront[] = [];
    for (const front of fronts.values()) {
      const open = this.#fronts.get(front.key);
      if (open === undefined) {
        const router = new FrontRouter(front, this.#sources!, this.#memoryOf(front.desired));
        const made: OpenFront = { router, listener: undefined, error: undefined, isOpening: false };
        this.#fronts.set(front.key, made);
        opening.push(made);
        continue;
      }
      open.router.front = front;
      open.router.sources = this.#sources!;
      open.listener?.keepOnly?.(new Set(front.desired.keepFlows.map(targetKey)));
      if (open.listener === undefined) opening.push(open);
    }
    return opening;
  }

  #dropPorts(key: string, desired: DesiredService): void {
    const present = new Map(desired.ports.map((port) => [port.port.id, port]));
    for (const { port } of this.#services.get(key)?.desired.ports ?? []) {
      if (!present.has(port.id)) this.#ports.delete(port.id);
    }
    for (const [id, port] of present) this.#dropCounts(id, port);
  }

  /** Counters of endpoints that left would add up for ever. */
  #dropCounts(id: string, { cluster, local, keepFlows }: DesiredPort): void {
    const counts = this.#ports.get(id)?.counts;
    if (counts === undefined || counts.size === 0) return;
    const known = new Set([...cluster, ...local, ...keepFlows].map(targetKey));
    for (const endpoint of counts.keys()) if (!known.has(endpoint)) counts.delete(endpoint);
  }

  #memoryOf({ port }: DesiredPort): PortMemory {
    let memory = this.#ports.get(port.id);
    if (memory === undefined) {
      memory = { balancer: new Balancer(this.#options.clock), counts: new Map(), total: 0 };
      this.#ports.set(port.id, memory);
    }
    return memory;
  }

  async #setRoutes(services: readonly DesiredService[]): Promise<void> {
    const addresses = new Set(services.flatMap(virtualAddresses));
    await this.#routes.set(this.#settings!, addresses, this.#options.localAddresses());
  }

  async #openAll(fronts: readonly OpenFront[]): Promise<void> {
    for (let i = 0; i < fronts.length; i += PARALLEL) {
      await Promise.all(fronts.slice(i, i + PARALLEL).map((front) => this.#open(front)));
    }
    this.#planRetry();
  }

  async #open(open: OpenFront): Promise<void> {
    if (open.isOpening || open.listener !== undefined) return;
    open.isOpening = true;
    await this.#listen(open);
    open.isOpening = false;
  }

  async #listen(open: OpenFront): Promise<void> {
    const { logger } = this.#options;
    const { router } = open;
    const { protocol, kind, address, port, desired } = router.front;
    const listen: Open = (host, at) =>
      protocol === 'TCP'
        ? listenTcp(host, at, router, this.#connections)
        : listenUdp(host, at, router, this.#flows);
    const { service, portName } = desired.port;
    const about = { service, portName, protocol, address, port };
    try {
      const listener = await (kind === 'nodePort'
        ? listen(address, port)
        : bindVirtual(listen, address, port, this.family));
      // Closed while it opened: a stop, or a change that came in between.
      if (this.#stopped || this.#fronts.get(router.front.key) !== open) return listener.close();
      open.listener = listener;
      open.error = undefined;
      const isMapped = listener.address !== address;
      if (isMapped) logger.info('mapped', { ...about, to: `${listener.address} ${listener.port}` });
    } catch (err) {
      if (open.error === undefined) logger.error('cannot listen', { ...about, err });
      open.error = (err as Error).message;
    }
  }

  #planRetry(): void {
    const failed = [...this.#fronts.values()].filter(({ listener }) => listener === undefined);
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    if (failed.length === 0 || this.#stopped) return;
    this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => {
      void this.#openAll(
        failed.filter(({ router }) => this.#fronts.get(router.front.key)?.router === router),
      );
    });
  }
}
