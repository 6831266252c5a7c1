import type { Metrics } from '#base';
import type { FamilyPlan } from './plan.js';

interface ServiceSizes {
  endpoints: number;
  slices: number;
  desiredSlices: number;
  trafficDistribution: string;
}

/** Upstream's `endpoint_slice_controller_*` metrics (endpointslice/metrics). */
export class SliceMetrics {
  readonly #services = new Map<string, ServiceSizes>();
  readonly #total = { endpoints: 0, slices: 0, desiredSlices: 0 };
  readonly #distribution = new Map<string, number>();
  readonly #instruments: ReturnType<typeof instruments>;

  constructor(metrics: Metrics) {
    this.#instruments = instruments(metrics);
  }

  synced(result: 'success' | 'stale' | 'error'): void {
    this.#instruments.syncs.inc({ result });
  }

  wrote(operation: 'create' | 'update' | 'delete'): void {
    this.#instruments.changes.inc({ operation });
  }

  /** Accounts for one sync of a Service; `plans` has one entry per family. */
  service(
    key: string,
    plans: FamilyPlan[],
    writes: number,
    trafficDistribution: string,
    topology: boolean,
  ): void {
    const sum = (of: (plan: FamilyPlan) => number) => plans.reduce((total, plan) => total + of(plan), 0);
    this.#instruments.added.observe(sum((p) => p.added));
    this.#instruments.removed.observe(sum((p) => p.removed));
    this.#instruments.changed.observe(writes, {
      topology: topology ? 'Auto' : 'Disabled',
      traffic_distribution: trafficDistribution,
    });
    this.#set(key, {
      endpoints: sum((p) => p.desiredEndpoints),
      slices: sum((p) => p.create.length + p.update.length + p.unchanged.length),
      desiredSlices: sum((p) => p.desiredSlices),
      trafficDistribution,
    });
  }

  forget(key: string): void {
    this.#set(key, undefined);
  }

  #set(key: string, sizes: ServiceSizes | undefined): void {
    const old = this.#services.get(key);
    if (sizes === undefined) this.#services.delete(key);
    else this.#services.set(key, sizes);
    for (const name of ['endpoints', 'slices', 'desiredSlices'] as const)
      this.#total[name] += (sizes?.[name] ?? 0) - (old?.[name] ?? 0);
    this.#instruments.endpoints.set(this.#total.endpoints);
    this.#instruments.slices.set(this.#total.slices);
    this.#instruments.desiredSlices.set(this.#total.desiredSlices);
    if (old?.trafficDistribution === sizes?.trafficDistribution) return;
    this.#count(old?.trafficDistribution, -1);
    this.#count(sizes?.trafficDistribution, 1);
  }

  #count(trafficDistribution: string | undefined, by: number): void {
    if (trafficDistribution === undefined || trafficDistribution === '') return;
    const count = (this.#distribution.get(trafficDistribution) ?? 0) + by;
    this.#distribution.set(trafficDistribution, count);
    this.#instruments.byDistribution.set(count, { traffic_distribution: trafficDistribution });
  }
}

function instruments(metrics: Metrics) {
  const name = (suffix: string) => `endpoint_slice_controller_${suffix}`;
  const perSync = Array.from({ length: 15 }, (_, i) => 2 ** (i + 1));
  return {
    added: metrics.histogram(
      name('endpoints_added_per_sync'),
      'Number of endpoints added on each Service sync',
      [],
      perSync,
    ),
    removed: metrics.histogram(
      name('endpoints_removed_per_sync'),
      'Number of endpoints removed on each Service sync',
      [],
      perSync,
    ),
    changed: metrics.histogram(
      name('endpointslices_changed_per_sync'),
      'Number of EndpointSlices changed on each Service sync',
      ['topology', 'traffic_distribution'],
    ),
    endpoints: metrics.gauge(name('endpoints_desired'), 'Number of endpoints desired'),
    slices: metrics.gauge(name('num_endpoint_slices'), 'Number of EndpointSlices'),
    desiredSlices: metrics.gauge(
      name('desired_endpoint_slices'),
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: metrics.counter(name('changes'), 'Number of EndpointSlice changes', ['operation']),
    syncs: metrics.counter(name('syncs'), 'Number of EndpointSlice syncs', ['result']),
    byDistribution: metrics.gauge(
      name('services_count_by_traffic_distribution'),
      'Number of Services using some specific trafficDistribution',
      ['traffic_distribution'],
    ),
  };
}
