import type { Json, JsonObject } from '../object.js';
import { setOwn } from '../patch/json-value.js';
import type { PathElement } from './path-element.js';
import {
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  memberPlace,
  type Place,
  shapeOf,
} from './shape.js';

type Side = Json | undefined;

function mergeAt(live: Side, applied: Side, place: Place): Json {
  if (applied === undefined) return live ?? null;
  if (live === undefined || live === null || applied === null) return applied;
  const shape = shapeOf(place, applied);
  if (shape.kind === 'map' && !shape.atomic && isObject(live) && isObject(applied)) {
    return mergeMaps(live, applied, shape);
  }
  if (shape.kind === 'list' && shape.relation !== 'atomic' && Array.isArray(live) && Array.isArray(applied)) {
    return mergeLists(live, applied, shape);
  }
  return applied;
}

function mergeMaps(live: JsonObject, applied: JsonObject, shape: MapShape): JsonObject {
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(applied)) {
    const before = Object.hasOwn(live, key) ? live[key] : undefined;
    setOwn(result, key, mergeAt(before, value, memberPlace(shape, key)));
  }
  return result;
}

/**
 * Items of the applied list in their order, items only in the live list where they were before
 * (structured-merge-diff's order of merged lists).
 */
function mergeLists(live: Json[], applied: Json[], shape: ListShape): Json[] {
  const left = live.map((item) => itemElement(shape, item));
  const right = applied.map((item) => itemElement(shape, item));
  const liveBy = new Map(left.map((element, i) => [element, live[i]!]));
  const appliedBy = new Map(right.map((element, i) => [element, applied[i]!]));
  const merged = new Set<PathElement>();
  const shared = right.filter((element) => liveBy.has(element));
  const out: Json[] = [];
  const take = (element: PathElement): void => {
    merged.add(element);
    out.push(mergeAt(liveBy.get(element), appliedBy.get(element), shape.item));
  };
  let l = 0;
  let r = 0;
  let s = 0;
  while (l < left.length || r < right.length) {
    const mine = left[l];
    if (mine !== undefined && r < right.length) {
      if (mine === right[r]) {
        take(mine);
        l++;
        r++;
        s++;
        continue;
      }
      // An item of both lists, but not the one whose turn it is.
      if (appliedBy.has(mine) && s < shared.length && shared[s] !== mine) {
        l++;
        continue;
      }
    }
    if (mine !== undefined && !appliedBy.has(mine)) {
      out.push(live[l++]!);
      continue;
    }
    if (mine !== undefined && merged.has(mine)) {
      l++;
      continue;
    }
    const next = right[r];
    if (next === undefined) {
      l++;
      continue;
    }
    take(next);
    r++;
    if (shared[s] === next) s++;
  }
  return out;
}

/** The live object with everything that the applied one sets. Parts may be shared with both. */
export function mergeObjects(live: JsonObject, applied: JsonObject, place: Place): JsonObject {
  return mergeAt(live, applied, place) as JsonObject;
}
