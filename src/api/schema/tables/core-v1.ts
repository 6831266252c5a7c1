/**
 * Messages of core.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const coreV1 = `
AWSElasticBlockStoreVolumeSource
  volumeID 1 string required
  fsType 2 string
  partition 3 int32
  readOnly 4 boolean
Affinity
  nodeAffinity 1 core.v1.NodeAffinity
  podAffinity 2 core.v1.PodAffinity
  podAntiAffinity 3 core.v1.PodAntiAffinity
AppArmorProfile
  type 1 string required
  localhostProfile 2 string
AttachedVolume
  name 1 string required
  devicePath 2 string required
AzureDiskVolumeSource
  diskName 1 string required
  diskURI 2 string required
  cachingMode 3 string default="ReadWrite"
  fsType 4 string default="ext4"
  readOnly 5 boolean default=false
  kind 6 string default="Shared"
AzureFilePersistentVolumeSource
  secretName 1 string required
  shareName 2 string required
  readOnly 3 boolean
  secretNamespace 4 string
AzureFileVolumeSource
  secretName 1 string required
  shareName 2 string required
  readOnly 3 boolean
Binding
  metadata 1 meta.v1.ObjectMeta
  target 2 core.v1.ObjectReference required
  apiVersion - string
  kind - string
CSIPersistentVolumeSource
  driver 1 string required
  volumeHandle 2 string required
  readOnly 3 boolean
  fsType 4 string
  volumeAttributes 5 map[string]string
  controllerPublishSecretRef 6 core.v1.SecretReference
  nodeStageSecretRef 7 core.v1.SecretReference
  nodePublishSecretRef 8 core.v1.SecretReference
  controllerExpandSecretRef 9 core.v1.SecretReference
  nodeExpandSecretRef 10 core.v1.SecretReference
CSIVolumeSource
  driver 1 string required
  readOnly 2 boolean
  fsType 3 string
  volumeAttributes 4 map[string]string
  nodePublishSecretRef 5 core.v1.LocalObjectReference
Capabilities
  add 1 []string list=atomic
  drop 2 []string list=atomic
CephFSPersistentVolumeSource
  monitors 1 []string required list=atomic
  path 2 string
  user 3 string
  secretFile 4 string
  secretRef 5 core.v1.SecretReference
  readOnly 6 boolean
CephFSVolumeSource
  monitors 1 []string required list=atomic
  path 2 string
  user 3 string
  secretFile 4 string
  secretRef 5 core.v1.LocalObjectReference
  readOnly 6 boolean
CinderPersistentVolumeSource
  volumeID 1 string required
  fsType 2 string
  readOnly 3 boolean
  secretRef 4 core.v1.SecretReference
CinderVolumeSource
  volumeID 1 string required
  fsType 2 string
  readOnly 3 boolean
  secretRef 4 core.v1.LocalObjectReference
ClientIPConfig
  timeoutSeconds 1 int32
ClusterTrustBundleProjection
  name 1 string
  signerName 2 string
  labelSelector 3 meta.v1.LabelSelector
  path 4 string required
  optional 5 boolean
ConfigMap
  metadata 1 meta.v1.ObjectMeta
  data 2 map[string]string
  binaryData 3 map[string]string:byte
  immutable 4 boolean
  apiVersion - string
  kind - string
ConfigMapEnvSource
  optional 2 boolean
  name - string
ConfigMapKeySelector
  key 2 string required
  optional 3 boolean
  name - string
ConfigMapNodeConfigSource
  namespace 1 string required
  name 2 string required
  uid 3 string
  resourceVersion 4 string
  kubeletConfigKey 5 string required
ConfigMapProjection
  items 2 []core.v1.KeyToPath list=atomic
  optional 4 boolean
  name - string
ConfigMapVolumeSource
  items 2 []core.v1.KeyToPath list=atomic
  defaultMode 3 int32
  optional 4 boolean
  name - string
Container
  name 1 string required
  image 2 string
  command 3 []string list=atomic
  args 4 []string list=atomic
  workingDir 5 string
  ports 6 []core.v1.ContainerPort list=map:containerPort,protocol patch=merge:containerPort
  env 7 []core.v1.EnvVar list=map:name patch=merge:name
  resources 8 core.v1.ResourceRequirements
  volumeMounts 9 []core.v1.VolumeMount list=map:mountPath patch=merge:mountPath
  livenessProbe 10 core.v1.Probe
  readinessProbe 11 core.v1.Probe
  lifecycle 12 core.v1.Lifecycle
  terminationMessagePath 13 string
  imagePullPolicy 14 string
  securityContext 15 core.v1.SecurityContext
  stdin 16 boolean
  stdinOnce 17 boolean
  tty 18 boolean
  envFrom 19 []core.v1.EnvFromSource list=atomic
  terminationMessagePolicy 20 string
  volumeDevices 21 []core.v1.VolumeDevice list=map:devicePath patch=merge:devicePath
  startupProbe 22 core.v1.Probe
  resizePolicy 23 []core.v1.ContainerResizePolicy list=atomic
  restartPolicy 24 string
  restartPolicyRules 25 []core.v1.ContainerRestartRule list=atomic
ContainerExtendedResourceRequest
  containerName 1 string required
  resourceName 2 string required
  requestName 3 string required
ContainerImage
  names 1 []string list=atomic
  sizeBytes 2 int64
ContainerPort
  name 1 string
  hostPort 2 int32
  containerPort 3 int32 required default=0
  protocol 4 string default="TCP"
  hostIP 5 string
ContainerResizePolicy
  resourceName 1 string required
  restartPolicy 2 string required
ContainerRestartRule
  action 1 string required
  exitCodes 2 core.v1.ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes
  operator 1 string required
  values 2 []int32 list=set
ContainerState
  waiting 1 core.v1.ContainerStateWaiting
  running 2 core.v1.ContainerStateRunning
  terminated 3 core.v1.ContainerStateTerminated
ContainerStateRunning
  startedAt 1 meta.v1.Time
ContainerStateTerminated
  exitCode 1 int32 required default=0
  signal 2 int32
  reason 3 string
  message 4 string
  startedAt 5 meta.v1.Time
  finishedAt 6 meta.v1.Time
  containerID 7 string
ContainerStateWaiting
  reason 1 string
  message 2 string
ContainerStatus
  name 1 string required
  state 2 core.v1.ContainerState
  lastState 3 core.v1.ContainerState
  ready 4 boolean required default=false
  restartCount 5 int32 required default=0
  image 6 string required
  imageID 7 string required
  containerID 8 string
  started 9 boolean
  allocatedResources 10 map[string]api.resource.Quantity
  resources 11 core.v1.ResourceRequirements
  volumeMounts 12 []core.v1.VolumeMountStatus list=map:mountPath patch=merge:mountPath
  user 13 core.v1.ContainerUser
  allocatedResourcesStatus 14 []core.v1.ResourceStatus list=map:name patch=merge:name
  stopSignal 15 string
ContainerUser
  linux 1 core.v1.LinuxContainerUser
DaemonEndpoint
  Port 1 int32 required default=0
DownwardAPIProjection
  items 1 []core.v1.DownwardAPIVolumeFile list=atomic
DownwardAPIVolumeFile
  path 1 string required
  fieldRef 2 core.v1.ObjectFieldSelector
  resourceFieldRef 3 core.v1.ResourceFieldSelector
  mode 4 int32
DownwardAPIVolumeSource
  items 1 []core.v1.DownwardAPIVolumeFile list=atomic
  defaultMode 2 int32
EmptyDirVolumeSource
  medium 1 string
  sizeLimit 2 api.resource.Quantity
EndpointAddress
  ip 1 string required
  targetRef 2 core.v1.ObjectReference
  hostname 3 string
  nodeName 4 string
EndpointPort
  name 1 string
  port 2 int32 required default=0
  protocol 3 string
  appProtocol 4 string
EndpointSubset
  addresses 1 []core.v1.EndpointAddress list=atomic
  notReadyAddresses 2 []core.v1.EndpointAddress list=atomic
  ports 3 []core.v1.EndpointPort list=atomic
Endpoints
  metadata 1 meta.v1.ObjectMeta
  subsets 2 []core.v1.EndpointSubset list=atomic
  apiVersion - string
  kind - string
EnvFromSource
  prefix 1 string
  configMapRef 2 core.v1.ConfigMapEnvSource
  secretRef 3 core.v1.SecretEnvSource
EnvVar
  name 1 string required
  value 2 string
  valueFrom 3 core.v1.EnvVarSource
EnvVarSource
  fieldRef 1 core.v1.ObjectFieldSelector
  resourceFieldRef 2 core.v1.ResourceFieldSelector
  configMapKeyRef 3 core.v1.ConfigMapKeySelector
  secretKeyRef 4 core.v1.SecretKeySelector
  fileKeyRef 5 core.v1.FileKeySelector
EphemeralContainer
  targetContainerName 2 string
  args - []string list=atomic
  command - []string list=atomic
  env - []core.v1.EnvVar list=map:name patch=merge:name
  envFrom - []core.v1.EnvFromSource list=atomic
  image - string
  imagePullPolicy - string
  lifecycle - core.v1.Lifecycle
  livenessProbe - core.v1.Probe
  name - string required
  ports - []core.v1.ContainerPort list=map:containerPort,protocol patch=merge:containerPort
  readinessProbe - core.v1.Probe
  resizePolicy - []core.v1.ContainerResizePolicy list=atomic
  resources - core.v1.ResourceRequirements
  restartPolicy - string
  restartPolicyRules - []core.v1.ContainerRestartRule list=atomic
  securityContext - core.v1.SecurityContext
  startupProbe - core.v1.Probe
  stdin - boolean
  stdinOnce - boolean
  terminationMessagePath - string
  terminationMessagePolicy - string
  tty - boolean
  volumeDevices - []core.v1.VolumeDevice list=map:devicePath patch=merge:devicePath
  volumeMounts - []core.v1.VolumeMount list=map:mountPath patch=merge:mountPath
  workingDir - string
EphemeralVolumeSource
  volumeClaimTemplate 1 core.v1.PersistentVolumeClaimTemplate
Event
  metadata 1 meta.v1.ObjectMeta required
  involvedObject 2 core.v1.ObjectReference required
  reason 3 string
  message 4 string
  source 5 core.v1.EventSource
  firstTimestamp 6 meta.v1.Time
  lastTimestamp 7 meta.v1.Time
  count 8 int32
  type 9 string
  eventTime 10 meta.v1.MicroTime
  series 11 core.v1.EventSeries
  action 12 string
  related 13 core.v1.ObjectReference
  reportingComponent 14 string
  reportingInstance 15 string
  apiVersion - string
  kind - string
EventSeries
  count 1 int32
  lastObservedTime 2 meta.v1.MicroTime
EventSource
  component 1 string
  host 2 string
ExecAction
  command 1 []string list=atomic
FCVolumeSource
  targetWWNs 1 []string list=atomic
  lun 2 int32
  fsType 3 string
  readOnly 4 boolean
  wwids 5 []string list=atomic
FileKeySelector
  volumeName 1 string required
  path 2 string required
  key 3 string required
  optional 4 boolean default=false
FlexPersistentVolumeSource
  driver 1 string required
  fsType 2 string
  secretRef 3 core.v1.SecretReference
  readOnly 4 boolean
  options 5 map[string]string
FlexVolumeSource
  driver 1 string required
  fsType 2 string
  secretRef 3 core.v1.LocalObjectReference
  readOnly 4 boolean
  options 5 map[string]string
FlockerVolumeSource
  datasetName 1 string
  datasetUUID 2 string
GCEPersistentDiskVolumeSource
  pdName 1 string required
  fsType 2 string
  partition 3 int32
  readOnly 4 boolean
GRPCAction
  port 1 int32 required default=0
  service 2 string
GitRepoVolumeSource
  repository 1 string required
  revision 2 string
  directory 3 string
GlusterfsPersistentVolumeSource
  endpoints 1 string required
  path 2 string required
  readOnly 3 boolean
  endpointsNamespace 4 string
GlusterfsVolumeSource
  endpoints 1 string required
  path 2 string required
  readOnly 3 boolean
HTTPGetAction
  path 1 string
  port 2 util.intstr.IntOrString required
  host 3 string
  scheme 4 string
  httpHeaders 5 []core.v1.HTTPHeader list=atomic
HTTPHeader
  name 1 string required
  value 2 string required
HostAlias
  ip 1 string required
  hostnames 2 []string list=atomic
HostIP
  ip 1 string required
HostPathVolumeSource
  path 1 string required
  type 2 string
ISCSIPersistentVolumeSource
  targetPortal 1 string required
  iqn 2 string required
  lun 3 int32 required default=0
  iscsiInterface 4 string default="default"
  fsType 5 string
  readOnly 6 boolean
  portals 7 []string list=atomic
  chapAuthDiscovery 8 boolean
  secretRef 10 core.v1.SecretReference
  chapAuthSession 11 boolean
  initiatorName 12 string
ISCSIVolumeSource
  targetPortal 1 string required
  iqn 2 string required
  lun 3 int32 required default=0
  iscsiInterface 4 string default="default"
  fsType 5 string
  readOnly 6 boolean
  portals 7 []string list=atomic
  chapAuthDiscovery 8 boolean
  secretRef 10 core.v1.LocalObjectReference
  chapAuthSession 11 boolean
  initiatorName 12 string
ImageVolumeSource
  reference 1 string
  pullPolicy 2 string
ImageVolumeStatus
  imageRef 1 string required
KeyToPath
  key 1 string required
  path 2 string required
  mode 3 int32
Lifecycle
  postStart 1 core.v1.LifecycleHandler
  preStop 2 core.v1.LifecycleHandler
  stopSignal 3 string
LifecycleHandler
  exec 1 core.v1.ExecAction
  httpGet 2 core.v1.HTTPGetAction
  tcpSocket 3 core.v1.TCPSocketAction
  sleep 4 core.v1.SleepAction
LimitRange
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.LimitRangeSpec
  apiVersion - string
  kind - string
LimitRangeItem
  type 1 string required
  max 2 map[string]api.resource.Quantity
  min 3 map[string]api.resource.Quantity
  default 4 map[string]api.resource.Quantity
  defaultRequest 5 map[string]api.resource.Quantity
  maxLimitRequestRatio 6 map[string]api.resource.Quantity
LimitRangeSpec
  limits 1 []core.v1.LimitRangeItem required list=atomic
LinuxContainerUser
  uid 1 int64 required default=0
  gid 2 int64 required default=0
  supplementalGroups 3 []int64 list=atomic
LoadBalancerIngress
  ip 1 string
  hostname 2 string
  ipMode 3 string
  ports 4 []core.v1.PortStatus list=atomic
LoadBalancerStatus
  ingress 1 []core.v1.LoadBalancerIngress list=atomic
LocalObjectReference
  name 1 string
LocalVolumeSource
  path 1 string required
  fsType 2 string
ModifyVolumeStatus
  targetVolumeAttributesClassName 1 string
  status 2 string required
NFSVolumeSource
  server 1 string required
  path 2 string required
  readOnly 3 boolean
Namespace
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.NamespaceSpec
  status 3 core.v1.NamespaceStatus
  apiVersion - string
  kind - string
NamespaceCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 4 meta.v1.Time
  reason 5 string
  message 6 string
NamespaceSpec
  finalizers 1 []string list=atomic
NamespaceStatus
  phase 1 string
  conditions 2 []core.v1.NamespaceCondition list=map:type patch=merge:type
Node
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.NodeSpec
  status 3 core.v1.NodeStatus
  apiVersion - string
  kind - string
NodeAddress
  type 1 string required
  address 2 string required
NodeAffinity
  requiredDuringSchedulingIgnoredDuringExecution 1 core.v1.NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution 2 []core.v1.PreferredSchedulingTerm list=atomic
NodeAllocatableResourceClaimStatus
  resourceClaimName 1 string required
  containers 2 []string list=set
  resources 3 map[string]api.resource.Quantity required
NodeCondition
  type 1 string required
  status 2 string required
  lastHeartbeatTime 3 meta.v1.Time
  lastTransitionTime 4 meta.v1.Time
  reason 5 string
  message 6 string
NodeConfigSource
  configMap 2 core.v1.ConfigMapNodeConfigSource
NodeConfigStatus
  assigned 1 core.v1.NodeConfigSource
  active 2 core.v1.NodeConfigSource
  lastKnownGood 3 core.v1.NodeConfigSource
  error 4 string
NodeDaemonEndpoints
  kubeletEndpoint 1 core.v1.DaemonEndpoint
NodeFeatures
  supplementalGroupsPolicy 1 boolean
NodeRuntimeHandler
  name 1 string
  features 2 core.v1.NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures
  recursiveReadOnlyMounts 1 boolean
  userNamespaces 2 boolean
NodeSelector
  nodeSelectorTerms 1 []core.v1.NodeSelectorTerm required list=atomic
NodeSelectorRequirement
  key 1 string required
  operator 2 string required
  values 3 []string list=atomic
NodeSelectorTerm
  matchExpressions 1 []core.v1.NodeSelectorRequirement list=atomic
  matchFields 2 []core.v1.NodeSelectorRequirement list=atomic
NodeSpec
  podCIDR 1 string
  externalID 2 string
  providerID 3 string
  unschedulable 4 boolean
  taints 5 []core.v1.Taint list=atomic
  configSource 6 core.v1.NodeConfigSource
  podCIDRs 7 []string list=set patch=merge
NodeStatus
  capacity 1 map[string]api.resource.Quantity
  allocatable 2 map[string]api.resource.Quantity
  phase 3 string
  conditions 4 []core.v1.NodeCondition list=map:type patch=merge:type
  addresses 5 []core.v1.NodeAddress list=map:type patch=merge:type
  daemonEndpoints 6 core.v1.NodeDaemonEndpoints
  nodeInfo 7 core.v1.NodeSystemInfo
  images 8 []core.v1.ContainerImage list=atomic
  volumesInUse 9 []string list=atomic
  volumesAttached 10 []core.v1.AttachedVolume list=atomic
  config 11 core.v1.NodeConfigStatus
  runtimeHandlers 12 []core.v1.NodeRuntimeHandler list=atomic
  features 13 core.v1.NodeFeatures
  declaredFeatures 14 []string list=atomic
NodeSwapStatus
  capacity 1 int64
NodeSystemInfo
  machineID 1 string required
  systemUUID 2 string required
  bootID 3 string required
  kernelVersion 4 string required
  osImage 5 string required
  containerRuntimeVersion 6 string required
  kubeletVersion 7 string required
  kubeProxyVersion 8 string required
  operatingSystem 9 string required
  architecture 10 string required
  swap 11 core.v1.NodeSwapStatus
ObjectFieldSelector
  apiVersion 1 string
  fieldPath 2 string required
ObjectReference
  kind 1 string
  namespace 2 string
  name 3 string
  uid 4 string
  apiVersion 5 string
  resourceVersion 6 string
  fieldPath 7 string
PersistentVolume
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.PersistentVolumeSpec
  status 3 core.v1.PersistentVolumeStatus
  apiVersion - string
  kind - string
PersistentVolumeClaim
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.PersistentVolumeClaimSpec
  status 3 core.v1.PersistentVolumeClaimStatus
  apiVersion - string
  kind - string
PersistentVolumeClaimCondition
  type 1 string required
  status 2 string required
  lastProbeTime 3 meta.v1.Time
  lastTransitionTime 4 meta.v1.Time
  reason 5 string
  message 6 string
PersistentVolumeClaimSpec
  accessModes 1 []string list=atomic
  resources 2 core.v1.VolumeResourceRequirements
  volumeName 3 string
  selector 4 meta.v1.LabelSelector
  storageClassName 5 string
  volumeMode 6 string
  dataSource 7 core.v1.TypedLocalObjectReference
  dataSourceRef 8 core.v1.TypedObjectReference
  volumeAttributesClassName 9 string
PersistentVolumeClaimStatus
  phase 1 string
  accessModes 2 []string list=atomic
  capacity 3 map[string]api.resource.Quantity
  conditions 4 []core.v1.PersistentVolumeClaimCondition list=map:type patch=merge:type
  allocatedResources 5 map[string]api.resource.Quantity
  allocatedResourceStatuses 7 map[string]string list=map:granular
  currentVolumeAttributesClassName 8 string
  modifyVolumeStatus 9 core.v1.ModifyVolumeStatus
PersistentVolumeClaimTemplate
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.PersistentVolumeClaimSpec required
PersistentVolumeClaimVolumeSource
  claimName 1 string required
  readOnly 2 boolean
PersistentVolumeSpec
  capacity 1 map[string]api.resource.Quantity
  accessModes 3 []string list=atomic
  claimRef 4 core.v1.ObjectReference list=map:granular
  persistentVolumeReclaimPolicy 5 string
  storageClassName 6 string
  mountOptions 7 []string list=atomic
  volumeMode 8 string
  nodeAffinity 9 core.v1.VolumeNodeAffinity
  volumeAttributesClassName 10 string
  awsElasticBlockStore - core.v1.AWSElasticBlockStoreVolumeSource
  azureDisk - core.v1.AzureDiskVolumeSource
  azureFile - core.v1.AzureFilePersistentVolumeSource
  cephfs - core.v1.CephFSPersistentVolumeSource
  cinder - core.v1.CinderPersistentVolumeSource
  csi - core.v1.CSIPersistentVolumeSource
  fc - core.v1.FCVolumeSource
  flexVolume - core.v1.FlexPersistentVolumeSource
  flocker - core.v1.FlockerVolumeSource
  gcePersistentDisk - core.v1.GCEPersistentDiskVolumeSource
  glusterfs - core.v1.GlusterfsPersistentVolumeSource
  hostPath - core.v1.HostPathVolumeSource
  iscsi - core.v1.ISCSIPersistentVolumeSource
  local - core.v1.LocalVolumeSource
  nfs - core.v1.NFSVolumeSource
  photonPersistentDisk - core.v1.PhotonPersistentDiskVolumeSource
  portworxVolume - core.v1.PortworxVolumeSource
  quobyte - core.v1.QuobyteVolumeSource
  rbd - core.v1.RBDPersistentVolumeSource
  scaleIO - core.v1.ScaleIOPersistentVolumeSource
  storageos - core.v1.StorageOSPersistentVolumeSource
  vsphereVolume - core.v1.VsphereVirtualDiskVolumeSource
PersistentVolumeStatus
  phase 1 string
  message 2 string
  reason 3 string
  lastPhaseTransitionTime 4 meta.v1.Time
PhotonPersistentDiskVolumeSource
  pdID 1 string required
  fsType 2 string
Pod
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.PodSpec
  status 3 core.v1.PodStatus
  apiVersion - string
  kind - string
PodAffinity
  requiredDuringSchedulingIgnoredDuringExecution 1 []core.v1.PodAffinityTerm list=atomic
  preferredDuringSchedulingIgnoredDuringExecution 2 []core.v1.WeightedPodAffinityTerm list=atomic
PodAffinityTerm
  labelSelector 1 meta.v1.LabelSelector
  namespaces 2 []string list=atomic
  topologyKey 3 string required
  namespaceSelector 4 meta.v1.LabelSelector
  matchLabelKeys 5 []string list=atomic
  mismatchLabelKeys 6 []string list=atomic
PodAntiAffinity
  requiredDuringSchedulingIgnoredDuringExecution 1 []core.v1.PodAffinityTerm list=atomic
  preferredDuringSchedulingIgnoredDuringExecution 2 []core.v1.WeightedPodAffinityTerm list=atomic
PodCertificateProjection
  signerName 1 string required
  keyType 2 string required
  maxExpirationSeconds 3 int32
  credentialBundlePath 4 string
  keyPath 5 string
  certificateChainPath 6 string
  userAnnotations 7 map[string]string
PodCondition
  type 1 string required
  status 2 string required
  lastProbeTime 3 meta.v1.Time
  lastTransitionTime 4 meta.v1.Time
  reason 5 string
  message 6 string
  observedGeneration 7 int64
PodDNSConfig
  nameservers 1 []string list=atomic
  searches 2 []string list=atomic
  options 3 []core.v1.PodDNSConfigOption list=atomic
PodDNSConfigOption
  name 1 string
  value 2 string
PodExtendedResourceClaimStatus
  requestMappings 1 []core.v1.ContainerExtendedResourceRequest required list=atomic
  resourceClaimName 2 string required
PodIP
  ip 1 string required
PodOS
  name 1 string required
PodReadinessGate
  conditionType 1 string required
PodResourceClaim
  name 1 string required
  resourceClaimName 3 string
  resourceClaimTemplateName 4 string
PodResourceClaimStatus
  name 1 string required
  resourceClaimName 2 string
PodSchedulingGate
  name 1 string required
PodSchedulingGroup
  podGroupName 1 string
PodSecurityContext
  seLinuxOptions 1 core.v1.SELinuxOptions
  runAsUser 2 int64
  runAsNonRoot 3 boolean
  supplementalGroups 4 []int64 list=atomic
  fsGroup 5 int64
  runAsGroup 6 int64
  sysctls 7 []core.v1.Sysctl list=atomic
  windowsOptions 8 core.v1.WindowsSecurityContextOptions
  fsGroupChangePolicy 9 string
  seccompProfile 10 core.v1.SeccompProfile
  appArmorProfile 11 core.v1.AppArmorProfile
  supplementalGroupsPolicy 12 string
  seLinuxChangePolicy 13 string
PodSpec
  volumes 1 []core.v1.Volume list=map:name patch=merge,retainKeys:name
  containers 2 []core.v1.Container required list=map:name patch=merge:name
  restartPolicy 3 string
  terminationGracePeriodSeconds 4 int64
  activeDeadlineSeconds 5 int64
  dnsPolicy 6 string
  nodeSelector 7 map[string]string list=map:atomic
  serviceAccountName 8 string
  serviceAccount 9 string
  nodeName 10 string
  hostNetwork 11 boolean
  hostPID 12 boolean
  hostIPC 13 boolean
  securityContext 14 core.v1.PodSecurityContext
  imagePullSecrets 15 []core.v1.LocalObjectReference list=map:name patch=merge:name
  hostname 16 string
  subdomain 17 string
  affinity 18 core.v1.Affinity
  schedulerName 19 string
  initContainers 20 []core.v1.Container list=map:name patch=merge:name
  automountServiceAccountToken 21 boolean
  tolerations 22 []core.v1.Toleration list=atomic
  hostAliases 23 []core.v1.HostAlias list=map:ip patch=merge:ip
  priorityClassName 24 string
  priority 25 int32
  dnsConfig 26 core.v1.PodDNSConfig
  shareProcessNamespace 27 boolean
  readinessGates 28 []core.v1.PodReadinessGate list=atomic
  runtimeClassName 29 string
  enableServiceLinks 30 boolean
  preemptionPolicy 31 string
  overhead 32 map[string]api.resource.Quantity
  topologySpreadConstraints 33 []core.v1.TopologySpreadConstraint list=map:topologyKey,whenUnsatisfiable patch=merge:topologyKey
  ephemeralContainers 34 []core.v1.EphemeralContainer list=map:name patch=merge:name
  setHostnameAsFQDN 35 boolean
  os 36 core.v1.PodOS
  hostUsers 37 boolean
  schedulingGates 38 []core.v1.PodSchedulingGate list=map:name patch=merge:name
  resourceClaims 39 []core.v1.PodResourceClaim list=map:name patch=merge,retainKeys:name
  resources 40 core.v1.ResourceRequirements
  hostnameOverride 41 string
  schedulingGroup 43 core.v1.PodSchedulingGroup
PodStatus
  phase 1 string
  conditions 2 []core.v1.PodCondition list=map:type patch=merge:type
  message 3 string
  reason 4 string
  hostIP 5 string
  podIP 6 string
  startTime 7 meta.v1.Time
  containerStatuses 8 []core.v1.ContainerStatus list=atomic
  qosClass 9 string
  initContainerStatuses 10 []core.v1.ContainerStatus list=atomic
  nominatedNodeName 11 string
  podIPs 12 []core.v1.PodIP list=map:ip patch=merge:ip
  ephemeralContainerStatuses 13 []core.v1.ContainerStatus list=atomic
  resize 14 string
  resourceClaimStatuses 15 []core.v1.PodResourceClaimStatus list=map:name patch=merge,retainKeys:name
  hostIPs 16 []core.v1.HostIP list=atomic patch=merge:ip
  observedGeneration 17 int64
  extendedResourceClaimStatus 18 core.v1.PodExtendedResourceClaimStatus
  allocatedResources 19 map[string]api.resource.Quantity
  resources 20 core.v1.ResourceRequirements
  nodeAllocatableResourceClaimStatuses 21 []core.v1.NodeAllocatableResourceClaimStatus list=atomic
PodTemplate
  metadata 1 meta.v1.ObjectMeta
  template 2 core.v1.PodTemplateSpec
  apiVersion - string
  kind - string
PodTemplateSpec
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.PodSpec
PortStatus
  port 1 int32 required default=0
  protocol 2 string required
  error 3 string
PortworxVolumeSource
  volumeID 1 string required
  fsType 2 string
  readOnly 3 boolean
PreferredSchedulingTerm
  weight 1 int32 required default=0
  preference 2 core.v1.NodeSelectorTerm required
Probe
  initialDelaySeconds 2 int32
  timeoutSeconds 3 int32
  periodSeconds 4 int32
  successThreshold 5 int32
  failureThreshold 6 int32
  terminationGracePeriodSeconds 7 int64
  exec - core.v1.ExecAction
  grpc - core.v1.GRPCAction
  httpGet - core.v1.HTTPGetAction
  tcpSocket - core.v1.TCPSocketAction
ProjectedVolumeSource
  sources 1 []core.v1.VolumeProjection list=atomic
  defaultMode 2 int32
QuobyteVolumeSource
  registry 1 string required
  volume 2 string required
  readOnly 3 boolean
  user 4 string
  group 5 string
  tenant 6 string
RBDPersistentVolumeSource
  monitors 1 []string required list=atomic
  image 2 string required
  fsType 3 string
  pool 4 string default="rbd"
  user 5 string default="admin"
  keyring 6 string default="/etc/ceph/keyring"
  secretRef 7 core.v1.SecretReference
  readOnly 8 boolean
RBDVolumeSource
  monitors 1 []string required list=atomic
  image 2 string required
  fsType 3 string
  pool 4 string default="rbd"
  user 5 string default="admin"
  keyring 6 string default="/etc/ceph/keyring"
  secretRef 7 core.v1.LocalObjectReference
  readOnly 8 boolean
ReplicationController
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.ReplicationControllerSpec
  status 3 core.v1.ReplicationControllerStatus
  apiVersion - string
  kind - string
ReplicationControllerCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
ReplicationControllerSpec
  replicas 1 int32 default=1
  selector 2 map[string]string list=map:atomic
  template 3 core.v1.PodTemplateSpec
  minReadySeconds 4 int32 default=0
ReplicationControllerStatus
  replicas 1 int32 required default=0
  fullyLabeledReplicas 2 int32
  observedGeneration 3 int64
  readyReplicas 4 int32
  availableReplicas 5 int32
  conditions 6 []core.v1.ReplicationControllerCondition list=map:type patch=merge:type
ResourceClaim
  name 1 string required
  request 2 string
ResourceFieldSelector
  containerName 1 string
  resource 2 string required
  divisor 3 api.resource.Quantity
ResourceHealth
  resourceID 1 string required
  health 2 string
  message 6 string
ResourceQuota
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.ResourceQuotaSpec
  status 3 core.v1.ResourceQuotaStatus
  apiVersion - string
  kind - string
ResourceQuotaSpec
  hard 1 map[string]api.resource.Quantity
  scopes 2 []string list=atomic
  scopeSelector 3 core.v1.ScopeSelector
ResourceQuotaStatus
  hard 1 map[string]api.resource.Quantity
  used 2 map[string]api.resource.Quantity
ResourceRequirements
  limits 1 map[string]api.resource.Quantity
  requests 2 map[string]api.resource.Quantity
  claims 3 []core.v1.ResourceClaim list=map:name
ResourceStatus
  name 1 string required
  resources 2 []core.v1.ResourceHealth list=map:resourceID
SELinuxOptions
  user 1 string
  role 2 string
  type 3 string
  level 4 string
ScaleIOPersistentVolumeSource
  gateway 1 string required
  system 2 string required
  secretRef 3 core.v1.SecretReference required
  sslEnabled 4 boolean
  protectionDomain 5 string
  storagePool 6 string
  storageMode 7 string default="ThinProvisioned"
  volumeName 8 string
  fsType 9 string default="xfs"
  readOnly 10 boolean
ScaleIOVolumeSource
  gateway 1 string required
  system 2 string required
  secretRef 3 core.v1.LocalObjectReference required
  sslEnabled 4 boolean
  protectionDomain 5 string
  storagePool 6 string
  storageMode 7 string default="ThinProvisioned"
  volumeName 8 string
  fsType 9 string default="xfs"
  readOnly 10 boolean
ScopeSelector
  matchExpressions 1 []core.v1.ScopedResourceSelectorRequirement list=atomic
ScopedResourceSelectorRequirement
  scopeName 1 string required
  operator 2 string required
  values 3 []string list=atomic
SeccompProfile
  type 1 string required
  localhostProfile 2 string
Secret
  metadata 1 meta.v1.ObjectMeta
  data 2 map[string]string:byte
  type 3 string
  stringData 4 map[string]string
  immutable 5 boolean
  apiVersion - string
  kind - string
SecretEnvSource
  optional 2 boolean
  name - string
SecretKeySelector
  key 2 string required
  optional 3 boolean
  name - string
SecretProjection
  items 2 []core.v1.KeyToPath list=atomic
  optional 4 boolean
  name - string
SecretReference
  name 1 string
  namespace 2 string
SecretVolumeSource
  secretName 1 string
  items 2 []core.v1.KeyToPath list=atomic
  defaultMode 3 int32
  optional 4 boolean
SecurityContext
  capabilities 1 core.v1.Capabilities
  privileged 2 boolean
  seLinuxOptions 3 core.v1.SELinuxOptions
  runAsUser 4 int64
  runAsNonRoot 5 boolean
  readOnlyRootFilesystem 6 boolean
  allowPrivilegeEscalation 7 boolean
  runAsGroup 8 int64
  procMount 9 string
  windowsOptions 10 core.v1.WindowsSecurityContextOptions
  seccompProfile 11 core.v1.SeccompProfile
  appArmorProfile 12 core.v1.AppArmorProfile
Service
  metadata 1 meta.v1.ObjectMeta
  spec 2 core.v1.ServiceSpec
  status 3 core.v1.ServiceStatus
  apiVersion - string
  kind - string
ServiceAccount
  metadata 1 meta.v1.ObjectMeta
  secrets 2 []core.v1.ObjectReference list=map:name patch=merge:name
  imagePullSecrets 3 []core.v1.LocalObjectReference list=atomic
  automountServiceAccountToken 4 boolean
  apiVersion - string
  kind - string
ServiceAccountTokenProjection
  audience 1 string
  expirationSeconds 2 int64
  path 3 string required
ServicePort
  name 1 string
  protocol 2 string default="TCP"
  port 3 int32 required default=0
  targetPort 4 util.intstr.IntOrString
  nodePort 5 int32
  appProtocol 6 string
ServiceSpec
  ports 1 []core.v1.ServicePort list=map:port,protocol patch=merge:port
  selector 2 map[string]string list=map:atomic
  clusterIP 3 string
  type 4 string
  externalIPs 5 []string list=atomic
  sessionAffinity 7 string
  loadBalancerIP 8 string
  loadBalancerSourceRanges 9 []string list=atomic
  externalName 10 string
  externalTrafficPolicy 11 string
  healthCheckNodePort 12 int32
  publishNotReadyAddresses 13 boolean
  sessionAffinityConfig 14 core.v1.SessionAffinityConfig
  ipFamilyPolicy 17 string
  clusterIPs 18 []string list=atomic
  ipFamilies 19 []string list=atomic
  allocateLoadBalancerNodePorts 20 boolean
  loadBalancerClass 21 string
  internalTrafficPolicy 22 string
  trafficDistribution 23 string
ServiceStatus
  loadBalancer 1 core.v1.LoadBalancerStatus
  conditions 2 []meta.v1.Condition list=map:type patch=merge:type
SessionAffinityConfig
  clientIP 1 core.v1.ClientIPConfig
SleepAction
  seconds 1 int64 required default=0
StorageOSPersistentVolumeSource
  volumeName 1 string
  volumeNamespace 2 string
  fsType 3 string
  readOnly 4 boolean
  secretRef 5 core.v1.ObjectReference
StorageOSVolumeSource
  volumeName 1 string
  volumeNamespace 2 string
  fsType 3 string
  readOnly 4 boolean
  secretRef 5 core.v1.LocalObjectReference
Sysctl
  name 1 string required
  value 2 string required
TCPSocketAction
  port 1 util.intstr.IntOrString required
  host 2 string
Taint
  key 1 string required
  value 2 string
  effect 3 string required
  timeAdded 4 meta.v1.Time
Toleration
  key 1 string
  operator 2 string
  value 3 string
  effect 4 string
  tolerationSeconds 5 int64
TopologySelectorLabelRequirement
  key 1 string required
  values 2 []string required list=atomic
TopologySelectorTerm
  matchLabelExpressions 1 []core.v1.TopologySelectorLabelRequirement list=atomic
TopologySpreadConstraint
  maxSkew 1 int32 required default=0
  topologyKey 2 string required
  whenUnsatisfiable 3 string required
  labelSelector 4 meta.v1.LabelSelector
  minDomains 5 int32
  nodeAffinityPolicy 6 string
  nodeTaintsPolicy 7 string
  matchLabelKeys 8 []string list=atomic
TypedLocalObjectReference
  apiGroup 1 string
  kind 2 string required
  name 3 string required
TypedObjectReference
  apiGroup 1 string
  kind 2 string required
  name 3 string required
  namespace 4 string
Volume
  name 1 string required
  awsElasticBlockStore - core.v1.AWSElasticBlockStoreVolumeSource
  azureDisk - core.v1.AzureDiskVolumeSource
  azureFile - core.v1.AzureFileVolumeSource
  cephfs - core.v1.CephFSVolumeSource
  cinder - core.v1.CinderVolumeSource
  configMap - core.v1.ConfigMapVolumeSource
  csi - core.v1.CSIVolumeSource
  downwardAPI - core.v1.DownwardAPIVolumeSource
  emptyDir - core.v1.EmptyDirVolumeSource
  ephemeral - core.v1.EphemeralVolumeSource
  fc - core.v1.FCVolumeSource
  flexVolume - core.v1.FlexVolumeSource
  flocker - core.v1.FlockerVolumeSource
  gcePersistentDisk - core.v1.GCEPersistentDiskVolumeSource
  gitRepo - core.v1.GitRepoVolumeSource
  glusterfs - core.v1.GlusterfsVolumeSource
  hostPath - core.v1.HostPathVolumeSource
  image - core.v1.ImageVolumeSource
  iscsi - core.v1.ISCSIVolumeSource
  nfs - core.v1.NFSVolumeSource
  persistentVolumeClaim - core.v1.PersistentVolumeClaimVolumeSource
  photonPersistentDisk - core.v1.PhotonPersistentDiskVolumeSource
  portworxVolume - core.v1.PortworxVolumeSource
  projected - core.v1.ProjectedVolumeSource
  quobyte - core.v1.QuobyteVolumeSource
  rbd - core.v1.RBDVolumeSource
  scaleIO - core.v1.ScaleIOVolumeSource
  secret - core.v1.SecretVolumeSource
  storageos - core.v1.StorageOSVolumeSource
  vsphereVolume - core.v1.VsphereVirtualDiskVolumeSource
VolumeDevice
  name 1 string required
  devicePath 2 string required
VolumeMount
  name 1 string required
  readOnly 2 boolean
  mountPath 3 string required
  subPath 4 string
  mountPropagation 5 string
  subPathExpr 6 string
  recursiveReadOnly 7 string
VolumeMountStatus
  name 1 string required
  mountPath 2 string required
  readOnly 3 boolean
  recursiveReadOnly 4 string
  volumeStatus 5 core.v1.VolumeStatus
VolumeNodeAffinity
  required 1 core.v1.NodeSelector
VolumeProjection
  secret 1 core.v1.SecretProjection
  downwardAPI 2 core.v1.DownwardAPIProjection
  configMap 3 core.v1.ConfigMapProjection
  serviceAccountToken 4 core.v1.ServiceAccountTokenProjection
  clusterTrustBundle 5 core.v1.ClusterTrustBundleProjection
  podCertificate 6 core.v1.PodCertificateProjection
VolumeResourceRequirements
  limits 1 map[string]api.resource.Quantity
  requests 2 map[string]api.resource.Quantity
VolumeStatus
  image 1 core.v1.ImageVolumeStatus
VsphereVirtualDiskVolumeSource
  volumePath 1 string required
  fsType 2 string
  storagePolicyName 3 string
  storagePolicyID 4 string
WeightedPodAffinityTerm
  weight 1 int32 required default=0
  podAffinityTerm 2 core.v1.PodAffinityTerm required
WindowsSecurityContextOptions
  gmsaCredentialSpecName 1 string
  gmsaCredentialSpec 2 string
  runAsUserName 3 string
  hostProcess 4 boolean
`;
