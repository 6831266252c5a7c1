import type { apps, core, KubeObject, meta } from '#api';
import { type Resource, Resources } from '#client';

/** What the controller needs of a kind that keeps a number of Pods. */
export interface ReplicaKind<T extends KubeObject> {
  resource: Resource<T>;
  /** Upstream's queue name and Event source. */
  queue: string;
  component: string;
  spec(owner: T): {
    replicas: number;
    minReadySeconds: number;
    selector: meta.LabelSelector | undefined;
    template: core.PodTemplateSpec;
  };
  withStatus(owner: T, status: apps.ReplicaSetStatus): T;
}

export const replicaSetKind: ReplicaKind<apps.ReplicaSet> = {
  resource: Resources.replicaSets,
  queue: 'replicaset',
  component: 'replicaset-controller',
  spec: ({ spec }) => ({
    replicas: spec?.replicas ?? 1,
    minReadySeconds: spec?.minReadySeconds ?? 0,
    selector: spec?.selector,
    template: spec?.template ?? { metadata: {} },
  }),
  withStatus: (owner, status) => ({ ...owner, status }),
};

/** A ReplicationController is a ReplicaSet with an equality selector (upstream's conversion adapter). */
export const replicationControllerKind: ReplicaKind<core.ReplicationController> = {
  resource: Resources.replicationControllers,
  queue: 'replicationmanager',
  component: 'replication-controller',
  spec: ({ spec }) => ({
    replicas: spec?.replicas ?? 1,
    minReadySeconds: spec?.minReadySeconds ?? 0,
    selector: spec?.selector === undefined ? undefined : { matchLabels: spec.selector },
    template: spec?.template ?? { metadata: {} },
  }),
  withStatus: (owner, { terminatingReplicas: _unknownToThisKind, ...status }) => ({ ...owner, status }),
};
