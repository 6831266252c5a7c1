import type { Clock, Counter, Labels, Logger, Metrics } from '#base';
import type { ConnectionCount, CountDetail, Proxier } from './contract.js';
import type { DesiredState } from './state/desired-state.js';

/** Whether connections are counted in metrics, and how finely. */
export type ConnectionCounting = 'None' | 'Service' | 'Endpoint';

export interface ConnectionMetricsOptions {
  metrics: Metrics;
  clock: Clock;
  logger: Logger;
  counting: ConnectionCounting;
  proxiers: () => Iterable<Proxier>;
  /** Endpoints of all Services, which bounds the number of series and the cost of reading. */
  endpoints: () => number;
  services: () => number;
}

/** A reading is good for this long, however often metrics are scraped. */
const FRESH_MS = 5000;
/** A scrape waits this long for a reading; then it tells what is known, and the reading goes on. */
const PATIENCE_MS = 2000;
/** Above, connections are counted per Service only, or not at all. */
const MOST_SERIES = 10_000;

/** One count as last read, to tell by how much it has grown. */
interface Known {
  connections: number;
  unremembered: number;
  labels: Labels;
}

/**
 * Connections per Service and endpoint (`kubeproxy_service_connections_total`, `kubeproxy_endpoint_connections_total`;
 * kubesvc only). Nothing is done until somebody scrapes. The kernel's counts start over with a full sync; the metrics
 * go on, less what came between the last scrape and that sync.
 */
export class ConnectionMetrics {
  readonly #options: ConnectionMetricsOptions;
  readonly #perService: Counter;
  readonly #perEndpoint: Counter;
  readonly #unremembered: Counter;
  #known: ReadonlyMap<string, Known> = new Map();
  #services: ReadonlyMap<string, Labels> = new Map();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #isBroken = false;

  constructor(options: ConnectionMetricsOptions) {
    const { metrics } = options;
    this.#options = options;
    const labels = ['ip_family', 'namespace', 'service', 'port_name', 'protocol'];
    this.#perService = metrics.counter(
      'kubeproxy_service_connections_total',
      'Connections (UDP: flows) to a Service’s port that this node has directed (kubesvc only)',
      labels,
    );
    this.#perEndpoint = metrics.counter(
      'kubeproxy_endpoint_connections_total',
      'Connections (UDP: flows) that this node has directed to an endpoint of a Service’s port (kubesvc only)',
      [...labels, 'endpoint'],
    );
    this.#unremembered = metrics.counter(
      'kubeproxy_service_affinity_unremembered_connections_total',
      'Connections of a Service with ClientIP affinity whose client there was no room to remember (kubesvc only)',
      labels,
    );
    if (options.counting !== 'None') metrics.beforeScrape(() => this.#refresh());
  }

  async #refresh(): Promise<void> {
    const { clock } = this.#options;
    if (this.#reading === undefined && clock.now() - this.#readAt < FRESH_MS) return;
    this.#reading ??= this.#read().finally(() => {
      this.#readAt = clock.now();
      this.#reading = undefined;
    });
    let cancel = () => {};
    const enough = new Promise<void>((resolve) => {
      cancel = clock.after(PATIENCE_MS, resolve);
    });
    await Promise.race([this.#reading, enough]);
    cancel();
  }

  #detail(): CountDetail | undefined {
    const { counting, endpoints, services } = this.#options;
    if (services() > MOST_SERIES) return undefined;
    return counting === 'Endpoint' && endpoints() <= MOST_SERIES ? 'endpoint' : 'service';
  }

  async #read(): Promise<void> {
    const detail = this.#detail();
    if (detail === undefined) return;
    try {
      const counts: [string, ConnectionCount][] = [];
      for (const proxier of this.#options.proxiers()) {
        const found = (await proxier.connectionCounts?.(detail)) ?? [];
        for (const count of found) counts.push([proxier.family, count]);
      }
      this.#update(counts);
      this.#isBroken = false;
    } catch (err) {
      if (!this.#isBroken) this.#options.logger.warn('connections could not be counted', { err });
      this.#isBroken = true;
    }
  }

  /** Adds what has come since the last reading; series of what is gone disappear. */
  #update(counts: readonly [string, ConnectionCount][]): void {
    const before = this.#known;
    const known = new Map<string, Known>();
    const services = new Map<string, Labels>();
    for (const [family, count] of counts) {
      const { connections, endpoint, unremembered = 0 } = count;
      const labels = labelsOf(family, count);
      const ofService = labelsOf(family, { ...count, endpoint: undefined });
      const key = keyOf(labels);
      const last = before.get(key);
      known.set(key, { connections, unremembered, labels });
      services.set(keyOf(ofService), ofService);
      const by = growth(last?.connections, connections);
      if (by === 0) continue;
      this.#countUnremembered(ofService, growth(last?.unremembered, unremembered));
      this.#perService.inc(ofService, by);
      if (endpoint !== undefined) this.#perEndpoint.inc(labels, by);
    }
    for (const [key, { labels }] of before) {
      if (!known.has(key) && labels['endpoint'] !== undefined) this.#perEndpoint.remove(labels);
    }
    for (const [key, labels] of this.#services) {
      if (services.has(key)) continue;
      this.#perService.remove(labels);
      this.#unremembered.remove(labels);
    }
    this.#known = known;
    this.#services = services;
  }

  #countUnremembered(service: Labels, by: number): void {
    if (by === 0) return;
    this.#unremembered.inc(service, by);
    this.#options.logger.warn('no room to remember more clients: some will not keep their endpoint', {
      ...service,
      connections: by,
    });
  }
}

/** A smaller number means that counting has started over. */
function growth(last = 0, now: number): number {
  return now >= last ? now - last : now;
}

const keyOf = (labels: Labels) => Object.values(labels).join(' ');

function labelsOf(family: string, { service, portName, protocol, endpoint }: ConnectionCount): Labels {
  const [namespace, name] = service.split('/') as [string, string];
  const labels = { ip_family: family, namespace, service: name, port_name: portName, protocol };
  if (endpoint === undefined) return labels;
  const { ip, port } = endpoint;
  return { ...labels, endpoint: ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}` };
}

/** Counts connections of a proxy's families; the bounds are looked at when metrics are scraped. */
export function countConnections({
  families,
  ...options
}: Pick<ConnectionMetricsOptions, 'metrics' | 'clock' | 'logger' | 'counting'> & {
  families: readonly { proxier: Proxier; proxy: { state: DesiredState } }[];
}): void {
  const sum = (of: (state: DesiredState) => number) =>
    families.reduce((total, { proxy }) => total + of(proxy.state), 0);
  new ConnectionMetrics({
    ...options,
    proxiers: () => families.map(({ proxier }) => proxier),
    services: () => sum((state) => state.size),
    endpoints: () => sum(countEndpoints),
  });
}

function countEndpoints(state: DesiredState): number {
  let count = 0;
  for (const { ports } of state.values()) {
    for (const { cluster, local } of ports) count += Math.max(cluster.length, local.length);
  }
  return count;
}
