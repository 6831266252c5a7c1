import type { Json, JsonObject } from '../object.js';
import { type Field, findMessage, type Message } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';
import { fieldElement, keyElement, type PathElement, valueElement } from './path-element.js';

export type Shape = ScalarShape | ListShape | MapShape;

interface ScalarShape {
  kind: 'scalar';
}

export interface ListShape {
  kind: 'list';
  relation: 'atomic' | 'set' | 'map';
  keys: readonly string[];
  item: Place;
}

/** A struct by its fields, or a map whose values all stand at one place. */
export interface MapShape {
  kind: 'map';
  atomic: boolean;
  /** Absent for maps. */
  fields: ReadonlyMap<string, Member> | undefined;
  /** Where what is no field stands: the values of a map. */
  other: Place;
}

/** A field of a struct, with its path element. */
interface Member {
  place: Place;
  element: PathElement;
}

const SCALAR: Shape = { kind: 'scalar' };

/**
 * A value's place in the schema; parts that no table describes have no type. There is one per message, field and
 * type, so that what follows from the schema is worked out once.
 */
export class Place {
  readonly type: TypeRef | undefined;
  /** The field that holds the value: it says how lists and maps merge. */
  readonly #field: Field | undefined;
  #shape: Shape | 'open' | undefined;

  constructor(type?: TypeRef, field?: Field) {
    this.type = type;
    this.#field = field;
  }

  /** Undefined when the value decides. */
  get shape(): Shape | undefined {
    this.#shape ??= this.#resolve() ?? 'open';
    return this.#shape === 'open' ? undefined : this.#shape;
  }

  #resolve(): Shape | undefined {
    const type = this.type;
    const field = this.#field;
    switch (type?.type) {
      case 'message':
        return structShape(type.name, field?.mapType === 'atomic');
      case 'list': {
        const item = placeOfType(type.of);
        const relation = field?.listType ?? 'atomic';
        return { kind: 'list', relation, keys: field?.listMapKeys ?? [], item };
      }
      case 'map': {
        const other = placeOfType(type.of);
        return { kind: 'map', atomic: field?.mapType === 'atomic', fields: undefined, other };
      }
      case undefined:
      case 'object':
      case 'json':
        return undefined;
      default:
        return SCALAR;
    }
  }
}

const UNTYPED = new Place();
const UNTYPED_LIST: Shape = { kind: 'list', relation: 'atomic', keys: [], item: UNTYPED };
const UNTYPED_MAP: Shape = { kind: 'map', atomic: false, fields: undefined, other: UNTYPED };

const byType = new WeakMap<TypeRef, Place>();
const byMessage = new Map<string, Place>();

function placeOfType(type: TypeRef): Place {
  if (type.type === 'message') return placeOf(type.name);
  let place = byType.get(type);
  if (place === undefined) {
    place = new Place(type);
    byType.set(type, place);
  }
  return place;
}

/** The place of a whole object of this message, or of an item of a list of them. */
export function placeOf(message: string): Place {
  let place = byMessage.get(message);
  if (place === undefined) {
    place = new Place({ type: 'message', name: message });
    // Names come from the schema tables, so this stays as small as they are.
    byMessage.set(message, place);
  }
  return place;
}

function structShape(name: string, atomicField: boolean): Shape | undefined {
  const message = findMessage(name);
  if (message === undefined) return undefined;
  if (message.scalar !== undefined) return SCALAR;
  const atomic = atomicField || message.structType === 'atomic';
  return { kind: 'map', atomic, fields: membersOf(message), other: UNTYPED };
}

const membersByMessage = new WeakMap<Message, Map<string, Member>>();

function membersOf(message: Message): Map<string, Member> {
  let members = membersByMessage.get(message);
  if (members === undefined) {
    members = new Map();
    for (const [name, field] of message.fields) {
      members.set(name, { place: new Place(field.type, field), element: fieldElement(name) });
    }
    membersByMessage.set(message, members);
  }
  return members;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** How a value at this place merges. Schemaless parts take the shape of what is there: maps by field, lists whole. */
export function shapeOf(place: Place, value: Json | undefined): Shape {
  return place.shape ?? (Array.isArray(value) ? UNTYPED_LIST : isObject(value) ? UNTYPED_MAP : SCALAR);
}

/** Where the member `key` stands. */
export function memberPlace(shape: MapShape, key: string): Place {
  return shape.fields?.get(key)?.place ?? shape.other;
}

export function memberElement(shape: MapShape, key: string): PathElement {
  return shape.fields?.get(key)?.element ?? fieldElement(key);
}

/** Tells fields of a struct from keys of a map and from what the schema does not know. */
export function isField(shape: MapShape, key: string): boolean {
  return shape.fields?.has(key) === true;
}

/** What makes an item of an associative list the same item; throws TypeError when it has no identity. */
export function itemElement(shape: ListShape, item: Json): PathElement {
  if (shape.relation === 'set') {
    if (typeof item === 'object' && item !== null) {
      throw new TypeError('associative list without keys has an element that is not a scalar');
    }
    return valueElement(item);
  }
  if (!isObject(item)) throw new TypeError('associative list with keys may not have non-map elements');
  const keys: JsonObject = {};
  let found = false;
  for (const key of shape.keys) {
    const value = Object.hasOwn(item, key) ? item[key] : keyDefault(shape.item, key);
    if (value === undefined) continue;
    keys[key] = value;
    found = true;
  }
  if (!found && shape.keys.length > 0) {
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
