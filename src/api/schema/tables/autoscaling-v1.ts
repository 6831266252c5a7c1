/**
 * Messages of autoscaling.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const autoscalingV1 = `
Scale
  metadata 1 meta.v1.ObjectMeta
  spec 2 autoscaling.v1.ScaleSpec
  status 3 autoscaling.v1.ScaleStatus
  apiVersion - string
  kind - string
ScaleSpec
  replicas 1 int32 default=0
ScaleStatus
  replicas 1 int32 required default=0
  selector 2 string
`;
