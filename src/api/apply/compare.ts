import type { Json, JsonObject } from '../object.js';
import { jsonEqual } from '../patch/json-value.js';
import { FieldSet } from './field-set.js';
import type { PathElement } from './path-element.js';
import { fieldElement, isObject, itemElement, type Place, type Shape, shapeOf } from './shape.js';

/** Which paths a change touches. */
export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

type Side = Json | undefined;

const sizeOf = (value: Side): number =>
  Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;

function own(object: Side, key: string): Side {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** `undefined` means absent; null is a value. Atomic parts, and parts empty on both sides, count as leaves. */
function compareAt(before: Side, after: Side, place: Place, into: Comparison, element: PathElement): void {
  if (before === undefined && after === undefined) return;
  const shape = shapeOf(place, after ?? before);
  const atomic =
    shape.kind === 'scalar' ||
    (shape.kind === 'map' ? shape.atomic : shape.relation === 'atomic') ||
    sizeOf(before) + sizeOf(after) === 0 ||
    !sameKind(before, after);
  if (!atomic) {
    const below: Comparison = {
      added: new FieldSet(),
      modified: new FieldSet(),
      removed: new FieldSet(),
    };
    if (shape.kind === 'map') compareMaps(before, after, shape, below);
    else if (shape.kind === 'list') compareLists(before, after, shape, below);
    for (const which of ['added', 'modified', 'removed'] as const) {
      if (!below[which].isEmpty()) into[which].children.set(element, below[which]);
    }
  } else if (before !== undefined && after !== undefined && !jsonEqual(before, after)) {
    into.modified.members.add(element);
  }
  if (before === undefined) into.added.members.add(element);
  else if (after === undefined) into.removed.members.add(element);
}

/** Null and absence go with anything; a list and a map do not go together. */
function sameKind(before: Side, after: Side): boolean {
  if (before === undefined || before === null || after === undefined || after === null) return true;
  return Array.isArray(before) === Array.isArray(after) && isObject(before) === isObject(after);
}

function compareMaps(before: Side, after: Side, shape: Shape & { kind: 'map' }, into: Comparison): void {
  const keys = new Set([
    ...Object.keys(isObject(before) ? before : {}),
    ...Object.keys(isObject(after) ? after : {}),
  ]);
  for (const key of keys) {
    compareAt(own(before, key), own(after, key), shape.place(key).place, into, fieldElement(key));
  }
}

function byElement(list: Side, shape: Shape & { kind: 'list' }): Map<PathElement, Json[]> {
  const items = new Map<PathElement, Json[]>();
  for (const item of Array.isArray(list) ? list : []) {
    const element = itemElement(shape, item);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

function compareLists(before: Side, after: Side, shape: Shape & { kind: 'list' }, into: Comparison): void {
  const left = byElement(before, shape);
  const right = byElement(after, shape);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const l = left.get(element) ?? [];
    const r = right.get(element) ?? [];
    if (l.length <= 1 && r.length <= 1) compareAt(l[0], r[0], shape.item, into, element);
    else if (r.length === 0) into.removed.members.add(element);
    else if (l.length === 0) into.added.members.add(element);
    else if (!jsonEqual(l, r)) into.modified.members.add(element);
  }
}

/** Compares two states of an object. */
export function compareObjects(before: JsonObject, after: JsonObject, place: Place): Comparison {
  const result: Comparison = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  const shape = shapeOf(place, after);
  if (shape.kind === 'map') compareMaps(before, after, shape, result);
  return result;
}

/** The comparison without these paths and everything below them. */
export function withoutFields(comparison: Comparison, ignored: FieldSet): Comparison {
  return {
    added: comparison.added.recursiveDifference(ignored),
    modified: comparison.modified.recursiveDifference(ignored),
    removed: comparison.removed.recursiveDifference(ignored),
  };
}
