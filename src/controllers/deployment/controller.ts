import { type apps, compileSelector, type core, type KubeObject, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { claimObjects } from '../common/claim.js';
import { BY_CONTROLLER, byController, orphansOf } from '../common/controller-index.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf, controllerReference } from '../common/owners.js';
import { RecentWrites } from '../common/recent-writes.js';
import { isEmptySelector } from '../common/selector.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { deadlineIn } from './status.js';
import { DeploymentSync, differs } from './sync.js';

export interface DeploymentOptions {
  /** Deployments synced at a time (upstream's --concurrent-deployment-syncs). */
  concurrentSyncs?: number;
}

/** Rolls Deployments out over ReplicaSets (upstream's deployment-controller). */
export function createDeploymentController(options: DeploymentOptions, deps: ControllerDeps): Startable {
  const caches = {
    deployments: trimmedInformer(deps.informers, Resources.deployments),
    replicaSets: trimmedInformer(deps.informers, Resources.replicaSets),
    pods: trimmedInformer(deps.informers, Resources.pods),
  };
  caches.replicaSets.addIndex(BY_CONTROLLER, byController);
  caches.pods.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder('deployment-controller');
  return createLoop(deps, 'deployment', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  deployments: Informer<apps.Deployment>;
  replicaSets: Informer<apps.ReplicaSet>;
  pods: Informer<core.Pod>;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #recent: RecentWrites<apps.ReplicaSet>;
  readonly #recentDeployments: RecentWrites<apps.Deployment>;
  #queue: WorkQueue | undefined;

  constructor(options: DeploymentOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.concurrentSyncs ?? 5;
    this.caches = Object.values(caches);
    this.#deps = deps;
    this.#caches = caches;
    this.#recorder = recorder;
    this.#recent = new RecentWrites(caches.replicaSets);
    this.#recentDeployments = new RecentWrites(caches.deployments);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (deployment: apps.Deployment) => queue.add(objectKey(deployment));
    return [
      this.#caches.deployments.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#caches.replicaSets.on({
        add: (set) => this.#replicaSetChanged(set, queue),
        update: (set, old) => {
          if (controllerOf(old)?.uid !== controllerOf(set)?.uid) this.#replicaSetChanged(old, queue);
          this.#replicaSetChanged(set, queue);
        },
        delete: (set) => this.#replicaSetChanged(set, queue),
      }),
      this.#caches.pods.on({ delete: (pod) => this.#podDeleted(pod, queue) }),
    ];
  }

  #replicaSetChanged(set: apps.ReplicaSet, queue: WorkQueue): void {
    if (controllerOf(set) !== undefined) {
      const deployment = this.#ownerOf(set);
      if (deployment !== undefined) queue.add(objectKey(deployment));
      return;
    }
    for (const deployment of this.#caches.deployments.inNamespace(set.metadata.namespace!)) {
      const { selector } = deployment.spec!;
      if (!isEmptySelector(selector) && compileSelector(selector)(set.metadata.labels))
        queue.add(objectKey(deployment));
    }
  }

  #ownerOf(set: KubeObject): apps.Deployment | undefined {
    const reference = controllerOf(set);
    if (reference?.kind !== 'Deployment') return undefined;
    const deployment = this.#caches.deployments.get(`${set.metadata.namespace}/${reference.name}`);
    return deployment?.metadata.uid === reference.uid ? deployment : undefined;
  }

  /** A Recreate rollout waits for the last old Pod to be gone. */
  #podDeleted(pod: core.Pod, queue: WorkQueue): void {
    const reference = controllerOf(pod);
    if (reference?.kind !== 'ReplicaSet') return;
    const set = this.#caches.replicaSets.get(`${pod.metadata.namespace}/${reference.name}`);
    const deployment = set === undefined ? undefined : this.#ownerOf(set);
    if (deployment?.spec?.strategy?.type === 'Recreate') queue.add(objectKey(deployment));
  }

  async sync(key: string): Promise<void> {
    const cached = this.#caches.deployments.get(key);
    if (cached === undefined) {
      this.#recent.forget(key);
      this.#recentDeployments.forget(key);
      return;
    }
    const deployment = this.#recentDeployments.merge(key, [cached])[0] ?? cached;
    if (isEmptySelector(deployment.spec?.selector)) return this.#refuse(key, deployment);
    const sync = new DeploymentSync({
      key,
      deployment,
      replicaSets: await this.#claim(key, deployment),
      podsOf: (set) => this.#caches.pods.byIndex(BY_CONTROLLER, set.metadata.uid!),
      deps: this.#deps,
      recorder: this.#recorder,
      recent: this.#recent,
    });
    try {
      await sync.run();
    } finally {
      // Conditions that explain a failure are written too.
      if (differs(deployment, sync.deployment)) await this.#writeStatus(key, sync.deployment);
    }
    const wait = deadlineIn(sync.deployment, sync.deployment.status ?? {}, this.#deps.clock.now());
    if (wait !== undefined) this.#queue?.addAfter(key, wait);
  }

  async #refuse(key: string, deployment: apps.Deployment): Promise<void> {
    const message = 'This deployment is selecting all pods. A non-empty selector is required.';
    this.#recorder.event(deployment, 'Warning', 'SelectingAll', message);
    const observedGeneration = deployment.metadata.generation ?? 0;
    if ((deployment.status?.observedGeneration ?? 0) < observedGeneration)
      await this.#writeStatus(key, { ...deployment, status: { ...deployment.status, observedGeneration } });
  }

  async #claim(key: string, deployment: apps.Deployment): Promise<apps.ReplicaSet[]> {
    const { replicaSets } = this.#caches;
    const { name, namespace, uid } = deployment.metadata;
    const candidates = [
      ...replicaSets.byIndex(BY_CONTROLLER, uid!),
      ...replicaSets.byIndex(BY_CONTROLLER, orphansOf(namespace)),
    ];
    return claimObjects({
      owner: deployment,
      reference: controllerReference(deployment, Resources.deployments),
      matches: compileSelector(deployment.spec!.selector),
      objects: this.#recent.merge(key, candidates),
      client: this.#deps.client.resource(Resources.replicaSets),
      readOwner: () => this.#deps.client.resource(Resources.deployments).get(name!, namespace),
      wrote: (set) => this.#recent.wrote(key, set),
    });
  }

  async #writeStatus(key: string, deployment: apps.Deployment): Promise<void> {
    try {
      const client = this.#deps.client.resource(Resources.deployments);
      this.#recentDeployments.wrote(key, await client.updateSubresource('status', deployment));
    } catch (error) {
      this.#recentDeployments.forget(key);
      throw error;
    }
  }
}
