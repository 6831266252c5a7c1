/**
 * Messages of meta.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const metaV1 = `
APIGroup
  name 1 string required
  versions 2 []meta.v1.GroupVersionForDiscovery required list=atomic
  preferredVersion 3 meta.v1.GroupVersionForDiscovery
  serverAddressByClientCIDRs 4 []meta.v1.ServerAddressByClientCIDR list=atomic
  apiVersion - string
  kind - string
APIGroupList
  groups 1 []meta.v1.APIGroup required list=atomic
  apiVersion - string
  kind - string
APIResource
  name 1 string required
  namespaced 2 boolean required default=false
  kind 3 string required
  verbs 4 []string required
  shortNames 5 []string list=atomic
  singularName 6 string required
  categories 7 []string list=atomic
  group 8 string
  version 9 string
  storageVersionHash 10 string
APIResourceList
  groupVersion 1 string required
  resources 2 []meta.v1.APIResource required list=atomic
  apiVersion - string
  kind - string
Condition
  type 1 string required
  status 2 string required
  observedGeneration 3 int64
  lastTransitionTime 4 meta.v1.Time required
  reason 5 string required
  message 6 string required
DeleteOptions
  gracePeriodSeconds 1 int64
  preconditions 2 meta.v1.Preconditions
  orphanDependents 3 boolean
  propagationPolicy 4 string
  dryRun 5 []string list=atomic
  ignoreStoreReadErrorWithClusterBreakingPotential 6 boolean
  apiVersion - string
  kind - string
FieldSelectorRequirement
  key 1 string required
  operator 2 string required
  values 3 []string list=atomic
FieldsV1 scalar object
GroupVersionForDiscovery
  groupVersion 1 string required
  version 2 string required
LabelSelector
  matchLabels 1 map[string]string
  matchExpressions 2 []meta.v1.LabelSelectorRequirement list=atomic
LabelSelectorRequirement
  key 1 string required
  operator 2 string required
  values 3 []string list=atomic
ListMeta
  selfLink 1 string
  resourceVersion 2 string
  continue 3 string
  remainingItemCount 4 int64
  shardInfo 5 meta.v1.ShardInfo
ManagedFieldsEntry
  manager 1 string
  operation 2 string
  apiVersion 3 string
  time 4 meta.v1.Time
  fieldsType 6 string
  fieldsV1 7 meta.v1.FieldsV1
  subresource 8 string
MicroTime scalar string:date-time
ObjectMeta
  name 1 string
  generateName 2 string
  namespace 3 string
  selfLink 4 string
  uid 5 string
  resourceVersion 6 string
  generation 7 int64
  creationTimestamp 8 meta.v1.Time
  deletionTimestamp 9 meta.v1.Time
  deletionGracePeriodSeconds 10 int64
  labels 11 map[string]string
  annotations 12 map[string]string
  ownerReferences 13 []meta.v1.OwnerReference list=map:uid patch=merge:uid
  finalizers 14 []string list=set patch=merge
  managedFields 17 []meta.v1.ManagedFieldsEntry list=atomic
OwnerReference
  kind 1 string required
  name 3 string required
  uid 4 string required
  apiVersion 5 string required
  controller 6 boolean
  blockOwnerDeletion 7 boolean
PartialObjectMetadata
  metadata 1 meta.v1.ObjectMeta
  apiVersion - string
  kind - string
PartialObjectMetadataList
  metadata 1 meta.v1.ListMeta
  items 2 []meta.v1.PartialObjectMetadata required
  apiVersion - string
  kind - string
Preconditions
  uid 1 string
  resourceVersion 2 string
ServerAddressByClientCIDR
  clientCIDR 1 string required
  serverAddress 2 string required
ShardInfo
  selector 1 string required
Status
  metadata 1 meta.v1.ListMeta
  status 2 string
  message 3 string
  reason 4 string
  details 5 meta.v1.StatusDetails
  code 6 int32
  apiVersion - string
  kind - string
StatusCause
  reason 1 string
  message 2 string
  field 3 string
StatusDetails
  name 1 string
  group 2 string
  kind 3 string
  causes 4 []meta.v1.StatusCause list=atomic
  retryAfterSeconds 5 int32
  uid 6 string
Time scalar string:date-time
`;
