/**
 * Messages of apps.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const appsV1 = `
ControllerRevision
  metadata 1 meta.v1.ObjectMeta
  data 2 runtime.RawExtension
  revision 3 int64 required default=0
  apiVersion - string
  kind - string
DaemonSet
  metadata 1 meta.v1.ObjectMeta
  spec 2 apps.v1.DaemonSetSpec
  status 3 apps.v1.DaemonSetStatus
  apiVersion - string
  kind - string
DaemonSetCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
DaemonSetSpec
  selector 1 meta.v1.LabelSelector required
  template 2 core.v1.PodTemplateSpec required
  updateStrategy 3 apps.v1.DaemonSetUpdateStrategy
  minReadySeconds 4 int32
  revisionHistoryLimit 6 int32
DaemonSetStatus
  currentNumberScheduled 1 int32 required default=0
  numberMisscheduled 2 int32 required default=0
  desiredNumberScheduled 3 int32 required default=0
  numberReady 4 int32 required default=0
  observedGeneration 5 int64
  updatedNumberScheduled 6 int32
  numberAvailable 7 int32
  numberUnavailable 8 int32
  collisionCount 9 int32
  conditions 10 []apps.v1.DaemonSetCondition list=map:type patch=merge:type
DaemonSetUpdateStrategy
  type 1 string
  rollingUpdate 2 apps.v1.RollingUpdateDaemonSet
Deployment
  metadata 1 meta.v1.ObjectMeta
  spec 2 apps.v1.DeploymentSpec
  status 3 apps.v1.DeploymentStatus
  apiVersion - string
  kind - string
DeploymentCondition
  type 1 string required
  status 2 string required
  reason 4 string
  message 5 string
  lastUpdateTime 6 meta.v1.Time
  lastTransitionTime 7 meta.v1.Time
DeploymentSpec
  replicas 1 int32
  selector 2 meta.v1.LabelSelector required
  template 3 core.v1.PodTemplateSpec required
  strategy 4 apps.v1.DeploymentStrategy patch=retainKeys
  minReadySeconds 5 int32
  revisionHistoryLimit 6 int32
  paused 7 boolean
  progressDeadlineSeconds 9 int32
DeploymentStatus
  observedGeneration 1 int64
  replicas 2 int32
  updatedReplicas 3 int32
  availableReplicas 4 int32
  unavailableReplicas 5 int32
  conditions 6 []apps.v1.DeploymentCondition list=map:type patch=merge:type
  readyReplicas 7 int32
  collisionCount 8 int32
  terminatingReplicas 9 int32
DeploymentStrategy
  type 1 string
  rollingUpdate 2 apps.v1.RollingUpdateDeployment
ReplicaSet
  metadata 1 meta.v1.ObjectMeta
  spec 2 apps.v1.ReplicaSetSpec
  status 3 apps.v1.ReplicaSetStatus
  apiVersion - string
  kind - string
ReplicaSetCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
ReplicaSetSpec
  replicas 1 int32
  selector 2 meta.v1.LabelSelector required
  template 3 core.v1.PodTemplateSpec
  minReadySeconds 4 int32
ReplicaSetStatus
  replicas 1 int32 required default=0
  fullyLabeledReplicas 2 int32
  observedGeneration 3 int64
  readyReplicas 4 int32
  availableReplicas 5 int32
  conditions 6 []apps.v1.ReplicaSetCondition list=map:type patch=merge:type
  terminatingReplicas 7 int32
RollingUpdateDaemonSet
  maxUnavailable 1 util.intstr.IntOrString
  maxSurge 2 util.intstr.IntOrString
RollingUpdateDeployment
  maxUnavailable 1 util.intstr.IntOrString
  maxSurge 2 util.intstr.IntOrString
RollingUpdateStatefulSetStrategy
  partition 1 int32
  maxUnavailable 2 util.intstr.IntOrString
StatefulSet
  metadata 1 meta.v1.ObjectMeta
  spec 2 apps.v1.StatefulSetSpec
  status 3 apps.v1.StatefulSetStatus
  apiVersion - string
  kind - string
StatefulSetCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
StatefulSetOrdinals
  start 1 int32 default=0
StatefulSetPersistentVolumeClaimRetentionPolicy
  whenDeleted 1 string
  whenScaled 2 string
StatefulSetSpec
  replicas 1 int32
  selector 2 meta.v1.LabelSelector required
  template 3 core.v1.PodTemplateSpec required
  volumeClaimTemplates 4 []core.v1.PersistentVolumeClaim list=atomic
  serviceName 5 string
  podManagementPolicy 6 string
  updateStrategy 7 apps.v1.StatefulSetUpdateStrategy
  revisionHistoryLimit 8 int32
  minReadySeconds 9 int32
  persistentVolumeClaimRetentionPolicy 10 apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy
  ordinals 11 apps.v1.StatefulSetOrdinals
StatefulSetStatus
  observedGeneration 1 int64
  replicas 2 int32 required default=0
  readyReplicas 3 int32
  currentReplicas 4 int32
  updatedReplicas 5 int32
  currentRevision 6 string
  updateRevision 7 string
  collisionCount 9 int32
  conditions 10 []apps.v1.StatefulSetCondition list=map:type patch=merge:type
  availableReplicas 11 int32 default=0
StatefulSetUpdateStrategy
  type 1 string
  rollingUpdate 2 apps.v1.RollingUpdateStatefulSetStrategy
`;
