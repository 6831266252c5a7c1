import type { Json, JsonObject } from '../object.js';
import { Errors } from '../status.js';
import { getOwn, isObject, jsonEqual } from './json-value.js';

/**
 * Finds items by identity: the merge key's value for objects, the value itself for the rest. Lists come from
 * clients and may be long, so this never scans.
 */
export class ItemIndex {
  readonly #at = new Map<string, number>();
  readonly #mergeKey: string | undefined;

  constructor(list: readonly Json[], mergeKey: string | undefined) {
    this.#mergeKey = mergeKey;
    list.forEach((item, i) => {
      this.add(item, i);
    });
  }

  #identity(item: Json): string | undefined {
    if (this.#mergeKey === undefined || !isObject(item)) return JSON.stringify(item);
    const value = getOwn(item, this.#mergeKey);
    return value === undefined ? undefined : JSON.stringify(value);
  }

  /** Remembers where an item stands; the first of several equal ones counts. */
  add(item: Json, index: number): void {
    const identity = this.#identity(item);
    if (identity !== undefined && !this.#at.has(identity)) this.#at.set(identity, index);
  }

  /** Index of the item with the same identity, or -1. */
  of(item: Json): number {
    const identity = this.#identity(item);
    return identity === undefined ? -1 : (this.#at.get(identity) ?? -1);
  }
}

/** True when the lists hold objects; throws for lists of lists and for mixtures, which cannot be merged. */
export function holdsObjects(...lists: Json[][]): boolean {
  const kinds = new Set<string>();
  for (const item of lists.flat(1)) {
    if (Array.isArray(item)) throw Errors.badRequest('lists of lists are not supported');
    kinds.add(isObject(item) ? 'map' : typeof item);
  }
  if (kinds.size > 1) {
    throw Errors.badRequest(`list element types are not identical: ${[...kinds].sort().join(', ')}`);
  }
  return kinds.has('map');
}

function sortedBy(items: Json[], order: ItemIndex): Json[] {
  return items
    .map((item, i) => ({ item, at: order.of(item), i }))
    .sort((a, b) => a.at - b.at || a.i - b.i)
    .map(({ item }) => item);
}

/**
 * Puts merged items in order: items that the patch speaks of as in `patchOrder`, the others as they were, and
 * both interleaved so that what stood before in `oldOrder` stays before (upstream's normalizeElementOrder).
 */
export function orderItems(
  merged: Json[],
  patchOrder: Json[],
  oldOrder: Json[],
  mergeKey: string | undefined,
): Json[] {
  const wanted = new ItemIndex(patchOrder, mergeKey);
  const old = new ItemIndex(oldOrder, mergeKey);
  const right = sortedBy(
    merged.filter((item) => wanted.of(item) >= 0),
    wanted,
  );
  const left = sortedBy(
    merged.filter((item) => wanted.of(item) < 0),
    old,
  );
  const result: Json[] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    const li = old.of(left[l]!);
    const ri = old.of(right[r]!);
    result.push(li >= 0 && ri >= 0 && li < ri ? left[l++]! : right[r++]!);
  }
  return [...result, ...left.slice(l), ...right.slice(r)];
}

/** Each value once, the first place kept. */
export function uniqueScalars(items: Json[]): Json[] {
  return [...new Set(items)];
}

/** The items of a patch list that are no directives must follow the order given for the list. */
export function checkOrder(patchList: Json[], order: Json[], mergeKey: string | undefined): void {
  if (patchList.length === 0 || order.length === 0) return;
  const items = patchList.filter((item) => !(isObject(item) && getOwn(item, '$patch') === 'delete'));
  const identity = (item: Json): Json | undefined =>
    mergeKey !== undefined && isObject(item) ? getOwn(item, mergeKey) : item;
  let next = 0;
  for (const place of order) {
    if (next < items.length && jsonEqual(identity(items[next]!), identity(place))) next++;
  }
  if (next < items.length) {
    throw Errors.badRequest(
      `The order in patch list:\n${JSON.stringify(patchList)}\n doesn't match $setElementOrder list:\n${JSON.stringify(order)}\n`,
    );
  }
}

/** The item's merge key, which every item of a keyed list must have. */
export function mergeKeyOf(item: JsonObject, mergeKey: string): Json {
  const value = getOwn(item, mergeKey);
  if (value === undefined) {
    throw Errors.badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  }
  return value;
}
