import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import {
  defaultBinding,
  defaultEndpointSlice,
  defaultEndpoints,
  defaultIngressClass,
  defaultLimitRange,
  defaultNamespace,
  defaultNetworkPolicy,
  defaultNode,
  defaultPriorityClass,
  defaultSecret,
  defaultTokenRequest,
} from './core.js';
import {
  defaultAutoscaler,
  defaultAutoscalerV1,
  defaultCsiDriver,
  defaultResourceClaim,
  defaultResourceClaimTemplate,
  defaultStorageClass,
} from './machinery.js';
import { defaultPod } from './pod-spec.js';
import { defaultService } from './service.js';
import { defaultClaim, defaultPersistentVolume } from './volume.js';
import {
  defaultCronJob,
  defaultDaemonSet,
  defaultDeployment,
  defaultJob,
  defaultPodTemplate,
  defaultReplicaSet,
  defaultReplicationController,
  defaultStatefulSet,
} from './workloads.js';

export { pullPolicyOf } from './container.js';
export { defaultPodSpec } from './pod-spec.js';

/** Each function gets an object of the kind that its message names. */
const DEFAULTS: ReadonlyMap<string, (object: never) => void> = new Map<string, (object: never) => void>([
  ['apps.v1.DaemonSet', defaultDaemonSet],
  ['apps.v1.Deployment', defaultDeployment],
  ['apps.v1.ReplicaSet', defaultReplicaSet],
  ['apps.v1.StatefulSet', defaultStatefulSet],
  ['authentication.v1.TokenRequest', defaultTokenRequest],
  ['batch.v1.CronJob', defaultCronJob],
  ['batch.v1.Job', defaultJob],
  ['core.v1.Endpoints', defaultEndpoints],
  ['core.v1.LimitRange', defaultLimitRange],
  ['core.v1.Namespace', defaultNamespace],
  ['core.v1.Node', defaultNode],
  ['core.v1.PersistentVolume', defaultPersistentVolume],
  ['core.v1.PersistentVolumeClaim', defaultClaim],
  ['core.v1.Pod', defaultPod],
  ['core.v1.PodTemplate', defaultPodTemplate],
  ['core.v1.ReplicationController', defaultReplicationController],
  ['core.v1.Secret', defaultSecret],
  ['core.v1.Service', defaultService],
  ['discovery.v1.EndpointSlice', defaultEndpointSlice],
  ['networking.v1.IngressClass', defaultIngressClass],
  ['networking.v1.NetworkPolicy', defaultNetworkPolicy],
  ['rbac.v1.ClusterRoleBinding', defaultBinding],
  ['rbac.v1.RoleBinding', defaultBinding],
  ['autoscaling.v1.HorizontalPodAutoscaler', defaultAutoscalerV1],
  ['autoscaling.v2.HorizontalPodAutoscaler', defaultAutoscaler],
  ['resource.v1.ResourceClaim', defaultResourceClaim],
  ['resource.v1.ResourceClaimTemplate', defaultResourceClaimTemplate],
  ['scheduling.v1.PriorityClass', defaultPriorityClass],
  ['storage.v1.CSIDriver', defaultCsiDriver],
  ['storage.v1.StorageClass', defaultStorageClass],
]);

/**
 * Fills in what upstream's `SetDefaults_*` functions fill in (pkg/apis/<group>/v1/defaults.go), in place. The object
 * must have passed `pruneAndCheck`. Kinds without defaults are left alone. Idempotent.
 */
export function applyDefaults(kind: Pick<KindInfo, 'message'>, object: KubeObject): void {
  DEFAULTS.get(kind.message)?.(object as never);
}
