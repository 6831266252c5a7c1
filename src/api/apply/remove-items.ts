import type { Json, JsonObject } from '../object.js';
import { setOwn } from '../patch/json-value.js';
import { endsHere, type FieldSet, isEmpty, LEAF } from './field-set.js';
import { isField, isObject, itemElement, memberElement, memberPlace, Place, shapeOf } from './shape.js';

const UNTYPED = new Place();

/** The value without the paths; undefined when nothing of it is left. */
function removeAt(value: Json, paths: FieldSet, place: Place): Json | undefined {
  const shape = shapeOf(place, value);
  if (shape.kind === 'map' && isObject(value)) {
    if (shape.atomic) return value;
    const result: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      const below = paths[memberElement(shape, key)];
      if (below !== undefined && endsHere(below)) continue;
      const left = below === undefined ? member : removeAt(member, below, memberPlace(shape, key));
      // A part that lost everything is null, not absent: whoever manages the part itself keeps it.
      setOwn(result, key, left ?? null);
    }
    return Object.keys(result).length === 0 && Object.keys(value).length > 0 ? undefined : result;
  }
  if (shape.kind === 'list' && shape.relation !== 'atomic' && Array.isArray(value)) {
    const result = value.flatMap((item) => {
      const below = paths[itemElement(shape, item)];
      if (below !== undefined && endsHere(below)) return [];
      const left = below === undefined ? item : removeAt(item, below, shape.item);
      return left === undefined ? [] : [left];
    });
    return result.length === 0 && value.length > 0 ? undefined : result;
  }
  return value;
}

/** The object without these paths. */
export function removeItems(object: JsonObject, paths: FieldSet, place: Place): JsonObject {
  return (removeAt(object, paths, place) ?? {}) as JsonObject;
}

/**
 * The set with every struct field on the way to a path as a path of its own, so that a struct which loses all
 * its fields goes too (structured-merge-diff's EnsureNamedFieldsAreMembers).
 */
export function withNamedFields(set: FieldSet, place: Place): FieldSet {
  const result: Record<string, FieldSet> = {};
  const mapShape = shapeOf(place, {});
  const listShape = shapeOf(place, []);
  for (const element of Object.keys(set)) {
    const part = set[element]!;
    if (element === '.' || isEmpty(part)) {
      result[element] = LEAF;
      continue;
    }
    let below = UNTYPED;
    let named = false;
    if (element.startsWith('f:') && mapShape.kind === 'map') {
      named = isField(mapShape, element.slice(2));
      below = memberPlace(mapShape, element.slice(2));
    } else if (listShape.kind === 'list') below = listShape.item;
    const inner = withNamedFields(part, below);
    result[element] = named && !endsHere(inner) ? { '.': LEAF, ...inner } : inner;
  }
  return result;
}
