import type { Metrics } from '#base';
import type { MirrorPlan } from './plan.js';

interface Sizes {
  endpoints: number;
  slices: number;
}

/** Upstream's `endpoint_slice_mirroring_controller_*` metrics (endpointslicemirroring/metrics). */
export class MirrorMetrics {
  readonly #sizes = new Map<string, Sizes>();
  readonly #total: Sizes = { endpoints: 0, slices: 0 };
  readonly #instruments: ReturnType<typeof instruments>;

  constructor(metrics: Metrics) {
    this.#instruments = instruments(metrics);
  }

  wrote(operation: 'create' | 'update' | 'delete'): void {
    this.#instruments.changes.inc({ operation });
  }

  synced(key: string, plan: MirrorPlan, seconds: number): void {
    this.#instruments.added.observe(plan.added);
    this.#instruments.updated.observe(plan.updated);
    this.#instruments.removed.observe(plan.removed);
    this.#instruments.skipped.observe(plan.skipped + plan.invalid);
    this.#instruments.duration.observe(seconds);
    const slices = [...plan.create, ...plan.update, ...plan.unchanged];
    const endpoints = slices.reduce((sum, slice) => sum + (slice.endpoints ?? []).length, 0);
    this.#set(key, { endpoints, slices: slices.length });
  }

  forget(key: string): void {
    this.#set(key, undefined);
  }

  #set(key: string, sizes: Sizes | undefined): void {
    const old = this.#sizes.get(key);
    if (sizes === undefined) this.#sizes.delete(key);
    else this.#sizes.set(key, sizes);
    for (const name of ['endpoints', 'slices'] as const)
      this.#total[name] += (sizes?.[name] ?? 0) - (old?.[name] ?? 0);
    this.#instruments.desiredEndpoints.set(this.#total.endpoints);
    this.#instruments.slices.set(this.#total.slices);
    // One slice per subset and family is what a perfect packing has as well.
    this.#instruments.desiredSlices.set(this.#total.slices);
  }
}

function instruments(metrics: Metrics) {
  const name = (suffix: string) => `endpoint_slice_mirroring_controller_${suffix}`;
  const perSync = Array.from({ length: 15 }, (_, i) => 2 ** (i + 1));
  const seconds = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
  const histogram = (suffix: string, help: string) => metrics.histogram(name(suffix), help, [], perSync);
  return {
    added: histogram('endpoints_added_per_sync', 'Number of endpoints added on each Endpoints sync'),
    updated: histogram('endpoints_updated_per_sync', 'Number of endpoints updated on each Endpoints sync'),
    removed: histogram('endpoints_removed_per_sync', 'Number of endpoints removed on each Endpoints sync'),
    skipped: histogram(
      'addresses_skipped_per_sync',
      'Number of addresses skipped on each Endpoints sync due to being invalid or exceeding MaxEndpointsPerSubset',
    ),
    duration: metrics.histogram(
      name('endpoints_sync_duration'),
      'Duration of syncEndpoints() in seconds',
      [],
      seconds,
    ),
    desiredEndpoints: metrics.gauge(name('endpoints_desired'), 'Number of endpoints desired'),
    slices: metrics.gauge(name('num_endpoint_slices'), 'Number of EndpointSlices'),
    desiredSlices: metrics.gauge(
      name('desired_endpoint_slices'),
      'Number of EndpointSlices that would exist with perfect endpoint allocation',
    ),
    changes: metrics.counter(name('changes'), 'Number of EndpointSlice changes', ['operation']),
  };
}
