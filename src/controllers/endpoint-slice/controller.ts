import { type core, type discovery, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { belongsInEndpoints, hasDerivedEndpoints, podChange } from '../common/endpoint-pods.js';
import { matchesLabels, SelectorIndex } from '../common/label-index.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { getOrMake } from '../common/maps.js';
import { RecentWrites } from '../common/recent-writes.js';
import { TriggerTimes } from '../common/trigger-time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { type AddressType, addressTypesOf } from './endpoint.js';
import { CONTROLLER_NAME, MANAGED_BY, SERVICE_NAME } from './labels.js';
import { SliceMetrics } from './metrics.js';
import { type FamilyPlan, pairCreatesWithDeletes, planFamily } from './plan.js';
import { removeHints, TopologyCache, type TopologyEvent, topologyHintsEnabled } from './topology.js';
import { distributeTraffic } from './traffic-distribution.js';
import { SliceWriter } from './writer.js';

type Slice = discovery.EndpointSlice;

export interface EndpointSliceOptions {
  /** Services synced at a time (upstream's --concurrent-service-endpoint-syncs). */
  concurrentSyncs?: number;
  /** Upstream's --max-endpoints-per-slice, 1 to 1000. */
  maxEndpointsPerSlice?: number;
  /** Pod changes wait so long for others to share their write (upstream's --endpointslice-updates-batch-period). */
  updatesBatchPeriodMs?: number;
}

const SERVICE_INDEX = 'endpoint-slice/service';

/**
 * Keeps the EndpointSlices of every Service with a selector (upstream's endpointslice-controller). Differs from
 * upstream in speed only: no batching delay, no client throttle, own writes count before the watch returns them.
 */
export function createEndpointSliceController(
  options: EndpointSliceOptions,
  deps: ControllerDeps,
): Startable {
  const caches = {
    services: trimmedInformer(deps.informers, Resources.services),
    pods: trimmedInformer(deps.informers, Resources.pods),
    nodes: trimmedInformer(deps.informers, Resources.nodes),
    slices: trimmedInformer(deps.informers, Resources.endpointSlices),
  };
  caches.slices.addIndex(SERVICE_INDEX, (slice) => {
    const service = serviceKeyOf(slice);
    return service === undefined ? [] : [service];
  });
  const recorder = deps.recorder('endpoint-slice-controller');
  return createLoop(deps, 'endpoint_slice', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  services: Informer<core.Service>;
  pods: Informer<core.Pod>;
  nodes: Informer<core.Node>;
  slices: Informer<Slice>;
}

/** Key of the Service that this controller keeps the slice for. */
function serviceKeyOf(slice: Slice): string | undefined {
  const labels = slice.metadata.labels ?? {};
  const name = labels[SERVICE_NAME];
  if (labels[MANAGED_BY] !== CONTROLLER_NAME || !name) return undefined;
  return `${slice.metadata.namespace}/${name}`;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #maxEndpoints: number;
  readonly #batchMs: number;
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #selectors = new SelectorIndex();
  readonly #topology = new TopologyCache();
  readonly #triggers = new TriggerTimes();
  readonly #recent: RecentWrites<Slice>;
  readonly #metrics: SliceMetrics;
  readonly #writer: SliceWriter;
  /** Services that left Pods out because their Node is not known, by node name. */
  readonly #awaitingNode = new Map<string, Set<string>>();
  #queue: WorkQueue | undefined;

  constructor(options: EndpointSliceOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#maxEndpoints = options.maxEndpointsPerSlice ?? 100;
    this.#batchMs = options.updatesBatchPeriodMs ?? 0;
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    this.#recent = new RecentWrites(caches.slices);
    this.#metrics = new SliceMetrics(deps.metrics);
    this.#writer = new SliceWriter(
      deps.client.resource(Resources.endpointSlices),
      this.#recent,
      this.#metrics,
    );
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const { services, pods, nodes, slices } = this.#caches;
    return [
      nodes.on(this.#nodeHandlers(queue)),
      services.on({
        add: (service) => this.#serviceChanged(service, queue),
        update: (service) => this.#serviceChanged(service, queue),
        delete: (service) => {
          this.#selectors.delete(objectKey(service));
          queue.add(objectKey(service));
        },
      }),
      pods.on({
        add: (pod) => this.#enqueueMatching(pod, queue),
        update: (pod, old) => {
          const change = podChange(pod, old);
          if (change !== 'none') this.#enqueueMatching(pod, queue);
          if (change === 'membership') this.#enqueueMatching(old, queue);
        },
        delete: (pod) => this.#enqueueMatching(pod, queue),
      }),
      slices.on({
        add: (slice) => this.#sliceChanged(slice, queue),
        update: (slice, old) => {
          this.#sliceChanged(slice, queue);
          if (serviceKeyOf(old) !== serviceKeyOf(slice)) this.#sliceChanged(old, queue);
        },
        delete: (slice) => {
          const service = serviceKeyOf(slice);
          if (service !== undefined && this.#recent.isNews(service, slice, true)) queue.add(service);
        },
      }),
    ];
  }

  #serviceChanged(service: core.Service, queue: WorkQueue): void {
    const key = objectKey(service);
    const selector = hasDerivedEndpoints(service) ? service.spec!.selector : undefined;
    this.#selectors.set(key, service.metadata.namespace!, selector);
    queue.add(key);
  }

  #enqueueMatching(pod: core.Pod, queue: WorkQueue): void {
    const keys = this.#selectors.matching(pod.metadata.namespace!, pod.metadata.labels);
    for (const key of keys) queue.addAfter(key, this.#batchMs);
  }

  #sliceChanged(slice: Slice, queue: WorkQueue): void {
    const service = serviceKeyOf(slice);
    if (service !== undefined && this.#recent.isNews(service, slice)) queue.add(service);
  }

  #nodeHandlers(queue: WorkQueue) {
    const changed = (node: core.Node) => {
      this.#topology.setNodes(this.#caches.nodes.list());
      for (const key of this.#topology.overloadedServices()) queue.add(key);
      const waiting = this.#awaitingNode.get(node.metadata.name!);
      this.#awaitingNode.delete(node.metadata.name!);
      for (const key of waiting ?? []) queue.add(key);
    };
    return {
      add: changed,
      delete: changed,
      update: (node: core.Node, old: core.Node) => {
        if (topologyInputs(node) !== topologyInputs(old)) changed(node);
      },
    };
  }

  async sync(key: string): Promise<void> {
    const service = this.#caches.services.get(key);
    if (service === undefined) return this.#forget(key);
    if (!hasDerivedEndpoints(service)) return;
    this.#recent.begin(key);
    try {
      await this.#reconcile(key, service);
      this.#metrics.synced('success');
    } catch (error) {
      this.#metrics.synced('error');
      throw error;
    } finally {
      if (this.#recent.end(key)) this.#queue?.add(key);
    }
  }

  #forget(key: string): void {
    this.#triggers.forget(key);
    this.#recent.forget(key);
    this.#topology.forget(key);
    this.#metrics.forget(key);
  }

  async #reconcile(key: string, service: core.Service): Promise<void> {
    const selector = service.spec!.selector!;
    const matching = this.#deps.podLabels
      .candidates(service.metadata.namespace!, selector)
      .filter((pod) => matchesLabels(selector, pod.metadata.labels));
    const triggerTime = this.#triggers.next(service, matching);
    const pods = matching.filter((pod) => belongsInEndpoints(pod, true));
    const slices = this.#recent
      .merge(key, this.#caches.slices.byIndex(SERVICE_INDEX, key))
      .filter((slice) => slice.metadata.deletionTimestamp === undefined);
    const types = addressTypesOf(service);
    const plans = types.map((type) => this.#planFamily(key, service, pods, slices, type));
    const unsupported = slices.filter((slice) => !types.includes(slice.addressType as AddressType));
    const paired = plans.map((plan) => pairCreatesWithDeletes(service, plan));
    this.#account(key, service, plans, paired, unsupported.length);
    this.#retryWhenNodesAppear(key, plans);
    for (const plan of paired) await this.#writer.write(key, service, plan, triggerTime);
    const obsolete = { create: [], update: [], remove: unsupported, unchanged: [], added: 0, removed: 0 };
    await this.#writer.write(key, service, obsolete, triggerTime);
  }

  #planFamily(
    key: string,
    service: core.Service,
    pods: core.Pod[],
    slices: Slice[],
    addressType: AddressType,
  ): FamilyPlan {
    const plan = planFamily({
      service,
      pods,
      nodeOf: (name) => this.#caches.nodes.get(name),
      existing: slices.filter((slice) => slice.addressType === addressType),
      addressType,
      maxEndpoints: this.#maxEndpoints,
    });
    return { ...plan, ...this.#hint(key, service, plan, addressType) };
  }

  /** The topology annotation wins over trafficDistribution while it exists. */
  #hint(key: string, service: core.Service, plan: FamilyPlan, addressType: AddressType) {
    if (topologyHintsEnabled(service)) {
      const { plan: hinted, event } = this.#topology.addHints(key, addressType, plan);
      if (event !== undefined) this.#report(service, event);
      return hinted;
    }
    if (this.#topology.hasHints(key)) {
      const message = `Topology Aware Hints has been disabled, addressType: ${addressType}`;
      this.#report(service, { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message });
      this.#topology.removeHints(key, addressType);
    }
    const distribution = service.spec?.trafficDistribution;
    return distribution === undefined ? removeHints(plan) : distributeTraffic(distribution, plan);
  }

  #report(service: core.Service, event: TopologyEvent): void {
    this.#recorder.event(service, event.type, event.reason, event.message);
  }

  #account(key: string, service: core.Service, plans: FamilyPlan[], paired: FamilyWrites[], extra: number) {
    const writes = paired.reduce((n, p) => n + p.create.length + p.update.length + p.remove.length, extra);
    const topology = topologyHintsEnabled(service);
    this.#metrics.service(key, plans, writes, service.spec?.trafficDistribution ?? '', topology);
  }

  /** Pods without a Node stay out; the sync runs again when the Node is seen. */
  #retryWhenNodesAppear(key: string, plans: FamilyPlan[]): void {
    for (const { node } of plans.flatMap((plan) => plan.skipped)) {
      const waiting = getOrMake(this.#awaitingNode, node, () => new Set());
      waiting.add(key);
    }
  }
}

type FamilyWrites = Pick<FamilyPlan, 'create' | 'update' | 'remove'>;

/** What hints and zones are made of; heartbeats change none of it. */
function topologyInputs(node: core.Node): string {
  const ready = node.status?.conditions?.find((c) => c.type === 'Ready')?.status;
  const labels = node.metadata.labels ?? {};
  return JSON.stringify([
    ready,
    node.status?.allocatable?.['cpu'],
    labels['topology.kubernetes.io/zone'],
    'node-role.kubernetes.io/control-plane' in labels,
    'node-role.kubernetes.io/master' in labels,
  ]);
}
