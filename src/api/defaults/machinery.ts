import type { autoscaling, autoscalingV2, resource, storage } from '../types/index.js';
import { setDefault, setDefaultText } from './set.js';

/** SetDefaults_StorageClass. */
export function defaultStorageClass(object: storage.StorageClass): void {
  setDefault(object, 'reclaimPolicy', 'Delete');
  setDefault(object, 'volumeBindingMode', 'Immediate');
}

/** SetDefaults_CSIDriver. */
export function defaultCsiDriver({ spec }: storage.CSIDriver): void {
  setDefault(spec, 'storageCapacity', false);
  setDefault(spec, 'attachRequired', true);
  setDefault(spec, 'podInfoOnMount', false);
  setDefault(spec, 'fsGroupPolicy', 'ReadWriteOnceWithFSType');
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
  setDefault(spec, 'requiresRepublish', false);
}

/** SetDefaults_ExactDeviceRequest, SetDefaults_DeviceSubRequest and SetDefaults_DeviceToleration. */
function defaultRequests(spec: resource.ResourceClaimSpec): void {
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    for (const request of [...(exactly === undefined ? [] : [exactly]), ...firstAvailable]) {
      setDefaultText(request, 'allocationMode', 'ExactCount');
      if (request.allocationMode === 'ExactCount' && (request.count ?? 0) === 0) request.count = 1;
      for (const toleration of request.tolerations ?? []) setDefaultText(toleration, 'operator', 'Equal');
    }
  }
}

export function defaultResourceClaim({ spec }: resource.ResourceClaim): void {
  defaultRequests(spec);
}

export function defaultResourceClaimTemplate({ spec }: resource.ResourceClaimTemplate): void {
  defaultRequests(spec.spec);
}

/** SetDefaults_HorizontalPodAutoscaler: at least one replica, 80 % of the requested processor time. */
export function defaultAutoscaler({ spec }: autoscalingV2.HorizontalPodAutoscaler): void {
  if (spec === undefined) return;
  setDefault(spec, 'minReplicas', 1);
  if ((spec.metrics ?? []).length === 0) {
    const target = { type: 'Utilization', averageUtilization: 80 };
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
  }
  const { scaleUp, scaleDown } = spec.behavior ?? {};
  if (spec.behavior === undefined) return;
  spec.behavior.scaleUp = withPolicies(scaleUp, [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ]);
  setDefault(spec.behavior.scaleUp, 'stabilizationWindowSeconds', 0);
  spec.behavior.scaleDown = withPolicies(scaleDown, [{ type: 'Percent', value: 100, periodSeconds: 15 }]);
}

/** v1 knows nothing else; a missing target is filled in where the other metrics are known, in the conversion. */
export function defaultAutoscalerV1({ spec }: autoscaling.HorizontalPodAutoscaler): void {
  if (spec !== undefined) setDefault(spec, 'minReplicas', 1);
}

function withPolicies(
  rules: autoscalingV2.HPAScalingRules = {},
  policies: autoscalingV2.HPAScalingPolicy[],
): autoscalingV2.HPAScalingRules {
  setDefault(rules, 'selectPolicy', 'Max');
  if ((rules.policies ?? []).length === 0) rules.policies = policies;
  return rules;
}
