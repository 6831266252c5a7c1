import type { Json, JsonObject } from '../object.js';
import { jsonEqual } from '../patch/json-value.js';
import { type FieldSet, isEmpty, LEAF, NO_FIELDS, ordered } from './field-set.js';
import { type PathElement, sortElements } from './path-element.js';
import {
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  memberElement,
  memberPlace,
  type Place,
  type Shape,
  shapeOf,
} from './shape.js';

/** Which paths a change touches. */
export interface Comparison {
  /** Added or modified. */
  changed: FieldSet;
  removed: FieldSet;
}

type Parts = Record<PathElement, FieldSet>;

/** What has been found at one level; most levels of most changes hold nothing. */
interface Found {
  changed: Parts | undefined;
  removed: Parts | undefined;
}

type Side = Json | undefined;

const sizeOf = (value: Side): number =>
  Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;

function own(object: Side, key: string): Side {
  return isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}

function isAtomic(shape: Shape): boolean {
  return shape.kind === 'scalar' || (shape.kind === 'map' ? shape.atomic : shape.relation === 'atomic');
}

/** `undefined` means absent; null is a value. Atomic parts, and parts empty on both sides, count as leaves. */
function compareAt(
  before: Side,
  after: Side,
  place: Place,
  into: Found,
  element: PathElement,
  without: FieldSet,
): void {
  const skipped = without[element];
  if (before === after || (skipped !== undefined && isEmpty(skipped))) return;
  if (before === undefined) {
    into.changed ??= {};
    into.changed[element] = everyPath(after!, place);
    return;
  }
  if (after === undefined) {
    into.removed ??= {};
    into.removed[element] = everyPath(before, place);
    return;
  }
  const shape = shapeOf(place, after);
  if (isAtomic(shape) || sizeOf(before) + sizeOf(after) === 0 || !sameKind(before, after)) {
    if (jsonEqual(before, after)) return;
    into.changed ??= {};
    into.changed[element] = LEAF;
    return;
  }
  const below: Found = { changed: undefined, removed: undefined };
  if (shape.kind === 'map') compareMaps(before, after, shape, below, skipped ?? NO_FIELDS);
  else if (shape.kind === 'list') compareLists(before, after, shape, below);
  if (below.changed !== undefined) {
    into.changed ??= {};
    into.changed[element] = ordered(below.changed);
  }
  if (below.removed !== undefined) {
    into.removed ??= {};
    into.removed[element] = ordered(below.removed);
  }
}

/** Null goes with anything; a list and a map do not go together. */
function sameKind(before: Json, after: Json): boolean {
  if (before === null || after === null) return true;
  return Array.isArray(before) === Array.isArray(after) && isObject(before) === isObject(after);
}

/** The path to a value that is only on one side, and all paths below. */
function everyPath(value: Json, place: Place): FieldSet {
  if (typeof value !== 'object' || value === null) return LEAF;
  const shape = shapeOf(place, value);
  if (isAtomic(shape) || sizeOf(value) === 0) return LEAF;
  const parts: Parts = { '.': LEAF };
  const some = shape.kind === 'map' ? everyMember(value, shape, parts) : everyItem(value, shape, parts);
  return some ? parts : LEAF;
}

/** Adds the paths of a map's members, in order; false when there are none. */
function everyMember(value: Json, shape: MapShape, into: Parts): boolean {
  if (!isObject(value)) return false;
  let some = false;
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined) continue;
    into[memberElement(shape, key)] = everyPath(member, memberPlace(shape, key));
    some = true;
  }
  return some;
}

function everyItem(value: Json, shape: Shape, into: Parts): boolean {
  if (!Array.isArray(value) || shape.kind !== 'list') return false;
  const items = value.map((item) => itemElement(shape, item));
  const places = new Map(items.map((element, i) => [element, i]));
  for (const element of sortElements([...places.keys()])) {
    const at = places.get(element)!;
    // Items that share an identity count as one that is not looked into.
    into[element] = items.indexOf(element) === at ? everyPath(value[at]!, shape.item) : LEAF;
  }
  return true;
}

function compareMaps(before: Side, after: Side, shape: MapShape, into: Found, without: FieldSet): void {
  if (isObject(after)) {
    for (const key of Object.keys(after)) {
      const old = own(before, key);
      if (old === after[key]) continue;
      compareAt(old, after[key], memberPlace(shape, key), into, memberElement(shape, key), without);
    }
  }
  if (!isObject(before)) return;
  for (const key of Object.keys(before)) {
    if (own(after, key) !== undefined) continue;
    compareAt(before[key], undefined, memberPlace(shape, key), into, memberElement(shape, key), without);
  }
}

function byElement(list: Side, shape: ListShape): Map<PathElement, Json[]> {
  const items = new Map<PathElement, Json[]>();
  for (const item of Array.isArray(list) ? list : []) {
    const element = itemElement(shape, item);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

function compareLists(before: Side, after: Side, shape: ListShape, into: Found): void {
  const left = byElement(before, shape);
  const right = byElement(after, shape);
  for (const [element, items] of right) compareItems(left.get(element), items, shape, into, element);
  for (const [element, items] of left) {
    if (!right.has(element)) compareItems(items, undefined, shape, into, element);
  }
}

/** Items with one identity, which ought to be one on each side. */
function compareItems(
  before: Json[] | undefined,
  after: Json[] | undefined,
  shape: ListShape,
  into: Found,
  element: PathElement,
): void {
  if ((before?.length ?? 0) <= 1 && (after?.length ?? 0) <= 1) {
    compareAt(before?.[0], after?.[0], shape.item, into, element, NO_FIELDS);
  } else if (after === undefined) {
    into.removed ??= {};
    into.removed[element] = LEAF;
  } else if (before === undefined || !jsonEqual(before, after)) {
    into.changed ??= {};
    into.changed[element] = LEAF;
  }
}

/** Compares two states of an object, but for the paths that `without` names and everything below them. */
export function compareObjects(
  before: JsonObject,
  after: JsonObject,
  place: Place,
  without: FieldSet = NO_FIELDS,
): Comparison {
  const found: Found = { changed: undefined, removed: undefined };
  const shape = shapeOf(place, after);
  if (shape.kind === 'map') compareMaps(before, after, shape, found, without);
  return {
    changed: found.changed === undefined ? NO_FIELDS : ordered(found.changed),
    removed: found.removed === undefined ? NO_FIELDS : ordered(found.removed),
  };
}
