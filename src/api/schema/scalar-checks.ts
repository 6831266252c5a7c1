import { canonicalQuantity, QuantityError } from '../selectors/quantity.js';
import { jsonTypeName } from './go-types.js';
import type { Message } from './messages.js';
import { canonicalTime } from './time.js';
import type { TypeRef } from './type-ref.js';
import { isObject, MAX_DEPTH, mismatch, SchemaError, type Walk } from './walk.js';

/** Checks a leaf and brings it into its canonical form. Throws SchemaError. */
export function walkScalar(walk: Walk, value: unknown, type: TypeRef, owner: Message): unknown {
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
      return checkTime(walk, value, owner, type.type === 'micro-time');
    case 'quantity':
      return checkQuantity(value);
    case 'int-or-string':
      return checkIntOrString(walk, value, owner);
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

function checkTime(walk: Walk, value: unknown, owner: Message, micro: boolean): string {
  if (typeof value !== 'string') throw unmarshalerMismatch(walk, value, owner, 'string');
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

function checkIntOrString(walk: Walk, value: unknown, owner: Message): string | number {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 0x7fffffff) return value;
  const what = typeof value === 'number' ? `number ${value}` : jsonTypeName(value);
  throw unmarshalerMismatch(walk, value, owner, 'int32', what);
}

/** Types that decode themselves report the type they read first: a plain string or int32. */
function unmarshalerMismatch(
  walk: Walk,
  value: unknown,
  owner: Message,
  type: 'string' | 'int32',
  what?: string,
) {
  return mismatch(walk, value, { type }, owner, what);
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
