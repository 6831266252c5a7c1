import type { Json, JsonObject } from '../object.js';
import { type Field, findMessage } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';
import { fieldElement, keyElement, type PathElement, valueElement } from './path-element.js';

/** A value's place in the schema. Parts that no table describes have none. */
export interface Place {
  type?: TypeRef | undefined;
  /** The field that holds the value: it says how lists and maps merge. */
  field?: Field | undefined;
}

const UNTYPED: Place = {};

export type Shape =
  | { kind: 'scalar' }
  | { kind: 'list'; relation: 'atomic' | 'set' | 'map'; keys: string[]; item: Place }
  /** `known` tells fields of a struct from keys of a map. */
  | { kind: 'map'; atomic: boolean; place(key: string): { place: Place; known: boolean } };

const SCALAR: Shape = { kind: 'scalar' };
const UNTYPED_LIST: Shape = { kind: 'list', relation: 'atomic', keys: [], item: UNTYPED };
const UNTYPED_MAP: Shape = { kind: 'map', atomic: false, place: () => ({ place: UNTYPED, known: false }) };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Schemaless parts take the shape of what is there: maps by field, lists whole. */
function deduced(value: Json | undefined): Shape {
  return Array.isArray(value) ? UNTYPED_LIST : isObject(value) ? UNTYPED_MAP : SCALAR;
}

function structShape(name: string, atomicField: boolean, value: Json | undefined): Shape {
  const message = findMessage(name);
  if (message === undefined) return deduced(value);
  if (message.scalar !== undefined) return SCALAR;
  return {
    kind: 'map',
    atomic: atomicField || message.structType === 'atomic',
    place: (key) => {
      const field = message.fields.get(key);
      return field === undefined
        ? { place: UNTYPED, known: false }
        : { place: { type: field.type, field }, known: true };
    },
  };
}

/** How a value at this place merges. `value` decides where the schema leaves it open. */
export function shapeOf(place: Place, value: Json | undefined): Shape {
  const { type, field } = place;
  if (type === undefined) return deduced(value);
  const atomic = field?.mapType === 'atomic';
  switch (type.type) {
    case 'message':
      return structShape(type.name, atomic, value);
    case 'list':
      return {
        kind: 'list',
        relation: field?.listType ?? 'atomic',
        keys: field?.listMapKeys ?? [],
        item: { type: type.of },
      };
    case 'map':
      return { kind: 'map', atomic, place: () => ({ place: { type: type.of }, known: false }) };
    case 'object':
    case 'json':
      return deduced(value);
    default:
      return SCALAR;
  }
}

/** What makes an item of an associative list the same item; throws TypeError when it has no identity. */
export function itemElement(shape: Shape & { kind: 'list' }, item: Json): PathElement {
  if (shape.relation === 'set') {
    if (typeof item === 'object' && item !== null) {
      throw new TypeError('associative list without keys has an element that is not a scalar');
    }
    return valueElement(item);
  }
  if (!isObject(item)) throw new TypeError('associative list with keys may not have non-map elements');
  const keys: JsonObject = {};
  for (const key of shape.keys) {
    const value = Object.hasOwn(item, key) ? item[key] : keyDefault(shape.item, key);
    if (value !== undefined) keys[key] = value;
  }
  if (Object.keys(keys).length === 0 && shape.keys.length > 0) {
    throw new TypeError(
      `associative list with keys has an element that omits key field "${shape.keys[0]}" (and doesn't have default value)`,
    );
  }
  return keyElement(keys);
}

function keyDefault(item: Place, key: string): Json | undefined {
  if (item.type?.type !== 'message') return undefined;
  return findMessage(item.type.name)?.fields.get(key)?.default as Json | undefined;
}

export { fieldElement };
