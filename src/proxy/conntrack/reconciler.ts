import type { Clock, Logger } from '#base';
import { type Conntrack, createConntrack, type Flow, type Programs } from '#host';
import type { ProxyMetrics } from '../metrics.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import type { Computed } from '../state/desired-state.js';
import {
  affectedDestinations,
  allDestinations,
  conntrackFamily,
  staleFlows,
  type UdpDestination,
} from './stale-flows.js';

/** Up to this many destinations are listed one by one; above, one listing of all flows is cheaper. */
const SEPARATE_LISTINGS = 6;

export interface ReconcilerOptions {
  family: Family;
  programs: Programs;
  clock: Clock;
  logger: Logger;
  metrics: ProxyMetrics;
  localAddresses: () => ReadonlySet<string>;
}

/**
 * Deletes UDP flows that point to endpoints which no longer serve. UDP clients that keep one socket would stay
 * with a dead endpoint for as long as they keep sending. Runs after rules are in the kernel, or new packets would
 * recreate the flow by the old rules. Failures are logged, never thrown: rules are correct without it.
 */
export class ConntrackReconciler {
  readonly #options: ReconcilerOptions;
  readonly #conntrack: Conntrack;
  #isBroken = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#conntrack = createConntrack(options.programs);
  }

  async reconcile(computed: readonly Computed[]): Promise<void> {
    await this.#run(affectedDestinations(computed));
  }

  /** `computed` adds the destinations that vanished. */
  async reconcileAll(services: Iterable<DesiredService>, computed: readonly Computed[]): Promise<void> {
    const gone = affectedDestinations(computed).filter(({ answerers }) => answerers === undefined);
    await this.#run([...allDestinations(services), ...gone]);
  }

  async #run(destinations: UdpDestination[]): Promise<void> {
    if (destinations.length === 0) return;
    const { family, clock, logger, metrics, localAddresses } = this.#options;
    const labels = { ip_family: family };
    const started = clock.now();
    try {
      const flows = await this.#list(destinations);
      const local = localAddresses();
      const stale = staleFlows(flows, destinations, (address) => local.has(address));
      if (stale.length > 0) await this.#conntrack.remove(conntrackFamily(family), stale);
      metrics.conntrackDeleted.inc(labels, stale.length);
      metrics.conntrackDuration.observe((clock.now() - started) / 1000, labels);
      this.#isBroken = false;
    } catch (err) {
      if (!this.#isBroken) logger.warn('UDP flows could not be cleaned up', { err, family });
      this.#isBroken = true;
    }
  }

  async #list(destinations: UdpDestination[]): Promise<Flow[]> {
    const family = conntrackFamily(this.#options.family);
    if (destinations.length > SEPARATE_LISTINGS) return this.#conntrack.list(family, 'udp');
    const flows: Flow[] = [];
    for (const { address, port } of destinations) {
      const filter =
        address === undefined ? { destinationPort: port } : { destination: address, destinationPort: port };
      flows.push(...(await this.#conntrack.list(family, 'udp', filter)));
    }
    return flows;
  }
}
