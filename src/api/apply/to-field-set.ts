import type { Json, JsonObject } from '../object.js';
import { type FieldSet, isEmpty, LEAF, NO_FIELDS, ordered } from './field-set.js';
import type { PathElement } from './path-element.js';
import {
  isField,
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  memberElement,
  memberPlace,
  type Place,
  shapeOf,
} from './shape.js';

type Parts = Record<PathElement, FieldSet>;

/** The paths of a value that stands at this place; undefined when it brings none (empty lists and maps). */
function collect(value: Json, place: Place): FieldSet | undefined {
  const shape = shapeOf(place, value);
  if (shape.kind === 'map' && isObject(value) && !shape.atomic) return collectMap(value, shape);
  if (shape.kind === 'list' && Array.isArray(value) && shape.relation !== 'atomic') {
    return collectList(value, shape);
  }
  const leaf = shape.kind === 'scalar' || (shape.kind === 'map' ? shape.atomic : shape.relation === 'atomic');
  return leaf ? LEAF : undefined;
}

function collectMap(value: JsonObject, shape: MapShape): FieldSet | undefined {
  const parts: Parts = {};
  for (const [key, member] of Object.entries(value)) {
    const below = collect(member, memberPlace(shape, key));
    const empty = member === null || (isObject(member) && Object.keys(member).length === 0);
    const part = empty || !isField(shape, key) ? withPath(below) : below;
    if (part !== undefined) parts[memberElement(shape, key)] = part;
  }
  return isEmpty(parts) ? undefined : ordered(parts);
}

function collectList(list: Json[], shape: ListShape): FieldSet | undefined {
  const parts: Parts = {};
  for (const item of list) parts[itemElement(shape, item)] = withPath(collect(item, shape.item));
  return isEmpty(parts) ? undefined : ordered(parts);
}

/** The part with the path that leads to it. */
function withPath(part: FieldSet | undefined): FieldSet {
  return part === undefined || isEmpty(part) ? LEAF : { '.': LEAF, ...part };
}

/** Every path that the object sets: what an applier of this object manages. */
export function toFieldSet(object: JsonObject, place: Place): FieldSet {
  const shape = shapeOf(place, object);
  return (shape.kind === 'map' ? collectMap(object, shape) : undefined) ?? NO_FIELDS;
}
