import fc from 'fast-check';
import { type Field, type Message, message } from '../messages.js';
import type { TypeRef } from '../type-ref.js';

/** Deepest nesting of generated structs. */
const MAX_STRUCTS = 8;

const instant = fc.integer({ min: 0, max: 4e9 }).map((s) => new Date(s * 1000).toISOString().slice(0, -5));

/** Leaves, with the values that code tends to treat specially among them. */
function leafOf(type: TypeRef): fc.Arbitrary<unknown> {
  switch (type.type) {
    case 'string':
      return fc.oneof(
        fc.string({ maxLength: 8 }),
        fc.constantFrom('', 'a', 'TCP', 'None', 'RollingUpdate', 'Container'),
      );
    case 'boolean':
      return fc.boolean();
    case 'int32':
      return fc.oneof(fc.integer(), fc.constantFrom(0, 1, 80, -1));
    case 'int64':
      return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, -1));
    case 'double':
      return fc.double({ noDefaultInfinity: true, noNaN: true }).map((v) => (v === 0 ? 0 : v));
    case 'bytes':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'time':
      return instant.map((text) => `${text}Z`);
    case 'micro-time':
      return instant.map((text) => `${text}.123456Z`);
    case 'quantity':
      return fc.constantFrom('0', '1', '100m', '1Gi', '1500Mi', '1e3');
    case 'int-or-string':
      return fc.oneof(fc.integer(), fc.string({ maxLength: 4 }));
    case 'json':
      return fc.oneof(fc.integer(), fc.string(), fc.boolean());
    case 'object':
    case 'fields-v1':
      return fc.dictionary(fc.string({ maxLength: 4 }), fc.integer(), { maxKeys: 3 });
    default:
      return fc.constant({});
  }
}

/** Valid JSON of a type, from the same tables that the code reads. Lists and maps are never empty. */
function jsonOf(type: TypeRef, depth = 0): fc.Arbitrary<unknown> {
  switch (type.type) {
    case 'list':
      return fc.array(jsonOf(type.of, depth + 1), { minLength: 1, maxLength: 2 });
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 4 }), jsonOf(type.of, depth + 1), {
        minKeys: 1,
        maxKeys: 2,
      });
    case 'message':
      return depth > MAX_STRUCTS ? fc.constant({}) : structOf(message(type.name), depth + 1);
    default:
      return leafOf(type);
  }
}

/** A valid object of a message with some of its fields; apiVersion and kind are left to the caller. */
export function structOf(schema: Message, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...schema.fields.values()].filter((field: Field) => field.number !== undefined);
  return fc
    .subarray(fields, { maxLength: Math.min(depth === 0 ? fields.length : 5, fields.length) })
    .chain((chosen) => fc.tuple(...chosen.map((f) => jsonOf(f.type, depth).map((v) => [f.name, v] as const))))
    .map((pairs) => Object.fromEntries(pairs));
}

/** An object of a message in which one value, somewhere, has been replaced by something else. */
export function damagedOf(schema: Message): fc.Arbitrary<Record<string, unknown>> {
  const junk = fc.constantFrom<unknown>(
    null,
    '',
    'x',
    0,
    1.5,
    -1,
    1e300,
    true,
    [],
    {},
    [null],
    { a: null },
    [[]],
    '1Gi',
  );
  return fc
    .tuple(structOf(schema), fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), junk)
    .map(([object, path, value]) => {
      replace(object, path, value);
      return object;
    });
}

/** Walks down by the numbers and puts the value where they end. */
function replace(target: object, path: number[], value: unknown): void {
  const keys = Object.keys(target);
  if (keys.length === 0) return;
  const key = keys[path[0]! % keys.length]!;
  const inner = (target as Record<string, unknown>)[key];
  if (path.length > 1 && typeof inner === 'object' && inner !== null) replace(inner, path.slice(1), value);
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
