import { canonicalQuantity, QuantityError, resourceQuantity } from '../selectors/quantity.js';
import { StatusError } from '../status.js';
import { goType, jsonTypeName } from './go-types.js';
import { type Field, type Message, message } from './messages.js';
import { canonicalTime } from './time.js';
import type { TypeRef } from './type-ref.js';

/** Deepest nesting of objects and lists that is accepted anywhere. */
export const MAX_DEPTH = 1000;
/** Unknown fields reported for one object, as upstream's strict decoder. */
const MAX_UNKNOWN = 100;

/** A value does not fit its field. `message` is what Go's decoder would say; unless caught it is answered as BadRequest. */
export class SchemaError extends StatusError {
  constructor(text: string) {
    super('BadRequest', text);
    this.name = 'SchemaError';
  }
}

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

interface Walk {
  unknown: string[];
  /** Field names, and list indexes as numbers. */
  path: (string | number)[];
  depth: number;
}

type Plain = Record<string, unknown>;

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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

/** `spec.ports[0].foo`. */
export function fieldPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  }
  return text;
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

/** Assigns without ever calling the `__proto__` setter. */
export function setOwn(target: Plain, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else target[key] = value;
}

function walkScalar(walk: Walk, value: unknown, type: TypeRef, owner: Message): unknown {
  switch (type.type) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(walk, value, type, owner);
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(walk, value, type, owner);
      return value;
    case 'int32':
      return checkInteger(walk, value, type, owner, -0x80000000, 0x7fffffff);
    case 'int64':
      return checkInteger(walk, value, type, owner, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case 'double':
      if (typeof value !== 'number' || !Number.isFinite(value)) throw mismatch(walk, value, type, owner);
      return value;
    case 'bytes':
      return checkBytes(walk, value, type, owner);
    case 'time':
    case 'micro-time':
      return checkTime(value, type.type === 'micro-time');
    case 'quantity':
      return checkQuantity(value);
    case 'int-or-string':
      return checkIntOrString(value);
    default:
      return checkSchemaless(walk, value, type, owner);
  }
}

function checkInteger(
  walk: Walk,
  value: unknown,
  type: TypeRef,
  owner: Message,
  lowest: number,
  highest: number,
): number {
  if (typeof value !== 'number') throw mismatch(walk, value, type, owner);
  if (!Number.isInteger(value) || value < lowest || value > highest) {
    throw mismatch(walk, value, type, owner, `number ${value}`);
  }
  return value;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function checkBytes(walk: Walk, value: unknown, type: TypeRef, owner: Message): string {
  if (typeof value !== 'string') throw mismatch(walk, value, type, owner);
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]/g, '') : value;
  if (!BASE64.test(text)) throw new SchemaError(`illegal base64 data at input byte ${badBase64At(text)}`);
  return text;
}

function badBase64At(text: string): number {
  const odd = text.search(/[^A-Za-z0-9+/]/);
  return odd < 0 ? text.length - (text.length % 4) : odd;
}

function checkTime(value: unknown, micro: boolean): string {
  if (typeof value !== 'string') {
    throw new SchemaError(`json: cannot unmarshal ${jsonTypeName(value)} into Go value of type string`);
  }
  const canonical = canonicalTime(value, micro);
  if (canonical !== undefined) return canonical;
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  const quoted = JSON.stringify(value);
  throw new SchemaError(`parsing time ${quoted} as "${layout}": cannot parse ${quoted} as "2006"`);
}

function checkQuantity(value: unknown): string {
  try {
    if (typeof value === 'string' || typeof value === 'number') return canonicalQuantity(value);
  } catch (error) {
    if (error instanceof QuantityError) throw new SchemaError(error.message);
    throw error;
  }
  throw new SchemaError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
}

function checkIntOrString(value: unknown): string | number {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 0x7fffffff) return value;
  const what = typeof value === 'number' ? `number ${value}` : jsonTypeName(value);
  throw new SchemaError(`json: cannot unmarshal ${what} into Go value of type int32`);
}

/** Parts without a schema are kept as they are, once their nesting and numbers are known to be storable. */
function checkSchemaless(walk: Walk, value: unknown, type: TypeRef, owner: Message): unknown {
  if ((type.type === 'object' || type.type === 'fields-v1') && !isObject(value)) {
    throw mismatch(walk, value, { type: 'object' }, owner);
  }
  checkPlain(value, walk.depth);
  return value;
}

function checkPlain(value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw new SchemaError('exceeded max depth');
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new SchemaError(`json: cannot unmarshal number ${value} into Go value of type float64`);
  }
  if (typeof value !== 'object' || value === null) return;
  for (const item of Object.values(value)) checkPlain(item, depth + 1);
}

/** Go's UnmarshalTypeError: the struct's name, the path without indexes and map keys, and the Go type. */
function mismatch(walk: Walk, value: unknown, type: TypeRef, owner: Message, what?: string): SchemaError {
  const struct = owner.name.slice(owner.name.lastIndexOf('.') + 1);
  const path = structPath(walk, owner);
  return new SchemaError(
    `json: cannot unmarshal ${what ?? jsonTypeName(value)} into Go struct field ${struct}.${path} of type ${goType(type)}`,
  );
}

function structPath(walk: Walk, owner: Message): string {
  const names = walk.path.filter((part): part is string => typeof part === 'string');
  const last = names.at(-1);
  if (last !== undefined && !owner.fields.has(last)) names.pop();
  return names.join('.');
}
