/**
 * Messages of node.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const nodeV1 = `
Overhead
  podFixed 1 map[string]api.resource.Quantity
RuntimeClass
  metadata 1 meta.v1.ObjectMeta
  handler 2 string required
  overhead 3 node.v1.Overhead
  scheduling 4 node.v1.Scheduling
  apiVersion - string
  kind - string
Scheduling
  nodeSelector 1 map[string]string
  tolerations 2 []core.v1.Toleration list=atomic
`;
