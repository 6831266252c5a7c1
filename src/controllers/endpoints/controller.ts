import { type core, isConflict, isNotFound, objectKey, splitKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { belongsInEndpoints, hasDerivedEndpoints, isHeadless, podChange } from '../common/endpoint-pods.js';
import { semanticEqual } from '../common/equal.js';
import { ignoreNotFound, isNamespaceTerminating } from '../common/errors.js';
import { matchesLabels, SelectorIndex } from '../common/label-index.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { RecentWrites } from '../common/recent-writes.js';
import { LAST_CHANGE_TRIGGER_TIME, TriggerTimes } from '../common/trigger-time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { endpointSubsets, truncateSubsets } from './subsets.js';

export interface EndpointsOptions {
  /** Services synced at a time (upstream's --concurrent-endpoint-syncs). */
  concurrentSyncs?: number;
  /** Pod changes wait so long for others to share their write (upstream's --endpoint-updates-batch-period). */
  updatesBatchPeriodMs?: number;
}

const HEADLESS = 'service.kubernetes.io/headless';
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';

/** Keeps the Endpoints of every Service with a selector (upstream's endpoints-controller). */
export function createEndpointsController(options: EndpointsOptions, deps: ControllerDeps): Startable {
  const caches = {
    services: trimmedInformer(deps.informers, Resources.services),
    pods: trimmedInformer(deps.informers, Resources.pods),
    endpoints: trimmedInformer(deps.informers, Resources.endpoints),
  };
  const recorder = deps.recorder('endpoint-controller');
  return createLoop(deps, 'endpoint', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  services: Informer<core.Service>;
  pods: Informer<core.Pod>;
  endpoints: Informer<core.Endpoints>;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #batchMs: number;
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #selectors = new SelectorIndex();
  readonly #triggers = new TriggerTimes();
  readonly #recent: RecentWrites<core.Endpoints>;
  #queue: WorkQueue | undefined;

  constructor(options: EndpointsOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#batchMs = options.updatesBatchPeriodMs ?? 0;
    this.caches = Object.values(caches);
    this.#deps = deps;
    this.#caches = caches;
    this.#recorder = recorder;
    this.#recent = new RecentWrites(caches.endpoints);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const matching = (pod: core.Pod) => {
      for (const key of this.#selectors.matching(pod.metadata.namespace!, pod.metadata.labels))
        queue.addAfter(key, this.#batchMs);
    };
    return [
      this.#caches.services.on({
        add: (service) => this.#serviceChanged(service, queue),
        update: (service) => this.#serviceChanged(service, queue),
        delete: (service) => {
          this.#selectors.delete(objectKey(service));
          queue.add(objectKey(service));
        },
      }),
      this.#caches.pods.on({
        add: matching,
        delete: matching,
        update: (pod, old) => {
          const change = podChange(pod, old);
          if (change !== 'none') matching(pod);
          if (change === 'membership') matching(old);
        },
      }),
      this.#watchEndpoints(queue),
    ];
  }

  /**
   * Every Endpoints is looked at once at the start: its Service may have gone while nobody watched. Later, one
   * without a Service is its writer's own affair and stays (checkLeftoverEndpoints and onEndpointsDelete of
   * upstream's endpoints_controller.go; the conformance test of the Endpoints lifecycle has no Service).
   */
  #watchEndpoints(queue: WorkQueue): () => void {
    let starting = true;
    const changed = (endpoints: core.Endpoints, gone: boolean) => {
      if (LEADER_ANNOTATION in (endpoints.metadata.annotations ?? {})) return;
      const key = objectKey(endpoints);
      const news = this.#recent.isNews(key, endpoints, gone);
      if (news && (starting || this.#caches.services.get(key) !== undefined)) queue.add(key);
    };
    const unsubscribe = this.#caches.endpoints.on({
      add: (endpoints) => changed(endpoints, false),
      update: (endpoints) => changed(endpoints, false),
      delete: (endpoints) => changed(endpoints, true),
    });
    starting = false;
    return unsubscribe;
  }

  #serviceChanged(service: core.Service, queue: WorkQueue): void {
    const selector = hasDerivedEndpoints(service) ? service.spec!.selector : undefined;
    this.#selectors.set(objectKey(service), service.metadata.namespace!, selector);
    queue.add(objectKey(service));
  }

  async sync(key: string): Promise<void> {
    const service = this.#caches.services.get(key);
    if (service === undefined) return this.#removeLeftover(key);
    if (!hasDerivedEndpoints(service)) return;
    const selector = service.spec!.selector!;
    const pods = this.#deps.podLabels
      .candidates(service.metadata.namespace!, selector)
      .filter((pod) => matchesLabels(selector, pod.metadata.labels));
    const triggerTime = this.#triggers.next(service, pods);
    const includeTerminating = service.spec?.publishNotReadyAddresses === true;
    const members = pods.filter((pod) => belongsInEndpoints(pod, includeTerminating));
    const cached = this.#caches.endpoints.get(key);
    const current = this.#recent.merge(key, cached === undefined ? [] : [cached])[0];
    const wanted = desiredEndpoints(service, members, current, triggerTime);
    if (current !== undefined && sameEndpoints(current, wanted)) return;
    this.#recent.begin(key);
    try {
      await this.#write(key, wanted);
    } finally {
      if (this.#recent.end(key)) this.#queue?.add(key);
    }
  }

  async #removeLeftover(key: string): Promise<void> {
    this.#triggers.forget(key);
    this.#recent.forget(key);
    if (this.#caches.endpoints.get(key) === undefined) return;
    const { namespace, name } = splitKey(key);
    await ignoreNotFound(this.#deps.client.resource(Resources.endpoints).delete(name, namespace));
  }

  async #write(key: string, endpoints: core.Endpoints): Promise<void> {
    const client = this.#deps.client.resource(Resources.endpoints);
    const creating = endpoints.metadata.resourceVersion === undefined;
    try {
      this.#recent.wrote(key, creating ? await client.create(endpoints) : await client.update(endpoints));
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) this.#recent.forget(key);
      if (isNamespaceTerminating(error)) return;
      const verb = creating ? 'create' : 'update';
      const reason = creating ? 'FailedToCreateEndpoint' : 'FailedToUpdateEndpoint';
      this.#recorder.event(
        endpoints,
        'Warning',
        reason,
        `Failed to ${verb} endpoint ${key}: ${messageOf(error)}`,
      );
      throw error;
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The object as it should be, on top of the stored one. */
export function desiredEndpoints(
  service: core.Service,
  pods: core.Pod[],
  current: core.Endpoints | undefined,
  triggerTime: string | undefined,
): core.Endpoints {
  const { subsets, truncated } = truncateSubsets(endpointSubsets(service, pods));
  const {
    [LAST_CHANGE_TRIGGER_TIME]: _time,
    [OVER_CAPACITY]: _over,
    ...annotations
  } = current?.metadata.annotations ?? {};
  const { [HEADLESS]: _headless, ...labels } = service.metadata.labels ?? {};
  const { name, namespace } = service.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...(current?.metadata ?? { name, namespace }),
      labels: {
        ...labels,
        [MANAGED_BY]: 'endpoint-controller',
        ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
      },
      annotations: {
        ...annotations,
        ...(triggerTime === undefined ? {} : { [LAST_CHANGE_TRIGGER_TIME]: triggerTime }),
        ...(truncated ? { [OVER_CAPACITY]: 'truncated' } : {}),
      },
    },
    subsets,
  };
}

/** Equal in all but the trigger time, which alone is no reason to write. */
function sameEndpoints(a: core.Endpoints, b: core.Endpoints): boolean {
  return (
    semanticEqual(a.subsets, b.subsets) &&
    semanticEqual(a.metadata.labels, b.metadata.labels) &&
    a.metadata.annotations?.[OVER_CAPACITY] === b.metadata.annotations?.[OVER_CAPACITY]
  );
}
