import { isDeepStrictEqual } from 'node:util';
import { type apps, type core, isAlreadyExists } from '#api';
import { type EventRecorder, type ResourceClient, Resources } from '#client';
import { semanticEqual } from '../common/equal.js';
import { isNamespaceTerminating } from '../common/errors.js';
import { isControlledBy } from '../common/owners.js';
import { isPodTerminal } from '../common/pods.js';
import type { RecentWrites } from '../common/recent-writes.js';
import { timestamp } from '../common/time.js';
import type { ControllerDeps } from '../deps.js';
import { findCondition, withCondition } from './conditions.js';
import {
  expiredReplicaSets,
  findNewReplicaSet,
  makeReplicaSet,
  nextRevision,
  REVISION,
  replicaSetAnnotations,
  sameTemplate,
  sizeAnnotations,
} from './revision.js';
import {
  isRollingUpdate,
  isScalingEvent,
  newReplicaSetSize,
  type Resize,
  scaleAll,
  shrinkOld,
  sizeOf,
} from './rollout.js';
import { deploymentStatus, hasDeadline, isComplete, rolloutStatus } from './status.js';

type ReplicaSet = apps.ReplicaSet;

export interface SyncInput {
  key: string;
  deployment: apps.Deployment;
  /** ReplicaSets that belong to the Deployment. */
  replicaSets: ReplicaSet[];
  podsOf(replicaSet: ReplicaSet): core.Pod[];
  deps: ControllerDeps;
  recorder: EventRecorder;
  recent: RecentWrites<ReplicaSet>;
}

/**
 * One look at a Deployment: at most one step of its rollout. Status, conditions and revision are collected
 * in `deployment` and left to the caller to write, so that a step costs one status write.
 */
export class DeploymentSync {
  /** The Deployment with status and revision as this step leaves them. */
  deployment: apps.Deployment;
  readonly #input: SyncInput;
  readonly #client: ResourceClient<ReplicaSet>;
  #sets: ReplicaSet[];
  #newSet: ReplicaSet | undefined;

  constructor(input: SyncInput) {
    this.#input = input;
    this.deployment = input.deployment;
    this.#client = input.deps.client.resource(Resources.replicaSets);
    this.#sets = input.replicaSets;
  }

  async run(): Promise<void> {
    this.#newSet = findNewReplicaSet(this.deployment, this.#sets);
    if (this.deployment.metadata.deletionTimestamp !== undefined) return this.#setStatus(false);
    this.#notePause();
    if (this.#newSet !== undefined) await this.#refreshNewSet(this.#newSet);
    const paused = this.deployment.spec?.paused === true;
    if (paused || isScalingEvent(this.deployment, this.#sets)) {
      for (const resize of scaleAll(this.deployment, this.#newSet, this.#old())) await this.#resize(resize);
      if (paused) await this.#cleanUp();
      return this.#setStatus(false);
    }
    const moved = isRollingUpdate(this.deployment) ? await this.#roll() : await this.#recreate();
    this.#setStatus(true);
    if (!moved && isComplete(this.deployment, this.deployment.status ?? {})) await this.#cleanUp();
  }

  #old(): ReplicaSet[] {
    return this.#sets.filter((set) => set !== this.#newSet);
  }

  /** Grow the new, else shrink the old: one of them per step. True when something was resized. */
  async #roll(): Promise<boolean> {
    const newSet = this.#newSet ?? (await this.#createNewSet());
    if (newSet === undefined) return true;
    const replicas = newReplicaSetSize(this.deployment, this.#sets, sizeOf(newSet));
    if (await this.#resize({ replicaSet: newSet, replicas })) return true;
    const resizes = shrinkOld(this.deployment, newSet, this.#old());
    for (const resize of resizes) await this.#resize(resize);
    return resizes.length > 0;
  }

  /** First all old Pods go, then the new ones come. */
  async #recreate(): Promise<boolean> {
    let moved = false;
    for (const replicaSet of this.#old()) moved = (await this.#resize({ replicaSet, replicas: 0 })) || moved;
    if (moved || this.#oldPodsRunning()) return true;
    const newSet = this.#newSet ?? (await this.#createNewSet());
    if (newSet === undefined) return true;
    const replicas = newReplicaSetSize(this.deployment, this.#sets, sizeOf(newSet));
    return this.#resize({ replicaSet: newSet, replicas });
  }

  #oldPodsRunning(): boolean {
    return this.#old().some(
      (set) => (set.status?.replicas ?? 0) > 0 || this.#input.podsOf(set).some((pod) => !isPodTerminal(pod)),
    );
  }

  /** Revision, annotations and minReadySeconds follow the Deployment. */
  async #refreshNewSet(set: ReplicaSet): Promise<void> {
    const revision = nextRevision(this.#old());
    const annotations = replicaSetAnnotations(this.deployment, set.metadata.annotations, revision);
    const minReadySeconds = this.deployment.spec?.minReadySeconds ?? 0;
    const changed =
      !semanticEqual(annotations, set.metadata.annotations) ||
      (set.spec?.minReadySeconds ?? 0) !== minReadySeconds;
    const fresh = changed
      ? await this.#update(set, { annotations, spec: { ...set.spec!, minReadySeconds } })
      : set;
    this.#setRevision(annotations[REVISION]);
    if (hasDeadline(this.deployment) && findCondition(this.deployment.status, 'Progressing') === undefined)
      this.#progressing('True', 'FoundNewReplicaSet', `Found new replica set "${fresh.metadata.name}"`);
  }

  async #createNewSet(): Promise<ReplicaSet | undefined> {
    const wanted = makeReplicaSet(this.deployment, this.#old());
    const name = wanted.metadata.name!;
    try {
      const created = await this.#client.create(wanted);
      this.#wrote(created);
      this.#newSet = created;
      if (sizeOf(created) > 0) this.#scaledEvent(name, 0, sizeOf(created));
      this.#setRevision(created.metadata.annotations?.[REVISION]);
      this.#progressing('True', 'NewReplicaSetCreated', `Created new replica set "${name}"`);
      return created;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (isAlreadyExists(error)) return this.#resolveCollision(name, error);
      const message = `Failed to create new replica set "${name}": ${(error as Error).message}`;
      this.#progressing('False', 'ReplicaSetCreateError', message);
      this.#input.recorder.event(this.deployment, 'Warning', 'ReplicaSetCreateError', message);
      throw error;
    }
  }

  /** The name is taken: by our own ReplicaSet that the cache has not shown yet, or by one of another template. */
  async #resolveCollision(name: string, error: unknown): Promise<ReplicaSet> {
    const existing = await this.#client.get(name, this.deployment.metadata.namespace);
    const { template } = this.deployment.spec!;
    if (isControlledBy(existing, this.deployment) && sameTemplate(template, existing.spec?.template)) {
      this.#wrote(existing);
      this.#newSet = existing;
      return existing;
    }
    const collisionCount = (this.deployment.status?.collisionCount ?? 0) + 1;
    this.deployment = { ...this.deployment, status: { ...this.deployment.status, collisionCount } };
    throw error;
  }

  async #resize({ replicaSet, replicas }: Resize): Promise<boolean> {
    const before = sizeOf(replicaSet);
    const annotations = { ...replicaSet.metadata.annotations, ...sizeAnnotations(this.deployment) };
    const sized = before === replicas;
    if (sized && (replicas === 0 || semanticEqual(annotations, replicaSet.metadata.annotations)))
      return false;
    await this.#update(replicaSet, { annotations, spec: { ...replicaSet.spec!, replicas } });
    if (!sized) this.#scaledEvent(replicaSet.metadata.name!, before, replicas);
    return !sized;
  }

  async #update(
    set: ReplicaSet,
    change: { annotations: Record<string, string>; spec: apps.ReplicaSetSpec },
  ): Promise<ReplicaSet> {
    const metadata = { ...set.metadata, annotations: change.annotations };
    try {
      const updated = await this.#client.update({ ...set, metadata, spec: change.spec });
      this.#wrote(updated);
      if (this.#newSet === set) this.#newSet = updated;
      return updated;
    } catch (error) {
      this.#input.recent.forget(this.#input.key);
      throw error;
    }
  }

  #wrote(set: ReplicaSet): void {
    this.#input.recent.wrote(this.#input.key, set);
    this.#sets = [...this.#sets.filter((other) => other.metadata.uid !== set.metadata.uid), set];
  }

  async #cleanUp(): Promise<void> {
    for (const set of expiredReplicaSets(this.deployment, this.#old())) {
      const { name, namespace, uid } = set.metadata;
      await this.#client.delete(name!, namespace, { preconditions: { uid: uid! } });
      this.#input.recent.deleted(this.#input.key, set);
    }
  }

  #setStatus(rollingOut: boolean): void {
    const { deps } = this.#input;
    const input = {
      deployment: this.deployment,
      newSet: this.#newSet,
      all: this.#sets,
      now: deps.clock.now(),
      timestamp: timestamp(deps.clock),
    };
    const status = rollingOut ? rolloutStatus(input) : deploymentStatus(input);
    this.deployment = { ...this.deployment, status };
  }

  #notePause(): void {
    const reason = findCondition(this.deployment.status, 'Progressing')?.reason;
    if (!hasDeadline(this.deployment) || reason === 'ProgressDeadlineExceeded') return;
    const paused = this.deployment.spec?.paused === true;
    const noted = reason === 'DeploymentPaused';
    if (paused === noted) return;
    if (paused) this.#progressing('Unknown', 'DeploymentPaused', 'Deployment is paused');
    else this.#progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }

  #progressing(status: string, reason: string, message: string): void {
    if (!hasDeadline(this.deployment)) return;
    const condition = { type: 'Progressing', status, reason, message };
    const now = timestamp(this.#input.deps.clock);
    this.deployment = {
      ...this.deployment,
      status: withCondition(this.deployment.status ?? {}, condition, now),
    };
  }

  #setRevision(revision: string | undefined): void {
    if (revision === undefined) return;
    const { metadata } = this.deployment;
    const annotations = { ...metadata.annotations, [REVISION]: revision };
    this.deployment = { ...this.deployment, metadata: { ...metadata, annotations } };
  }

  #scaledEvent(name: string, from: number, to: number): void {
    const direction = to > from ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`;
    this.#input.recorder.event(this.deployment, 'Normal', 'ScalingReplicaSet', message);
  }
}

/** Something worth a status write changed. */
export function differs(a: apps.Deployment, b: apps.Deployment): boolean {
  return (
    !isDeepStrictEqual(a.metadata.annotations ?? {}, b.metadata.annotations ?? {}) ||
    !semanticEqual(withoutZeros(a.status), withoutZeros(b.status))
  );
}

function withoutZeros(status: apps.DeploymentStatus | undefined): unknown {
  return Object.fromEntries(Object.entries(status ?? {}).filter(([, value]) => value !== 0));
}
