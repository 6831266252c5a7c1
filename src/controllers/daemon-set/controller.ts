import { type apps, compileSelector, type core, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { claimObjects } from '../common/claim.js';
import { BY_CONTROLLER, byController, orphansOf } from '../common/controller-index.js';
import { currentRevision, expiredRevisions, HashCollision } from '../common/controller-revisions.js';
import { semanticEqual } from '../common/equal.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { matchesNodeSelection } from '../common/node-selection.js';
import { controllerOf, controllerReference } from '../common/owners.js';
import { PodControl } from '../common/pod-control.js';
import { podHandlers } from '../common/pod-events.js';
import { availableIn } from '../common/pods.js';
import { RecentWrites } from '../common/recent-writes.js';
import { isEmptySelector } from '../common/selector.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { FailedPodsBackoff } from './failed-pods.js';
import { daemonFits, daemonTemplate, nodeOf, pinToNode } from './nodes.js';
import {
  type DaemonPlan,
  daemonStatus,
  type PlanInput,
  planPlacement,
  planRollingUpdate,
  REVISION_HASH,
} from './plan.js';

export interface DaemonSetOptions {
  /** DaemonSets synced at a time (upstream's --concurrent-daemonset-syncs). */
  concurrentSyncs?: number;
}

/** One Pod per fitting node (upstream's daemonset-controller); the scheduler places what is pinned here. */
export function createDaemonSetController(options: DaemonSetOptions, deps: ControllerDeps): Startable {
  const caches = {
    daemonSets: trimmedInformer(deps.informers, Resources.daemonSets),
    revisions: trimmedInformer(deps.informers, Resources.controllerRevisions),
    pods: trimmedInformer(deps.informers, Resources.pods),
    nodes: trimmedInformer(deps.informers, Resources.nodes),
  };
  caches.pods.addIndex(BY_CONTROLLER, byController);
  caches.revisions.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder('daemonset-controller');
  return createLoop(deps, 'daemonset', () => new Run(options, deps, caches, recorder));
}

const REVISIONS = { resource: Resources.daemonSets, hashLabel: REVISION_HASH };

interface Caches {
  daemonSets: Informer<apps.DaemonSet>;
  revisions: Informer<apps.ControllerRevision>;
  pods: Informer<core.Pod>;
  nodes: Informer<core.Node>;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #control: PodControl;
  readonly #recorder: EventRecorder;
  readonly #failed = new FailedPodsBackoff();
  readonly #recentPods: RecentWrites<core.Pod>;
  readonly #recentSets: RecentWrites<apps.DaemonSet>;
  readonly #recentRevisions: RecentWrites<apps.ControllerRevision>;
  #queue: WorkQueue | undefined;

  constructor(options: DaemonSetOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.concurrentSyncs ?? 2;
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#control = new PodControl(deps.client, recorder);
    this.#recorder = recorder;
    this.#recentPods = new RecentWrites(caches.pods);
    this.#recentSets = new RecentWrites(caches.daemonSets);
    this.#recentRevisions = new RecentWrites(caches.revisions);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (set: apps.DaemonSet) => queue.add(objectKey(set));
    const all = () => this.#caches.daemonSets.list().forEach(enqueue);
    return [
      this.#caches.daemonSets.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#caches.pods.on(podHandlers('DaemonSet', this.#caches.daemonSets, queue)),
      this.#caches.nodes.on({
        add: all,
        delete: all,
        update: (node, old) => {
          if (!semanticEqual(placementInputs(node), placementInputs(old))) all();
        },
      }),
    ];
  }

  async sync(key: string): Promise<void> {
    const cached = this.#caches.daemonSets.get(key);
    if (cached === undefined) {
      for (const recent of [this.#recentPods, this.#recentSets, this.#recentRevisions]) recent.forget(key);
      return;
    }
    const set = this.#recentSets.merge(key, [cached])[0] ?? cached;
    if (isEmptySelector(set.spec?.selector) || set.metadata.deletionTimestamp !== undefined) return;
    const pods = await this.#claim(key, set);
    const revisions = this.#revisionsOf(key, set);
    const { hash, revision } = await this.#revision(key, set, revisions);
    this.#recentRevisions.wrote(key, revision);
    const input = { daemonSet: set, pods, nodes: this.#fits(set), hash, now: this.#deps.clock.now() };
    const placement = planPlacement(input);
    await this.#carryOut(key, set, hash, {
      ...placement,
      remove: [...placement.remove, ...this.#removable(key, set, placement.ended)],
    });
    if ((set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate') {
      const current = { ...input, pods: this.#ownPods(key, set) };
      await this.#carryOut(key, set, hash, planRollingUpdate(current));
    }
    await this.#cleanUp(key, set, revisions, revision);
    await this.#writeStatus(key, { ...input, pods: this.#ownPods(key, set) });
  }

  /** Ended Pods that may go now; the sync runs again when the others may. */
  #removable(key: string, set: apps.DaemonSet, ended: core.Pod[]): core.Pod[] {
    const now = this.#deps.clock.now();
    this.#failed.tidy(now);
    return ended.filter((pod) => {
      const node = nodeOf(pod);
      const failed = pod.status?.phase === 'Failed';
      const ofNode = `${set.metadata.uid}/${set.status?.observedGeneration ?? 0}/${node}`;
      const wait = failed ? this.#failed.wait(ofNode, now) : 0;
      if (wait > 0) {
        this.#queue?.addAfter(key, wait);
        return false;
      }
      const [reason, what] = failed ? ['FailedDaemonPod', 'failed'] : ['SucceededDaemonPod', 'succeeded'];
      const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
      const message = `Found ${what} daemon pod ${name} on node ${node}, will try to ${failed ? 'kill' : 'delete'} it`;
      this.#recorder.event(set, failed ? 'Warning' : 'Normal', reason, message);
      return true;
    });
  }

  #fits(set: apps.DaemonSet): PlanInput['nodes'] {
    const template = daemonTemplate(set.spec!.template);
    const pod = { metadata: {}, spec: template.spec! };
    return this.#caches.nodes.list().map((node) => ({
      name: node.metadata.name!,
      ...daemonFits(template, node, (candidate) => matchesNodeSelection(pod, candidate)),
    }));
  }

  async #revision(key: string, set: apps.DaemonSet, revisions: apps.ControllerRevision[]) {
    try {
      return await currentRevision(this.#deps.client, REVISIONS, set, revisions);
    } catch (error) {
      if (error instanceof HashCollision) {
        const collisionCount = (set.status?.collisionCount ?? 0) + 1;
        await this.#putStatus(key, { ...set, status: { ...set.status!, collisionCount } });
      }
      throw error;
    }
  }

  #revisionsOf(key: string, set: apps.DaemonSet): apps.ControllerRevision[] {
    const cached = this.#caches.revisions.byIndex(BY_CONTROLLER, set.metadata.uid!);
    return this.#recentRevisions.merge(key, cached);
  }

  #claim(key: string, set: apps.DaemonSet): Promise<core.Pod[]> {
    const { name, namespace } = set.metadata;
    return claimObjects({
      owner: set,
      reference: controllerReference(set, Resources.daemonSets),
      matches: compileSelector(set.spec!.selector),
      objects: this.#candidates(key, set),
      client: this.#deps.client.resource(Resources.pods),
      readOwner: () => this.#deps.client.resource(Resources.daemonSets).get(name!, namespace),
      wrote: (pod) => this.#recentPods.wrote(key, pod),
    });
  }

  #candidates(key: string, set: apps.DaemonSet): core.Pod[] {
    const { pods } = this.#caches;
    return this.#recentPods.merge(key, [
      ...pods.byIndex(BY_CONTROLLER, set.metadata.uid!),
      ...pods.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace)),
    ]);
  }

  #ownPods(key: string, set: apps.DaemonSet): core.Pod[] {
    return this.#candidates(key, set).filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
  }

  async #carryOut(key: string, set: apps.DaemonSet, hash: string, plan: DaemonPlan): Promise<void> {
    const template = daemonTemplate(set.spec!.template);
    const reference = controllerReference(set, Resources.daemonSets);
    const labels = { ...template.metadata?.labels, [REVISION_HASH]: hash };
    const creates = plan.create.map(async (node) => {
      const pinned = {
        ...template,
        metadata: { ...template.metadata, labels },
        spec: pinToNode(template.spec!, node),
      };
      this.#recentPods.wrote(key, await this.#control.create(set, reference, pinned));
    });
    const removes = plan.remove.map(async (pod) => {
      await this.#control.delete(set, pod);
      this.#recentPods.deleted(key, pod);
    });
    const failed = (await Promise.allSettled([...creates, ...removes])).find((r) => r.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #cleanUp(
    key: string,
    set: apps.DaemonSet,
    revisions: apps.ControllerRevision[],
    current: apps.ControllerRevision,
  ) {
    const inUse = new Set(this.#ownPods(key, set).map((pod) => pod.metadata.labels?.[REVISION_HASH]));
    const isInUse = ({ metadata }: apps.ControllerRevision) => inUse.has(metadata.labels?.[REVISION_HASH]);
    const limit = set.spec?.revisionHistoryLimit ?? 10;
    const api = this.#deps.client.resource(Resources.controllerRevisions);
    for (const each of expiredRevisions(revisions, limit, [current], isInUse)) {
      const { name, namespace, uid } = each.metadata;
      await api.delete(name!, namespace, { preconditions: { uid: uid! } });
      this.#recentRevisions.deleted(key, each);
    }
  }

  async #writeStatus(key: string, input: PlanInput): Promise<void> {
    const set = input.daemonSet;
    const status = daemonStatus(input);
    if (!semanticEqual(status, set.status)) await this.#putStatus(key, { ...set, status });
    const minReady = set.spec?.minReadySeconds ?? 0;
    const waits = input.pods
      .map((pod) => availableIn(pod, minReady, input.now))
      .filter((ms) => ms !== undefined);
    if (waits.length > 0) this.#queue?.addAfter(key, Math.min(...waits));
  }

  async #putStatus(key: string, set: apps.DaemonSet): Promise<void> {
    try {
      const written = await this.#deps.client.resource(Resources.daemonSets).updateSubresource('status', set);
      this.#recentSets.wrote(key, written);
    } catch (error) {
      this.#recentSets.forget(key);
      throw error;
    }
  }
}

/** What decides where daemon Pods run; heartbeats change none of it. */
function placementInputs({ metadata, spec }: core.Node): unknown {
  return [metadata.labels, spec?.taints, spec?.unschedulable];
}
