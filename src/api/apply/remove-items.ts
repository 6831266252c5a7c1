import type { Json, JsonObject } from '../object.js';
import { setOwn } from '../patch/json-value.js';
import { FieldSet } from './field-set.js';
import { fieldElement, isObject, itemElement, type Place, shapeOf } from './shape.js';

/** The value without the paths; undefined when nothing of it is left. */
function removeAt(value: Json, paths: FieldSet, place: Place): Json | undefined {
  const shape = shapeOf(place, value);
  if (shape.kind === 'map' && isObject(value)) {
    if (shape.atomic) return value;
    const result: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
      const element = fieldElement(key);
      if (paths.members.has(element)) continue;
      const below = paths.children.get(element);
      const left = below === undefined ? member : removeAt(member, below, shape.place(key).place);
      if (left !== undefined) setOwn(result, key, left);
    }
    return Object.keys(result).length === 0 && Object.keys(value).length > 0 ? undefined : result;
  }
  if (shape.kind === 'list' && shape.relation !== 'atomic' && Array.isArray(value)) {
    const result = value.flatMap((item) => {
      const element = itemElement(shape, item);
      if (paths.members.has(element)) return [];
      const below = paths.children.get(element);
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
  const result = new FieldSet();
  for (const element of set.members) result.members.add(element);
  const mapShape = shapeOf(place, {});
  const listShape = shapeOf(place, []);
  for (const [element, child] of set.children) {
    let below: Place = {};
    if (element.startsWith('f:') && mapShape.kind === 'map') {
      const found = mapShape.place(element.slice(2));
      if (found.known) result.members.add(element);
      below = found.place;
    } else if (listShape.kind === 'list') below = listShape.item;
    result.children.set(element, withNamedFields(child, below));
  }
  return result;
}
