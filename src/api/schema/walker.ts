import { resourceQuantity } from '../selectors/quantity.js';
import { goType, jsonTypeName } from './go-types.js';
import { type Field, type Message, message } from './messages.js';
import { walkScalar } from './scalar-checks.js';
import type { TypeRef } from './type-ref.js';
import {
  fieldPath,
  isObject,
  MAX_DEPTH,
  mismatch,
  type Plain,
  SchemaError,
  setOwn,
  type Walk,
} from './walk.js';

export { fieldPath, MAX_DEPTH, SchemaError, setOwn } from './walk.js';

/** Unknown fields reported for one object, as upstream's strict decoder. */
const MAX_UNKNOWN = 100;

/** What `pruneAndCheck` found. */
export interface Checked<T extends object = Record<string, unknown>> {
  /** A new object that shares no structs with the input (schemaless parts are shared). */
  object: T;
  /** Paths of fields that the schema does not have (`spec.ports[0].foo`), at most 100, in document order. */
  unknown: string[];
}

/**
 * Brings a parsed JSON object into the form that Go would store: unknown fields are dropped and reported,
 * types are checked, nulls mean absent, zero values appear or vanish as the Go tags say
 * (`status: {loadBalancer: {}}`), quantities and times become canonical, "80" and 80 stay apart.
 * Throws SchemaError where Go's decoder would fail. The input is not changed.
 */
export function pruneAndCheck<T extends object = Record<string, unknown>>(
  value: unknown,
  schema: Message,
): Checked<T> {
  const walk: Walk = { unknown: [], path: [], depth: 0 };
  const type: TypeRef = { type: 'message', name: schema.name };
  if (!isObject(value)) {
    throw new SchemaError(
      `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${goType(type)}`,
    );
  }
  return { object: walkStruct(walk, value, schema) as T, unknown: walk.unknown };
}

function walkStruct(walk: Walk, value: Plain, schema: Message): Plain {
  if (++walk.depth > MAX_DEPTH) throw new SchemaError('exceeded max depth');
  const result: Plain = {};
  for (const name of Object.keys(value)) {
    const field = schema.fields.get(name);
    if (field === undefined) {
      addUnknown(walk, name);
      continue;
    }
    const given = value[name];
    if (given === null || given === undefined) continue;
    walk.path.push(name);
    const checked = walkValue(walk, given, field.type, schema, field);
    walk.path.pop();
    if (field.presence !== 'omit' || !isZero(checked)) result[name] = checked;
  }
  for (const field of schema.emitted) {
    if (result[field.name] === undefined) result[field.name] = zeroOf(field);
  }
  walk.depth--;
  return result;
}

function addUnknown(walk: Walk, name: string): void {
  if (walk.unknown.length >= MAX_UNKNOWN) return;
  walk.path.push(name);
  walk.unknown.push(fieldPath(walk.path));
  walk.path.pop();
}

function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function zeroOf(field: Field): unknown {
  if (field.presence === 'emit-null') return null;
  switch (field.type.type) {
    case 'message':
      return zeroStruct(message(field.type.name));
    case 'string':
    case 'bytes':
      return '';
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0;
    default:
      return null;
  }
}

/** A struct as Go writes it when nothing was set. */
function zeroStruct(schema: Message): Plain {
  const result: Plain = {};
  for (const field of schema.emitted) result[field.name] = zeroOf(field);
  return result;
}

function walkValue(walk: Walk, value: unknown, type: TypeRef, owner: Message, field: Field): unknown {
  switch (type.type) {
    case 'message':
      if (!isObject(value)) throw mismatch(walk, value, type, owner);
      return walkStruct(walk, value, message(type.name));
    case 'list':
      return walkList(walk, value, type, owner, field);
    case 'map':
      return walkMap(walk, value, type, owner, field);
    default:
      return walkScalar(walk, value, type, owner);
  }
}

function walkList(
  walk: Walk,
  value: unknown,
  type: TypeRef & { type: 'list' },
  owner: Message,
  field: Field,
): unknown[] {
  if (!Array.isArray(value)) throw mismatch(walk, value, type, owner);
  const result: unknown[] = new Array(value.length);
  walk.path.push(0);
  for (let i = 0; i < value.length; i++) {
    walk.path[walk.path.length - 1] = i;
    result[i] = walkItem(walk, value[i], type.of, owner, field);
  }
  walk.path.pop();
  return result;
}

function walkMap(
  walk: Walk,
  value: unknown,
  type: TypeRef & { type: 'map' },
  owner: Message,
  field: Field,
): Plain {
  if (!isObject(value)) throw mismatch(walk, value, type, owner);
  const result: Plain = {};
  // Every map of quantities is a resource list.
  const resources = type.of.type === 'quantity';
  for (const key of Object.keys(value)) {
    walk.path.push(key);
    const item = walkItem(walk, value[key], type.of, owner, field);
    setOwn(result, key, resources ? resourceQuantity(item as string) : item);
    walk.path.pop();
  }
  return result;
}

/** Null in a list or map is the element's zero value. */
function walkItem(walk: Walk, value: unknown, type: TypeRef, owner: Message, field: Field): unknown {
  if (value !== null && value !== undefined) return walkValue(walk, value, type, owner, field);
  return zeroOf({ name: '', type, required: true, presence: 'emit' });
}
