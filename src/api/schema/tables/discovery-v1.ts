/**
 * Messages of discovery.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const discoveryV1 = `
Endpoint
  addresses 1 []string required list=set
  conditions 2 discovery.v1.EndpointConditions
  hostname 3 string
  targetRef 4 core.v1.ObjectReference
  deprecatedTopology 5 map[string]string
  nodeName 6 string
  zone 7 string
  hints 8 discovery.v1.EndpointHints
EndpointConditions
  ready 1 boolean
  serving 2 boolean
  terminating 3 boolean
EndpointHints
  forZones 1 []discovery.v1.ForZone list=atomic
  forNodes 2 []discovery.v1.ForNode list=atomic
EndpointPort
  name 1 string
  protocol 2 string
  port 3 int32
  appProtocol 4 string
EndpointSlice
  metadata 1 meta.v1.ObjectMeta
  endpoints 2 []discovery.v1.Endpoint list=atomic
  ports 3 []discovery.v1.EndpointPort list=atomic
  addressType 4 string required
  apiVersion - string
  kind - string
ForNode
  name 1 string required
ForZone
  name 1 string required
`;
