/**
 * Messages of resource.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const resourceV1 = `
AllocatedDeviceStatus
  driver 1 string required
  pool 2 string required
  device 3 string required
  shareID 7 string
  conditions 4 []meta.v1.Condition list=map:type
  data 5 runtime.RawExtension
  networkData 6 resource.v1.NetworkDeviceData
AllocationResult
  devices 1 resource.v1.DeviceAllocationResult
  nodeSelector 3 core.v1.NodeSelector
  allocationTimestamp 5 meta.v1.Time
CELDeviceSelector
  expression 1 string required
CapacityRequestPolicy
  default 1 api.resource.Quantity
  validValues 3 []api.resource.Quantity list=atomic
  validRange 4 resource.v1.CapacityRequestPolicyRange
CapacityRequestPolicyRange
  min 1 api.resource.Quantity
  max 2 api.resource.Quantity
  step 3 api.resource.Quantity
CapacityRequirements
  requests 1 map[string]api.resource.Quantity
Counter
  value 1 api.resource.Quantity required
CounterSet
  name 1 string required
  counters 2 map[string]resource.v1.Counter
Device
  name 1 string required
  attributes 2 map[string]resource.v1.DeviceAttribute
  capacity 3 map[string]resource.v1.DeviceCapacity
  consumesCounters 4 []resource.v1.DeviceCounterConsumption list=atomic
  nodeName 5 string
  nodeSelector 6 core.v1.NodeSelector
  allNodes 7 boolean
  taints 8 []resource.v1.DeviceTaint list=atomic
  bindsToNode 9 boolean
  bindingConditions 10 []string list=atomic
  bindingFailureConditions 11 []string list=atomic
  allowMultipleAllocations 12 boolean
  nodeAllocatableResourceMappings 13 map[string]resource.v1.NodeAllocatableResourceMapping
DeviceAllocationConfiguration
  source 1 string required
  requests 2 []string list=atomic
  opaque - resource.v1.OpaqueDeviceConfiguration
DeviceAllocationResult
  results 1 []resource.v1.DeviceRequestAllocationResult list=atomic
  config 2 []resource.v1.DeviceAllocationConfiguration list=atomic
DeviceAttribute
  int 2 int64
  bool 3 boolean
  string 4 string
  version 5 string
  ints 6 []int64 list=atomic
  bools 7 []boolean list=atomic
  strings 8 []string list=atomic
  versions 9 []string list=atomic
DeviceCapacity
  value 1 api.resource.Quantity required
  requestPolicy 2 resource.v1.CapacityRequestPolicy
DeviceClaim
  requests 1 []resource.v1.DeviceRequest list=atomic
  constraints 2 []resource.v1.DeviceConstraint list=atomic
  config 3 []resource.v1.DeviceClaimConfiguration list=atomic
DeviceClaimConfiguration
  requests 1 []string list=atomic
  opaque - resource.v1.OpaqueDeviceConfiguration
DeviceClass
  metadata 1 meta.v1.ObjectMeta
  spec 2 resource.v1.DeviceClassSpec required
  apiVersion - string
  kind - string
DeviceClassConfiguration
  opaque - resource.v1.OpaqueDeviceConfiguration
DeviceClassSpec
  selectors 1 []resource.v1.DeviceSelector list=atomic
  config 2 []resource.v1.DeviceClassConfiguration list=atomic
  extendedResourceName 4 string
DeviceConstraint
  requests 1 []string list=atomic
  matchAttribute 2 string
  distinctAttribute 3 string
DeviceCounterConsumption
  counterSet 1 string required
  counters 2 map[string]resource.v1.Counter
DeviceRequest
  name 1 string required
  exactly 2 resource.v1.ExactDeviceRequest
  firstAvailable 3 []resource.v1.DeviceSubRequest list=atomic
DeviceRequestAllocationResult
  request 1 string required
  driver 2 string required
  pool 3 string required
  device 4 string required
  adminAccess 5 boolean
  tolerations 6 []resource.v1.DeviceToleration list=atomic
  bindingConditions 7 []string list=atomic
  bindingFailureConditions 8 []string list=atomic
  shareID 9 string
  consumedCapacity 10 map[string]api.resource.Quantity
DeviceSelector
  cel 1 resource.v1.CELDeviceSelector
DeviceSubRequest
  name 1 string required
  deviceClassName 2 string required
  selectors 3 []resource.v1.DeviceSelector list=atomic
  allocationMode 4 string
  count 5 int64
  tolerations 6 []resource.v1.DeviceToleration list=atomic
  capacity 7 resource.v1.CapacityRequirements
DeviceTaint
  key 1 string required
  value 2 string
  effect 3 string required
  timeAdded 4 meta.v1.Time
DeviceToleration
  key 1 string
  operator 2 string
  value 3 string
  effect 4 string
  tolerationSeconds 5 int64
ExactDeviceRequest
  deviceClassName 1 string required
  selectors 2 []resource.v1.DeviceSelector list=atomic
  allocationMode 3 string
  count 4 int64
  adminAccess 5 boolean
  tolerations 6 []resource.v1.DeviceToleration list=atomic
  capacity 7 resource.v1.CapacityRequirements
NetworkDeviceData
  interfaceName 1 string
  ips 2 []string list=atomic
  hardwareAddress 3 string
NodeAllocatableResourceMapping
  capacityKey 1 string
  allocationMultiplier 2 api.resource.Quantity
OpaqueDeviceConfiguration
  driver 1 string required
  parameters 2 runtime.RawExtension required
ResourceClaim
  metadata 1 meta.v1.ObjectMeta
  spec 2 resource.v1.ResourceClaimSpec required
  status 3 resource.v1.ResourceClaimStatus
  apiVersion - string
  kind - string
ResourceClaimConsumerReference
  apiGroup 1 string
  resource 3 string required
  name 4 string required
  uid 5 string required
ResourceClaimSpec
  devices 1 resource.v1.DeviceClaim
ResourceClaimStatus
  allocation 1 resource.v1.AllocationResult
  reservedFor 2 []resource.v1.ResourceClaimConsumerReference list=map:uid patch=merge:uid
  devices 4 []resource.v1.AllocatedDeviceStatus list=map:driver,device,pool,shareID
ResourceClaimTemplate
  metadata 1 meta.v1.ObjectMeta
  spec 2 resource.v1.ResourceClaimTemplateSpec required
  apiVersion - string
  kind - string
ResourceClaimTemplateSpec
  metadata 1 meta.v1.ObjectMeta
  spec 2 resource.v1.ResourceClaimSpec required
ResourcePool
  name 1 string required
  generation 2 int64 required default=0
  resourceSliceCount 3 int64 required default=0
ResourceSlice
  metadata 1 meta.v1.ObjectMeta
  spec 2 resource.v1.ResourceSliceSpec required
  apiVersion - string
  kind - string
ResourceSliceSpec
  driver 1 string required
  pool 2 resource.v1.ResourcePool required
  nodeName 3 string
  nodeSelector 4 core.v1.NodeSelector
  allNodes 5 boolean
  devices 6 []resource.v1.Device list=atomic
  perDeviceNodeSelection 7 boolean
  sharedCounters 8 []resource.v1.CounterSet list=atomic
`;
