/**
 * Messages of coordination.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const coordinationV1 = `
Lease
  metadata 1 meta.v1.ObjectMeta
  spec 2 coordination.v1.LeaseSpec
  apiVersion - string
  kind - string
LeaseSpec
  holderIdentity 1 string
  leaseDurationSeconds 2 int32
  acquireTime 3 meta.v1.MicroTime
  renewTime 4 meta.v1.MicroTime
  leaseTransitions 5 int32
  strategy 6 string
  preferredHolder 7 string
`;
