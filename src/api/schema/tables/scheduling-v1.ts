/**
 * Messages of scheduling.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const schedulingV1 = `
PriorityClass
  metadata 1 meta.v1.ObjectMeta
  value 2 int32 default=0
  globalDefault 3 boolean
  description 4 string
  preemptionPolicy 5 string
  apiVersion - string
  kind - string
`;
