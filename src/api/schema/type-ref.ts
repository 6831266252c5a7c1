/**
 * The type of a field, resolved from the notation of the tables. References to messages stay by name, so that
 * a table is parsed only when something walks into it.
 */
export type TypeRef =
  | { type: ScalarType }
  | { type: 'message'; name: string }
  | { type: 'list'; of: TypeRef }
  | { type: 'map'; of: TypeRef };

/**
 * Leaves. `bytes` is base64 in JSON; `object` is any JSON object (RawExtension, FieldsV1); `json` any value.
 * `schema-or-*` are the unions of JSONSchemaProps.
 */
export type ScalarType =
  | 'string'
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'bytes'
  | 'time'
  | 'micro-time'
  | 'quantity'
  | 'int-or-string'
  | 'object'
  | 'fields-v1'
  | 'json'
  | 'schema-or-array'
  | 'schema-or-bool'
  | 'schema-or-strings';

const SCALARS: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  boolean: 'boolean',
  int32: 'int32',
  int64: 'int64',
  double: 'double',
  'string:byte': 'bytes',
  'string:date-time': 'time',
  object: 'object',
  'meta.v1.Time': 'time',
  'meta.v1.MicroTime': 'micro-time',
  'meta.v1.FieldsV1': 'fields-v1',
  'api.resource.Quantity': 'quantity',
  'util.intstr.IntOrString': 'int-or-string',
  'runtime.RawExtension': 'object',
  'apiextensions.v1.JSON': 'json',
  'apiextensions.v1.CustomResourceSubresourceStatus': 'object',
  'apiextensions.v1.JSONSchemaPropsOrArray': 'schema-or-array',
  'apiextensions.v1.JSONSchemaPropsOrBool': 'schema-or-bool',
  'apiextensions.v1.JSONSchemaPropsOrStringArray': 'schema-or-strings',
};

const interned = new Map<string, TypeRef>();

/** Parses the notation of the tables (`[]core.v1.ServicePort`, `map[string]string:byte`). Equal texts give one object. */
export function parseTypeRef(text: string): TypeRef {
  let ref = interned.get(text);
  if (ref === undefined) {
    ref = parse(text);
    interned.set(text, ref);
  }
  return ref;
}

function parse(text: string): TypeRef {
  if (text.startsWith('[]')) return { type: 'list', of: parseTypeRef(text.slice(2)) };
  if (text.startsWith('map[string]')) return { type: 'map', of: parseTypeRef(text.slice(11)) };
  const scalar = Object.hasOwn(SCALARS, text) ? SCALARS[text] : undefined;
  if (scalar !== undefined) return { type: scalar };
  if (!text.includes('.')) throw new TypeError(`schema table: unknown type ${JSON.stringify(text)}`);
  return { type: 'message', name: text };
}
