import { type apps, compileSelector, type core, isAlreadyExists, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { claimObjects } from '../common/claim.js';
import { BY_CONTROLLER, byController, orphansOf } from '../common/controller-index.js';
import {
  currentRevision,
  expiredRevisions,
  HashCollision,
  templateOf,
} from '../common/controller-revisions.js';
import { sameStatus } from '../common/equal.js';
import { isNamespaceTerminating } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf, controllerReference } from '../common/owners.js';
import { podHandlers } from '../common/pod-events.js';
import { availableIn } from '../common/pods.js';
import { RecentWrites } from '../common/recent-writes.js';
import { isEmptySelector } from '../common/selector.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { claimsOf, ordinalOf, podOf, revisionOf } from './identity.js';
import { type PlanInput, planStatefulSet, type StatefulPlan, statefulSetStatus } from './plan.js';

type StatefulSet = apps.StatefulSet;
type Revision = apps.ControllerRevision;

const REVISIONS = { resource: Resources.statefulSets, hashLabel: 'controller.kubernetes.io/hash' };

/** Pods with names, one after the other (upstream's statefulset-controller). Claims are made and never deleted. */
export function createStatefulSetController(
  options: { concurrentSyncs?: number },
  deps: ControllerDeps,
): Startable {
  const caches = {
    sets: trimmedInformer(deps.informers, Resources.statefulSets),
    revisions: trimmedInformer(deps.informers, Resources.controllerRevisions),
    pods: trimmedInformer(deps.informers, Resources.pods),
  };
  caches.pods.addIndex(BY_CONTROLLER, byController);
  caches.revisions.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder('statefulset-controller');
  return createLoop(deps, 'statefulset', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  sets: Informer<StatefulSet>;
  revisions: Informer<Revision>;
  pods: Informer<core.Pod>;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #recentPods: RecentWrites<core.Pod>;
  readonly #recentSets: RecentWrites<StatefulSet>;
  readonly #recentRevisions: RecentWrites<Revision>;
  #queue: WorkQueue | undefined;

  constructor(
    options: { concurrentSyncs?: number },
    deps: ControllerDeps,
    caches: Caches,
    recorder: EventRecorder,
  ) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    this.#recentPods = new RecentWrites(caches.pods);
    this.#recentSets = new RecentWrites(caches.sets);
    this.#recentRevisions = new RecentWrites(caches.revisions);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (set: StatefulSet) => queue.add(objectKey(set));
    return [
      this.#caches.sets.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#caches.pods.on(podHandlers('StatefulSet', this.#caches.sets, queue)),
    ];
  }

  async sync(key: string): Promise<void> {
    const cached = this.#caches.sets.get(key);
    if (cached === undefined) {
      for (const recent of [this.#recentPods, this.#recentSets, this.#recentRevisions]) recent.forget(key);
      return;
    }
    const set = this.#recentSets.merge(key, [cached])[0] ?? cached;
    if (isEmptySelector(set.spec?.selector)) return;
    await this.#claim(key, set);
    const known = this.#revisionsOf(key, set);
    const update = await this.#updateRevision(key, set, known);
    const current = known.find((each) => each.metadata.name === set.status?.currentRevision) ?? update;
    const input = () => this.#input(key, set, current, update);
    if (set.metadata.deletionTimestamp === undefined)
      await this.#carryOut(key, set, [current, update], planStatefulSet(input()));
    await this.#writeStatus(key, input());
    await this.#cleanUp(key, set, known, [current, update]);
  }

  #input(key: string, set: StatefulSet, current: Revision, update: Revision): PlanInput {
    return {
      set,
      pods: this.#candidates(key, set).filter(
        (pod) => controllerOf(pod)?.uid === set.metadata.uid && ordinalOf(set, pod) !== undefined,
      ),
      current: current.metadata.name!,
      update: update.metadata.name!,
      now: this.#deps.clock.now(),
    };
  }

  #revisionsOf(key: string, set: StatefulSet): Revision[] {
    const cached = this.#caches.revisions.byIndex(BY_CONTROLLER, set.metadata.uid!);
    return this.#recentRevisions.merge(key, cached);
  }

  async #updateRevision(key: string, set: StatefulSet, known: Revision[]): Promise<Revision> {
    try {
      const { revision } = await currentRevision(this.#deps.client, REVISIONS, set, known);
      this.#recentRevisions.wrote(key, revision);
      return revision;
    } catch (error) {
      if (error instanceof HashCollision) {
        const collisionCount = (set.status?.collisionCount ?? 0) + 1;
        await this.#putStatus(key, { ...set, status: { ...set.status!, collisionCount } });
      }
      throw error;
    }
  }

  #claim(key: string, set: StatefulSet): Promise<core.Pod[]> {
    const { name, namespace } = set.metadata;
    return claimObjects({
      owner: set,
      reference: controllerReference(set, Resources.statefulSets),
      matches: compileSelector(set.spec!.selector),
      objects: this.#candidates(key, set).filter((pod) => ordinalOf(set, pod) !== undefined),
      client: this.#deps.client.resource(Resources.pods),
      readOwner: () => this.#deps.client.resource(Resources.statefulSets).get(name!, namespace),
      wrote: (pod) => this.#recentPods.wrote(key, pod),
    });
  }

  #candidates(key: string, set: StatefulSet): core.Pod[] {
    const { pods } = this.#caches;
    return this.#recentPods.merge(key, [
      ...pods.byIndex(BY_CONTROLLER, set.metadata.uid!),
      ...pods.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace)),
    ]);
  }

  async #carryOut(key: string, set: StatefulSet, revisions: Revision[], plan: StatefulPlan): Promise<void> {
    for (const { ordinal, revision } of plan.create) {
      const template = templateOf(revisions.find((each) => each.metadata.name === revision)!);
      await this.#create(key, set, ordinal, template, revision);
    }
    for (const pod of plan.remove) {
      const { name, namespace, uid } = pod.metadata;
      const pods = this.#deps.client.resource(Resources.pods);
      const what = `Pod ${name} in StatefulSet ${set.metadata.name}`;
      await this.#recorded(set, 'delete', what, () =>
        pods.delete(name!, namespace, { preconditions: { uid: uid! } }),
      );
    }
  }

  async #create(
    key: string,
    set: StatefulSet,
    ordinal: number,
    template: core.PodTemplateSpec,
    revision: string,
  ): Promise<void> {
    const pod = podOf(set, ordinal, template, revision, controllerReference(set, Resources.statefulSets));
    const claims = this.#deps.client.resource(Resources.persistentVolumeClaims);
    for (const claim of claimsOf(set, ordinal)) {
      const what = `Claim ${claim.metadata.name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
      await this.#recorded(set, 'create', what, () => claims.create(claim)).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
    }
    const what = `Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
    const pods = this.#deps.client.resource(Resources.pods);
    this.#recentPods.wrote(key, await this.#recorded(set, 'create', what, () => pods.create(pod)));
  }

  /** Carries a write out and says so in an Event; a name that is taken is no event. */
  async #recorded<R>(
    set: StatefulSet,
    verb: 'create' | 'delete',
    what: string,
    write: () => Promise<R>,
  ): Promise<R> {
    const verbed = verb === 'create' ? 'Create' : 'Delete';
    try {
      const result = await write();
      const outcome = what.startsWith('Claim') ? 'success' : 'successful';
      this.#recorder.event(set, 'Normal', `Successful${verbed}`, `${verb} ${what} ${outcome}`);
      return result;
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) {
        const message = `${verb} ${what} failed error: ${(error as Error).message}`;
        this.#recorder.event(set, 'Warning', `Failed${verbed}`, message);
      }
      throw error;
    }
  }

  async #writeStatus(key: string, input: PlanInput): Promise<void> {
    const { set } = input;
    const status = statefulSetStatus(input);
    if (!sameStatus(status, set.status)) await this.#putStatus(key, { ...set, status });
    const minReady = set.spec!.minReadySeconds ?? 0;
    const waits = input.pods
      .map((pod) => availableIn(pod, minReady, input.now))
      .filter((ms) => ms !== undefined);
    if (waits.length > 0) this.#queue?.addAfter(key, Math.min(...waits));
  }

  async #putStatus(key: string, set: StatefulSet): Promise<void> {
    try {
      const written = await this.#deps.client
        .resource(Resources.statefulSets)
        .updateSubresource('status', set);
      this.#recentSets.wrote(key, written);
    } catch (error) {
      this.#recentSets.forget(key);
      throw error;
    }
  }

  async #cleanUp(key: string, set: StatefulSet, known: Revision[], live: Revision[]): Promise<void> {
    const inUse = new Set(this.#candidates(key, set).map(revisionOf));
    const isInUse = ({ metadata }: Revision) => inUse.has(metadata.name);
    const limit = set.spec!.revisionHistoryLimit ?? 10;
    const api = this.#deps.client.resource(Resources.controllerRevisions);
    for (const each of expiredRevisions(known, limit, live, isInUse)) {
      const { name, namespace, uid } = each.metadata;
      await api.delete(name!, namespace, { preconditions: { uid: uid! } });
      this.#recentRevisions.deleted(key, each);
    }
  }
}
