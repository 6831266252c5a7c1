/**
 * Messages of the scalar wrappers (Quantity, RawExtension, IntOrString), one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const scalars = `
api.resource.Quantity scalar
runtime.RawExtension scalar object
util.intstr.IntOrString scalar :int-or-string
`;
