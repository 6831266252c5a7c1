import type { apps, batch, core, discovery, KubeObject, networking, policy } from '#api';
import { semanticEqual } from '#api';
import type { Strategy } from '../contracts.js';
import { autoscalerStrategies } from './autoscaler.js';
import { startsWith, type WithStatus } from './status.js';

/** PUT may omit resourceVersion, and PUT of an absent object is refused: upstream's most common case. */
const unconditional = { allowUnconditionalUpdate: true } as const;
const creatable = { allowUnconditionalUpdate: true, allowCreateOnUpdate: true } as const;

/** Replica sets and controllers are selected by their replica count (upstream SelectableFields). */
function replicas(object: { status?: { replicas?: number } }): Record<string, string> {
  return { 'status.replicas': String(object.status?.replicas ?? 0) };
}

/** Workloads whose status starts empty (or with zero replicas, which Go always writes) and is written apart. */
export function workloadStrategies(): [string, Strategy][] {
  const empty = () => startsWith<WithStatus>(() => ({}));
  const counted = <T extends WithStatus>(): Strategy<T> => startsWith<T>(() => ({ replicas: 0 }));
  const replicaSet: Strategy<apps.ReplicaSet> = {
    ...counted<apps.ReplicaSet>(),
    ...unconditional,
    fields: replicas,
  };
  const controller: Strategy<core.ReplicationController> = {
    ...counted<core.ReplicationController>(),
    ...unconditional,
    fields: replicas,
  };
  const deployment: Strategy<apps.Deployment> = {
    ...startsWith<apps.Deployment>(() => ({})),
    ...unconditional,
  };
  const daemonSet: Strategy<apps.DaemonSet> = {
    ...startsWith<apps.DaemonSet>(() => ({
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    })),
    ...unconditional,
  };
  return [
    entry('apps.v1.Deployment', deployment),
    entry('apps.v1.ReplicaSet', replicaSet),
    entry('apps.v1.StatefulSet', { ...counted<apps.StatefulSet>(), ...unconditional }),
    entry('apps.v1.DaemonSet', daemonSet),
    entry('apps.v1.ControllerRevision', unconditional),
    entry('core.v1.ReplicationController', controller),
    entry('core.v1.PodTemplate', unconditional),
    entry('batch.v1.CronJob', { ...empty(), ...unconditional } as Strategy<batch.CronJob>),
  ];
}

/** Erases the object type once, so that kinds can stand in one map. */
export function entry<T extends KubeObject>(message: string, strategy: Strategy<T>): [string, Strategy] {
  return [message, strategy as unknown as Strategy];
}

export function networkingStrategies(): [string, Strategy][] {
  const ingress: Strategy<networking.Ingress> = {
    ...startsWith<networking.Ingress>(() => ({ loadBalancer: {} })),
    ...unconditional,
  };
  return [
    entry('networking.v1.Ingress', ingress),
    entry('networking.v1.IngressClass', unconditional),
    entry('networking.v1.NetworkPolicy', unconditional),
    entry('networking.v1.ServiceCIDR', {
      ...startsWith<networking.ServiceCIDR>(() => ({})),
      ...unconditional,
    }),
    entry('networking.v1.IPAddress', unconditional),
    entry('discovery.v1.EndpointSlice', endpointSliceStrategy()),
    entry('core.v1.Endpoints', endpointsStrategy()),
  ];
}

function endpointsStrategy(): Strategy<core.Endpoints> {
  return {
    ...creatable,
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  };
}

/** The generation also counts label changes, since consumers select slices by label. */
function endpointSliceStrategy(): Strategy<discovery.EndpointSlice> {
  return {
    ...unconditional,
    prepareForUpdate(_context, object, old) {
      const before = old.metadata.generation ?? 0;
      const same =
        semanticEqual(object.endpoints, old.endpoints) &&
        semanticEqual(object.ports, old.ports) &&
        object.addressType === old.addressType &&
        semanticEqual(object.metadata.labels, old.metadata.labels);
      object.metadata.generation = same ? before : before + 1;
    },
  };
}

export function policyStrategies(): [string, Strategy][] {
  const budget: Strategy<policy.PodDisruptionBudget> = startsWith<policy.PodDisruptionBudget>(() => ({
    disruptionsAllowed: 0,
    currentHealthy: 0,
    desiredHealthy: 0,
    expectedPods: 0,
  }));
  return [
    entry('policy.v1.PodDisruptionBudget', { ...budget, allowUnconditionalUpdate: false }),
    entry('scheduling.v1.PriorityClass', unconditional),
    entry('core.v1.LimitRange', creatable),
    entry('core.v1.ResourceQuota', { ...startsWith<core.ResourceQuota>(() => ({})), ...unconditional }),
    entry('coordination.v1.Lease', { allowCreateOnUpdate: true, allowUnconditionalUpdate: false }),
    ...['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'].map((kind) =>
      entry(`rbac.v1.${kind}`, creatable),
    ),
  ];
}

/** Kinds of upstream's scheduler and node agents (registry/storage, registry/node, registry/resource). */
export function machineryStrategies(): [string, Strategy][] {
  const conditional: Strategy = { allowUnconditionalUpdate: false };
  return [
    entry('storage.v1.StorageClass', { ...unconditional, returnDeletedObject: true }),
    entry('storage.v1.VolumeAttributesClass', { ...unconditional, returnDeletedObject: true }),
    entry('storage.v1.VolumeAttachment', { ...conditional, returnDeletedObject: true }),
    entry('storage.v1.CSINode', { ...conditional, returnDeletedObject: true }),
    entry('storage.v1.CSIDriver', { ...conditional, returnDeletedObject: true }),
    entry('storage.v1.CSIStorageCapacity', conditional),
    ...autoscalerStrategies(),
    entry('node.v1.RuntimeClass', conditional),
    entry('resource.v1.DeviceClass', { ...unconditional, returnDeletedObject: true }),
    entry('resource.v1.ResourceClaim', { ...unconditional, returnDeletedObject: true }),
    entry('resource.v1.ResourceClaimTemplate', { ...unconditional, returnDeletedObject: true }),
    entry('resource.v1.ResourceSlice', { ...unconditional, returnDeletedObject: true }),
  ];
}
