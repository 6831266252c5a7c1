/**
 * Messages of storage.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const storageV1 = `
CSIDriver
  metadata 1 meta.v1.ObjectMeta
  spec 2 storage.v1.CSIDriverSpec required
  apiVersion - string
  kind - string
CSIDriverSpec
  attachRequired 1 boolean
  podInfoOnMount 2 boolean
  volumeLifecycleModes 3 []string list=set
  storageCapacity 4 boolean
  fsGroupPolicy 5 string
  tokenRequests 6 []storage.v1.TokenRequest list=atomic
  requiresRepublish 7 boolean
  seLinuxMount 8 boolean
  nodeAllocatableUpdatePeriodSeconds 9 int64
  serviceAccountTokenInSecrets 10 boolean
  preventPodSchedulingIfMissing 11 boolean
CSINode
  metadata 1 meta.v1.ObjectMeta
  spec 2 storage.v1.CSINodeSpec required
  apiVersion - string
  kind - string
CSINodeDriver
  name 1 string required
  nodeID 2 string required
  topologyKeys 3 []string list=atomic
  allocatable 4 storage.v1.VolumeNodeResources
CSINodeSpec
  drivers 1 []storage.v1.CSINodeDriver required list=map:name patch=merge:name
CSIStorageCapacity
  metadata 1 meta.v1.ObjectMeta
  nodeTopology 2 meta.v1.LabelSelector
  storageClassName 3 string required
  capacity 4 api.resource.Quantity
  maximumVolumeSize 5 api.resource.Quantity
  apiVersion - string
  kind - string
StorageClass
  metadata 1 meta.v1.ObjectMeta
  provisioner 2 string required
  parameters 3 map[string]string
  reclaimPolicy 4 string
  mountOptions 5 []string list=atomic
  allowVolumeExpansion 6 boolean
  volumeBindingMode 7 string
  allowedTopologies 8 []core.v1.TopologySelectorTerm list=atomic
  apiVersion - string
  kind - string
TokenRequest
  audience 1 string required
  expirationSeconds 2 int64
VolumeAttachment
  metadata 1 meta.v1.ObjectMeta
  spec 2 storage.v1.VolumeAttachmentSpec required
  status 3 storage.v1.VolumeAttachmentStatus
  apiVersion - string
  kind - string
VolumeAttachmentSource
  persistentVolumeName 1 string
  inlineVolumeSpec 2 core.v1.PersistentVolumeSpec
VolumeAttachmentSpec
  attacher 1 string required
  source 2 storage.v1.VolumeAttachmentSource required
  nodeName 3 string required
VolumeAttachmentStatus
  attached 1 boolean required
  attachmentMetadata 2 map[string]string
  attachError 3 storage.v1.VolumeError
  detachError 4 storage.v1.VolumeError
VolumeAttributesClass
  metadata 1 meta.v1.ObjectMeta
  driverName 2 string required
  parameters 3 map[string]string
  apiVersion - string
  kind - string
VolumeError
  time 1 meta.v1.Time
  message 2 string
  errorCode 3 int32
VolumeNodeResources
  count 1 int32
`;
