import { type core, type discovery, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { ignoreNotFound } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { RecentWrites } from '../common/recent-writes.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { MANAGED_BY, SERVICE_NAME } from '../endpoint-slice/labels.js';
import { SliceWriter } from '../endpoint-slice/writer.js';
import { MirrorMetrics } from './metrics.js';
import { MIRRORING_NAME, planMirror } from './plan.js';

export interface MirroringOptions {
  /** Services synced at a time (upstream's --mirroring-concurrent-service-endpoint-syncs). */
  concurrentSyncs?: number;
  /** Upstream's --mirroring-max-endpoints-per-subset. */
  maxEndpointsPerSubset?: number;
  /** Upstream's --mirroring-endpointslice-updates-batch-period. */
  updatesBatchPeriodMs?: number;
}

const SERVICE_INDEX = 'endpoint-slice-mirroring/service';

/** Copies user-written Endpoints of Services without selector into slices (endpointslice-mirroring-controller). */
export function createEndpointSliceMirroringController(
  options: MirroringOptions,
  deps: ControllerDeps,
): Startable {
  const caches = {
    services: trimmedInformer(deps.informers, Resources.services),
    endpoints: trimmedInformer(deps.informers, Resources.endpoints),
    slices: trimmedInformer(deps.informers, Resources.endpointSlices),
  };
  caches.slices.addIndex(SERVICE_INDEX, (slice) => {
    const key = keyOf(slice);
    return key === undefined ? [] : [key];
  });
  const recorder = deps.recorder('endpoint-slice-mirroring-controller');
  return createLoop(deps, 'endpoint_slice_mirroring', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  services: Informer<core.Service>;
  endpoints: Informer<core.Endpoints>;
  slices: Informer<discovery.EndpointSlice>;
}

/** Key of the Endpoints that a mirrored slice copies. */
function keyOf(slice: discovery.EndpointSlice): string | undefined {
  const labels = slice.metadata.labels ?? {};
  if (labels[MANAGED_BY] !== MIRRORING_NAME || !labels[SERVICE_NAME]) return undefined;
  return `${slice.metadata.namespace}/${labels[SERVICE_NAME]}`;
}

/** Endpoints that ask not to be copied, or that are nothing but a lock. */
export function isMirrored(endpoints: core.Endpoints): boolean {
  return (
    endpoints.metadata.labels?.['endpointslice.kubernetes.io/skip-mirror'] !== 'true' &&
    !('control-plane.alpha.kubernetes.io/leader' in (endpoints.metadata.annotations ?? {}))
  );
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #max: number;
  readonly #batchMs: number;
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #recent: RecentWrites<discovery.EndpointSlice>;
  readonly #writer: SliceWriter;
  readonly #metrics: MirrorMetrics;

  constructor(options: MirroringOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#max = options.maxEndpointsPerSubset ?? 1000;
    this.#batchMs = options.updatesBatchPeriodMs ?? 0;
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    this.#recent = new RecentWrites(caches.slices);
    this.#metrics = new MirrorMetrics(deps.metrics);
    this.#writer = new SliceWriter(
      deps.client.resource(Resources.endpointSlices),
      this.#recent,
      this.#metrics,
    );
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    const enqueue = (service: core.Service) => queue.add(objectKey(service));
    const later = (endpoints: core.Endpoints) => queue.addAfter(objectKey(endpoints), this.#batchMs);
    const sliceChanged = (slice: discovery.EndpointSlice) => {
      const key = keyOf(slice);
      if (key !== undefined && !this.#recent.isOwn(key, slice)) queue.add(key);
    };
    return [
      this.#caches.endpoints.on({ add: later, update: later, delete: later }),
      this.#caches.services.on({
        add: enqueue,
        update: (service, old) => {
          if (hasSelector(service) !== hasSelector(old)) enqueue(service);
        },
        delete: enqueue,
      }),
      this.#caches.slices.on({ add: sliceChanged, update: sliceChanged, delete: sliceChanged }),
    ];
  }

  async sync(key: string): Promise<void> {
    const endpoints = this.#caches.endpoints.get(key);
    const service = this.#caches.services.get(key);
    const slices = this.#recent
      .merge(key, this.#caches.slices.byIndex(SERVICE_INDEX, key))
      .filter((slice) => slice.metadata.deletionTimestamp === undefined);
    const wanted =
      endpoints !== undefined && service !== undefined && !hasSelector(service) && isMirrored(endpoints);
    if (!wanted) return this.#removeAll(key, slices);
    const begun = this.#deps.clock.now();
    const plan = planMirror(endpoints, slices, this.#max);
    if (plan.invalid > 0) {
      const message = `Skipped ${plan.invalid} invalid IP addresses when mirroring to EndpointSlices`;
      this.#recorder.event(endpoints, 'Warning', 'InvalidIPAddress', message);
    }
    if (plan.skipped > 0) {
      const message = `A max of ${this.#max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`;
      this.#recorder.event(endpoints, 'Warning', 'TooManyAddressesToMirror', message);
    }
    await this.#writer.write(key, endpoints, plan, undefined);
    this.#metrics.synced(key, plan, (this.#deps.clock.now() - begun) / 1000);
  }

  async #removeAll(key: string, slices: discovery.EndpointSlice[]): Promise<void> {
    this.#metrics.forget(key);
    const client = this.#deps.client.resource(Resources.endpointSlices);
    for (const slice of slices) {
      const { name, namespace, uid } = slice.metadata;
      await ignoreNotFound(client.delete(name!, namespace, { preconditions: { uid: uid! } }));
      this.#recent.deleted(key, slice);
    }
    if (slices.length === 0) this.#recent.forget(key);
  }
}

function hasSelector(service: core.Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0;
}
