import type { TypeRef } from './type-ref.js';

/**
 * What Go does with a field whose value is zero, as clients see it:
 * `omit` drops it (omitempty on a plain value, slice or map), `keep` writes what was given (pointers), `emit`
 * writes it always (no omitempty, or a struct that omitempty cannot drop), `emit-null` writes null when absent.
 * Source: the json tags and pointer types of k8s.io/api `types.go`.
 */
export type Presence = 'omit' | 'keep' | 'emit' | 'emit-null';

/** Optional scalars that are pointers in Go: their zero value is a value. */
const POINTERS: Readonly<Record<string, string>> = {
  'apps.v1.DaemonSetSpec': 'revisionHistoryLimit',
  'apps.v1.DaemonSetStatus': 'collisionCount',
  'apps.v1.DeploymentSpec': 'replicas revisionHistoryLimit progressDeadlineSeconds',
  'apps.v1.DeploymentStatus': 'collisionCount terminatingReplicas',
  'apps.v1.ReplicaSetSpec': 'replicas',
  'apps.v1.ReplicaSetStatus': 'terminatingReplicas',
  'apps.v1.RollingUpdateStatefulSetStrategy': 'partition',
  'apps.v1.StatefulSetSpec': 'replicas revisionHistoryLimit',
  'apps.v1.StatefulSetStatus': 'collisionCount',
  'apiextensions.v1.CustomResourceConversion': 'webhook',
  'apiextensions.v1.CustomResourceDefinitionVersion': 'deprecationWarning',
  'apiextensions.v1.CustomResourceSubresourceScale': 'labelSelectorPath',
  'apiextensions.v1.JSONSchemaProps':
    'maximum minimum maxLength minLength maxItems minItems multipleOf maxProperties minProperties ' +
    'x-kubernetes-preserve-unknown-fields x-kubernetes-list-type x-kubernetes-map-type',
  'apiextensions.v1.ServiceReference': 'path port',
  'apiextensions.v1.ValidationRule': 'reason optionalOldSelf',
  'apiextensions.v1.WebhookClientConfig': 'url',
  'authentication.v1.TokenRequestSpec': 'expirationSeconds',
  'batch.v1.CronJobSpec':
    'startingDeadlineSeconds suspend successfulJobsHistoryLimit failedJobsHistoryLimit timeZone',
  'batch.v1.JobSpec':
    'parallelism completions activeDeadlineSeconds manualSelector backoffLimit ttlSecondsAfterFinished ' +
    'completionMode suspend backoffLimitPerIndex maxFailedIndexes podReplacementPolicy managedBy',
  'batch.v1.JobStatus': 'ready terminating failedIndexes',
  'batch.v1.PodFailurePolicyOnExitCodesRequirement': 'containerName',
  'batch.v1.SuccessPolicyRule': 'succeededIndexes succeededCount',
  'certificates.v1.CertificateSigningRequestSpec': 'expirationSeconds',
  'coordination.v1.LeaseSpec':
    'holderIdentity leaseDurationSeconds leaseTransitions strategy preferredHolder',
  'core.v1.AppArmorProfile': 'localhostProfile',
  'core.v1.AzureDiskVolumeSource': 'cachingMode fsType readOnly kind',
  'core.v1.AzureFilePersistentVolumeSource': 'secretNamespace',
  'core.v1.CSIVolumeSource': 'readOnly fsType',
  'core.v1.ClientIPConfig': 'timeoutSeconds',
  'core.v1.ClusterTrustBundleProjection': 'name signerName optional',
  'core.v1.ConfigMap': 'immutable',
  'core.v1.ConfigMapEnvSource': 'optional',
  'core.v1.ConfigMapKeySelector': 'optional',
  'core.v1.ConfigMapProjection': 'optional',
  'core.v1.ConfigMapVolumeSource': 'defaultMode optional',
  'core.v1.Container': 'restartPolicy',
  'core.v1.ContainerStatus': 'started stopSignal',
  'core.v1.DownwardAPIVolumeFile': 'mode',
  'core.v1.DownwardAPIVolumeSource': 'defaultMode',
  'core.v1.EndpointAddress': 'nodeName',
  'core.v1.EndpointPort': 'appProtocol',
  'core.v1.EphemeralContainer': 'restartPolicy',
  'core.v1.FCVolumeSource': 'lun',
  'core.v1.FileKeySelector': 'optional',
  'core.v1.GRPCAction': 'service',
  'core.v1.GlusterfsPersistentVolumeSource': 'endpointsNamespace',
  'core.v1.HostPathVolumeSource': 'type',
  'core.v1.ISCSIPersistentVolumeSource': 'initiatorName',
  'core.v1.ISCSIVolumeSource': 'initiatorName',
  'core.v1.KeyToPath': 'mode',
  'core.v1.Lifecycle': 'stopSignal',
  'core.v1.LoadBalancerIngress': 'ipMode',
  'core.v1.LocalVolumeSource': 'fsType',
  'core.v1.NodeFeatures': 'supplementalGroupsPolicy',
  'core.v1.NodeRuntimeHandlerFeatures': 'recursiveReadOnlyMounts userNamespaces',
  'core.v1.NodeSwapStatus': 'capacity',
  'core.v1.PersistentVolumeClaimSpec': 'storageClassName volumeMode volumeAttributesClassName',
  'core.v1.PersistentVolumeClaimStatus': 'currentVolumeAttributesClassName',
  'core.v1.PersistentVolumeSpec': 'volumeMode volumeAttributesClassName',
  'core.v1.PodCertificateProjection': 'maxExpirationSeconds',
  'core.v1.PodDNSConfigOption': 'value',
  'core.v1.PodResourceClaim': 'resourceClaimName resourceClaimTemplateName',
  'core.v1.PodResourceClaimStatus': 'resourceClaimName',
  'core.v1.PodSchedulingGroup': 'podGroupName',
  'core.v1.PodSecurityContext':
    'runAsUser runAsNonRoot fsGroup runAsGroup fsGroupChangePolicy supplementalGroupsPolicy seLinuxChangePolicy',
  'core.v1.PodSpec':
    'terminationGracePeriodSeconds activeDeadlineSeconds automountServiceAccountToken priority ' +
    'shareProcessNamespace runtimeClassName enableServiceLinks preemptionPolicy setHostnameAsFQDN hostUsers ' +
    'hostnameOverride',
  'core.v1.PortStatus': 'error',
  'core.v1.Probe': 'terminationGracePeriodSeconds',
  'core.v1.ProjectedVolumeSource': 'defaultMode',
  'core.v1.ReplicationControllerSpec': 'replicas',
  'core.v1.SeccompProfile': 'localhostProfile',
  'core.v1.Secret': 'immutable',
  'core.v1.SecretEnvSource': 'optional',
  'core.v1.SecretKeySelector': 'optional',
  'core.v1.SecretProjection': 'optional',
  'core.v1.SecretVolumeSource': 'defaultMode optional',
  'core.v1.SecurityContext':
    'privileged runAsUser runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation runAsGroup procMount',
  'core.v1.ServiceAccount': 'automountServiceAccountToken',
  'core.v1.ServiceAccountTokenProjection': 'expirationSeconds',
  'core.v1.ServicePort': 'appProtocol',
  'core.v1.ServiceSpec':
    'ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution',
  'core.v1.Toleration': 'tolerationSeconds',
  'core.v1.TopologySpreadConstraint': 'minDomains nodeAffinityPolicy nodeTaintsPolicy',
  'core.v1.TypedObjectReference': 'namespace',
  'core.v1.VolumeMount': 'mountPropagation recursiveReadOnly',
  'core.v1.VolumeMountStatus': 'recursiveReadOnly',
  'core.v1.WindowsSecurityContextOptions':
    'gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess',
  'discovery.v1.Endpoint': 'hostname nodeName zone',
  'discovery.v1.EndpointConditions': 'ready serving terminating',
  'discovery.v1.EndpointPort': 'name protocol port appProtocol',
  'meta.v1.DeleteOptions':
    'gracePeriodSeconds orphanDependents propagationPolicy ignoreStoreReadErrorWithClusterBreakingPotential',
  'meta.v1.ListMeta': 'remainingItemCount',
  'meta.v1.ObjectMeta': 'deletionGracePeriodSeconds',
  'meta.v1.OwnerReference': 'controller blockOwnerDeletion',
  'meta.v1.Preconditions': 'uid resourceVersion',
  'networking.v1.HTTPIngressPath': 'pathType',
  'networking.v1.IngressClassParametersReference': 'apiGroup scope namespace',
  'networking.v1.IngressPortStatus': 'error',
  'networking.v1.IngressSpec': 'ingressClassName',
  'networking.v1.NetworkPolicyPort': 'protocol endPort',
  'policy.v1.PodDisruptionBudgetSpec': 'unhealthyPodEvictionPolicy',
  'scheduling.v1.PriorityClass': 'preemptionPolicy',
  'resource.v1.AllocatedDeviceStatus': 'shareID',
  'resource.v1.Device': 'nodeName allNodes bindsToNode allowMultipleAllocations',
  'resource.v1.DeviceAttribute': 'int bool string version',
  'resource.v1.DeviceClassSpec': 'extendedResourceName',
  'resource.v1.DeviceConstraint': 'matchAttribute distinctAttribute',
  'resource.v1.DeviceRequestAllocationResult': 'adminAccess shareID',
  'resource.v1.DeviceToleration': 'tolerationSeconds',
  'resource.v1.ExactDeviceRequest': 'adminAccess',
  'resource.v1.NodeAllocatableResourceMapping': 'capacityKey',
  'resource.v1.ResourceSliceSpec': 'nodeName allNodes perDeviceNodeSelection',
  'storage.v1.CSIDriverSpec':
    'attachRequired podInfoOnMount storageCapacity fsGroupPolicy requiresRepublish seLinuxMount nodeAllocatableUpdatePeriodSeconds serviceAccountTokenInSecrets preventPodSchedulingIfMissing',
  'storage.v1.StorageClass': 'reclaimPolicy allowVolumeExpansion volumeBindingMode',
  'storage.v1.TokenRequest': 'expirationSeconds',
  'storage.v1.VolumeAttachmentSource': 'persistentVolumeName',
  'storage.v1.VolumeError': 'errorCode',
  'storage.v1.VolumeNodeResources': 'count',
  'autoscaling.v1.ContainerResourceMetricSource': 'targetAverageUtilization',
  'autoscaling.v1.ContainerResourceMetricStatus': 'currentAverageUtilization',
  'autoscaling.v1.HorizontalPodAutoscalerSpec': 'minReplicas targetCPUUtilizationPercentage',
  'autoscaling.v1.HorizontalPodAutoscalerStatus': 'observedGeneration currentCPUUtilizationPercentage',
  'autoscaling.v1.ResourceMetricSource': 'targetAverageUtilization',
  'autoscaling.v1.ResourceMetricStatus': 'currentAverageUtilization',
  'autoscaling.v2.HPAScalingRules': 'stabilizationWindowSeconds selectPolicy',
  'autoscaling.v2.HorizontalPodAutoscalerSpec': 'minReplicas',
  'autoscaling.v2.HorizontalPodAutoscalerStatus': 'observedGeneration',
  'autoscaling.v2.MetricTarget': 'averageUtilization',
  'autoscaling.v2.MetricValueStatus': 'averageUtilization',
};

/** Optional fields that Go writes always: structs by value, and scalars without omitempty. */
const EMITTED: Readonly<Record<string, string>> = {
  'apps.v1.DaemonSetSpec': 'updateStrategy',
  'apps.v1.DeploymentSpec': 'strategy',
  'apps.v1.ReplicaSetSpec': 'template',
  'apps.v1.StatefulSetOrdinals': 'start',
  'apps.v1.StatefulSetSpec': 'updateStrategy',
  'apps.v1.StatefulSetStatus': 'availableReplicas',
  'authentication.v1.SelfSubjectReviewStatus': 'userInfo',
  'authentication.v1.TokenReviewStatus': 'user',
  'authorization.v1.SubjectAccessReviewStatus': 'allowed',
  'core.v1.Container': 'resources',
  'core.v1.ContainerStatus': 'state lastState',
  'core.v1.EphemeralContainer': 'resources',
  'core.v1.Event': 'source reportingComponent reportingInstance',
  'core.v1.NodeDaemonEndpoints': 'kubeletEndpoint',
  'core.v1.NodeStatus': 'daemonEndpoints nodeInfo',
  'core.v1.PersistentVolumeClaimSpec': 'resources',
  'core.v1.PodTemplate': 'template',
  'core.v1.ResourceFieldSelector': 'divisor',
  'core.v1.ServicePort': 'targetPort',
  'core.v1.ServiceStatus': 'loadBalancer',
  'discovery.v1.Endpoint': 'conditions',
  'events.v1.Event': 'regarding deprecatedSource',
  'meta.v1.APIGroup': 'preferredVersion',
  'networking.v1.IngressServiceBackend': 'port',
  'networking.v1.IngressStatus': 'loadBalancer',
  'networking.v1.NetworkPolicySpec': 'podSelector',
  'policy.v1.PodDisruptionBudgetStatus': 'disruptionsAllowed currentHealthy desiredHealthy expectedPods',
  'rbac.v1.RoleRef': 'apiGroup',
  'scheduling.v1.PriorityClass': 'value',
  'resource.v1.AllocationResult': 'devices',
  'resource.v1.ResourceClaimSpec': 'devices',
};

/** Times by value, and lists and pointers without omitempty: null when absent. */
const NULL_WHEN_ABSENT: Readonly<Record<string, string>> = {
  'apps.v1.DaemonSetCondition': 'lastTransitionTime',
  'apps.v1.DeploymentCondition': 'lastUpdateTime lastTransitionTime',
  'apps.v1.ReplicaSetCondition': 'lastTransitionTime',
  'apps.v1.StatefulSetCondition': 'lastTransitionTime',
  'batch.v1.JobCondition': 'lastProbeTime lastTransitionTime',
  'certificates.v1.CertificateSigningRequestCondition': 'lastUpdateTime lastTransitionTime',
  'core.v1.ContainerStateRunning': 'startedAt',
  'core.v1.ContainerStateTerminated': 'startedAt finishedAt',
  'core.v1.Event': 'firstTimestamp lastTimestamp eventTime',
  'core.v1.EventSeries': 'lastObservedTime',
  'core.v1.LimitRangeSpec': 'limits',
  'core.v1.NamespaceCondition': 'lastTransitionTime',
  'core.v1.NodeCondition': 'lastHeartbeatTime lastTransitionTime',
  'core.v1.PersistentVolumeClaimCondition': 'lastProbeTime lastTransitionTime',
  'core.v1.PodCondition': 'lastProbeTime lastTransitionTime',
  'core.v1.ProjectedVolumeSource': 'sources',
  'core.v1.ReplicationControllerCondition': 'lastTransitionTime',
  'core.v1.TypedLocalObjectReference': 'apiGroup',
  'core.v1.TypedObjectReference': 'apiGroup',
  'discovery.v1.EndpointSlice': 'endpoints ports',
  'events.v1.Event': 'eventTime deprecatedFirstTimestamp deprecatedLastTimestamp',
  'events.v1.EventSeries': 'lastObservedTime',
  'meta.v1.Condition': 'lastTransitionTime',
  'rbac.v1.ClusterRole': 'rules',
  'rbac.v1.Role': 'rules',
  'resource.v1.AllocatedDeviceStatus': 'conditions',
  'resource.v1.DeviceClaim': 'requests',
  'storage.v1.CSINodeDriver': 'topologyKeys',
  'autoscaling.v1.HorizontalPodAutoscalerCondition': 'lastTransitionTime',
  'autoscaling.v2.HorizontalPodAutoscalerCondition': 'lastTransitionTime',
  'autoscaling.v2.HorizontalPodAutoscalerStatus': 'currentMetrics',
};

/** Required fields that are pointers or slices: absent stays absent, and validation asks for them. */
const REQUIRED_POINTERS: Readonly<Record<string, string>> = {
  'apps.v1.DaemonSetSpec': 'selector',
  'apps.v1.DeploymentSpec': 'selector',
  'apps.v1.ReplicaSetSpec': 'selector',
  'apps.v1.StatefulSetSpec': 'selector',
  'core.v1.ScaleIOPersistentVolumeSource': 'secretRef',
  'core.v1.ScaleIOVolumeSource': 'secretRef',
  'networking.v1.HTTPIngressPath': 'pathType',
  'networking.v1.IPAddressSpec': 'parentRef',
};

function listed(table: Readonly<Record<string, string>>, owner: string, name: string): boolean {
  return Object.hasOwn(table, owner) && table[owner]!.split(' ').includes(name);
}

/** How Go treats the zero value of this field. */
export function presenceOf(owner: string, name: string, type: TypeRef, required: boolean): Presence {
  if (listed(NULL_WHEN_ABSENT, owner, name)) return 'emit-null';
  if (listed(REQUIRED_POINTERS, owner, name) || listed(POINTERS, owner, name)) return 'keep';
  if (listed(EMITTED, owner, name)) return 'emit';
  switch (type.type) {
    case 'list':
    case 'map':
      return required ? 'keep' : 'omit';
    case 'message':
      return required || isValueStruct(owner, name, type.name) ? 'emit' : 'keep';
    case 'string':
    case 'boolean':
    case 'int32':
    case 'int64':
    case 'double':
    case 'bytes':
      return required ? 'emit' : 'omit';
    case 'int-or-string':
    case 'quantity':
      return required ? 'emit' : 'keep';
    default:
      return 'keep';
  }
}

/** `metadata`, `spec` and `status` are structs by value in every kind. */
function isValueStruct(owner: string, name: string, type: string): boolean {
  if (name === 'metadata') return type === 'meta.v1.ObjectMeta' || type === 'meta.v1.ListMeta';
  if (name !== 'spec' && name !== 'status') return false;
  const short = owner.slice(owner.lastIndexOf('.') + 1);
  return type.endsWith('Spec') || type.endsWith('Status') ? short !== 'ModifyVolumeStatus' : false;
}
