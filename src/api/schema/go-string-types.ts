/**
 * Go's names of string types, which its JSON errors mention (`cannot unmarshal number into ... of type v1.ServiceType`).
 * Per message, `field=Type` in package v1 unless it says otherwise; for lists the type of the items. Read off
 * the errors that kubectl 1.32 prints when each field holds a wrong type.
 */
const STRING_TYPES: Readonly<Record<string, string>> = {
  'apps.v1.DaemonSetCondition': 'status=ConditionStatus type=DaemonSetConditionType',
  'apps.v1.DaemonSetUpdateStrategy': 'type=DaemonSetUpdateStrategyType',
  'apps.v1.DeploymentCondition': 'status=ConditionStatus type=DeploymentConditionType',
  'apps.v1.DeploymentStrategy': 'type=DeploymentStrategyType',
  'apps.v1.ReplicaSetCondition': 'status=ConditionStatus type=ReplicaSetConditionType',
  'apps.v1.StatefulSetCondition': 'status=ConditionStatus type=StatefulSetConditionType',
  'apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy':
    'whenDeleted=PersistentVolumeClaimRetentionPolicyType whenScaled=PersistentVolumeClaimRetentionPolicyType',
  'apps.v1.StatefulSetSpec': 'podManagementPolicy=PodManagementPolicyType',
  'apps.v1.StatefulSetUpdateStrategy': 'type=StatefulSetUpdateStrategyType',
  'batch.v1.CronJobSpec': 'concurrencyPolicy=ConcurrencyPolicy',
  'batch.v1.JobCondition': 'status=ConditionStatus type=JobConditionType',
  'batch.v1.JobSpec': 'completionMode=CompletionMode podReplacementPolicy=PodReplacementPolicy',
  'batch.v1.PodFailurePolicyOnExitCodesRequirement': 'operator=PodFailurePolicyOnExitCodesOperator',
  'batch.v1.PodFailurePolicyOnPodConditionsPattern': 'status=ConditionStatus type=PodConditionType',
  'batch.v1.PodFailurePolicyRule': 'action=PodFailurePolicyAction',
  'batch.v1.UncountedTerminatedPods': 'failed=types.UID succeeded=types.UID',
  'coordination.v1.LeaseSpec': 'strategy=CoordinatedLeaseStrategy',
  'core.v1.AppArmorProfile': 'type=AppArmorProfileType',
  'core.v1.AttachedVolume': 'name=UniqueVolumeName',
  'core.v1.AzureDiskVolumeSource': 'cachingMode=AzureDataDiskCachingMode kind=AzureDataDiskKind',
  'core.v1.Capabilities': 'add=Capability drop=Capability',
  'core.v1.ConfigMapNodeConfigSource': 'uid=types.UID',
  'core.v1.Container':
    'imagePullPolicy=PullPolicy restartPolicy=ContainerRestartPolicy terminationMessagePolicy=TerminationMessagePolicy',
  'core.v1.ContainerPort': 'protocol=Protocol',
  'core.v1.ContainerResizePolicy': 'resourceName=ResourceName restartPolicy=ResourceResizeRestartPolicy',
  'core.v1.EmptyDirVolumeSource': 'medium=StorageMedium',
  'core.v1.EndpointPort': 'protocol=Protocol',
  'core.v1.EphemeralContainer':
    'imagePullPolicy=PullPolicy restartPolicy=ContainerRestartPolicy terminationMessagePolicy=TerminationMessagePolicy',
  'core.v1.HTTPGetAction': 'scheme=URIScheme',
  'core.v1.HostPathVolumeSource': 'type=HostPathType',
  'core.v1.ImageVolumeSource': 'pullPolicy=PullPolicy',
  'core.v1.LimitRangeItem': 'type=LimitType',
  'core.v1.LoadBalancerIngress': 'ipMode=LoadBalancerIPMode',
  'core.v1.ModifyVolumeStatus': 'status=PersistentVolumeClaimModifyVolumeStatus',
  'core.v1.NamespaceCondition': 'status=ConditionStatus type=NamespaceConditionType',
  'core.v1.NamespaceSpec': 'finalizers=FinalizerName',
  'core.v1.NamespaceStatus': 'phase=NamespacePhase',
  'core.v1.NodeAddress': 'type=NodeAddressType',
  'core.v1.NodeCondition': 'status=ConditionStatus type=NodeConditionType',
  'core.v1.NodeSelectorRequirement': 'operator=NodeSelectorOperator',
  'core.v1.NodeStatus': 'phase=NodePhase volumesInUse=UniqueVolumeName',
  'core.v1.ObjectReference': 'uid=types.UID',
  'core.v1.PersistentVolumeClaimCondition': 'status=ConditionStatus type=PersistentVolumeClaimConditionType',
  'core.v1.PersistentVolumeClaimSpec':
    'accessModes=PersistentVolumeAccessMode volumeMode=PersistentVolumeMode',
  'core.v1.PersistentVolumeClaimStatus':
    'accessModes=PersistentVolumeAccessMode allocatedResourceStatuses=ClaimResourceStatus phase=PersistentVolumeClaimPhase',
  'core.v1.PersistentVolumeSpec':
    'accessModes=PersistentVolumeAccessMode persistentVolumeReclaimPolicy=PersistentVolumeReclaimPolicy volumeMode=PersistentVolumeMode',
  'core.v1.PersistentVolumeStatus': 'phase=PersistentVolumePhase',
  'core.v1.PodCondition': 'status=ConditionStatus type=PodConditionType',
  'core.v1.PodOS': 'name=OSName',
  'core.v1.PodReadinessGate': 'conditionType=PodConditionType',
  'core.v1.PodSecurityContext':
    'fsGroupChangePolicy=PodFSGroupChangePolicy seLinuxChangePolicy=PodSELinuxChangePolicy supplementalGroupsPolicy=SupplementalGroupsPolicy',
  'core.v1.PodSpec': 'dnsPolicy=DNSPolicy preemptionPolicy=PreemptionPolicy restartPolicy=RestartPolicy',
  'core.v1.PodStatus': 'phase=PodPhase qosClass=PodQOSClass resize=PodResizeStatus',
  'core.v1.PortStatus': 'protocol=Protocol',
  'core.v1.ReplicationControllerCondition': 'status=ConditionStatus type=ReplicationControllerConditionType',
  'core.v1.ResourceHealth': 'health=ResourceHealthStatus resourceID=ResourceID',
  'core.v1.ResourceQuotaSpec': 'scopes=ResourceQuotaScope',
  'core.v1.ResourceStatus': 'name=ResourceName',
  'core.v1.ScopedResourceSelectorRequirement': 'operator=ScopeSelectorOperator scopeName=ResourceQuotaScope',
  'core.v1.SeccompProfile': 'type=SeccompProfileType',
  'core.v1.Secret': 'type=SecretType',
  'core.v1.SecurityContext': 'procMount=ProcMountType',
  'core.v1.ServicePort': 'protocol=Protocol',
  'core.v1.ServiceSpec':
    'externalTrafficPolicy=ServiceExternalTrafficPolicy internalTrafficPolicy=ServiceInternalTrafficPolicy ipFamilies=IPFamily ipFamilyPolicy=IPFamilyPolicy sessionAffinity=ServiceAffinity type=ServiceType',
  'core.v1.Taint': 'effect=TaintEffect',
  'core.v1.Toleration': 'effect=TaintEffect operator=TolerationOperator',
  'core.v1.TopologySpreadConstraint':
    'nodeAffinityPolicy=NodeInclusionPolicy nodeTaintsPolicy=NodeInclusionPolicy whenUnsatisfiable=UnsatisfiableConstraintAction',
  'core.v1.VolumeMount': 'mountPropagation=MountPropagationMode recursiveReadOnly=RecursiveReadOnlyMode',
  'core.v1.VolumeMountStatus': 'recursiveReadOnly=RecursiveReadOnlyMode',
  'discovery.v1.EndpointPort': 'protocol=Protocol',
  'discovery.v1.EndpointSlice': 'addressType=AddressType',
  'meta.v1.Condition': 'status=ConditionStatus',
  'meta.v1.FieldSelectorRequirement': 'operator=FieldSelectorOperator',
  'meta.v1.LabelSelectorRequirement': 'operator=LabelSelectorOperator',
  'meta.v1.ManagedFieldsEntry': 'operation=ManagedFieldsOperationType',
  'meta.v1.ObjectMeta': 'uid=types.UID',
  'meta.v1.OwnerReference': 'uid=types.UID',
  'networking.v1.HTTPIngressPath': 'pathType=PathType',
  'networking.v1.IngressPortStatus': 'protocol=Protocol',
  'networking.v1.NetworkPolicyPort': 'protocol=Protocol',
  'networking.v1.NetworkPolicySpec': 'policyTypes=PolicyType',
  'policy.v1.PodDisruptionBudgetSpec': 'unhealthyPodEvictionPolicy=UnhealthyPodEvictionPolicyType',
  'scheduling.v1.PriorityClass': 'preemptionPolicy=PreemptionPolicy',
};

/** The Go type of a string field (or of its items): `string`, or a named one. */
export function goStringType(message: string, field: string): string {
  const named = Object.hasOwn(STRING_TYPES, message) ? STRING_TYPES[message]! : '';
  for (const pair of named.split(' ')) {
    if (!pair.startsWith(`${field}=`)) continue;
    const name = pair.slice(field.length + 1);
    return name.includes('.') ? name : `v1.${name}`;
  }
  return 'string';
}
