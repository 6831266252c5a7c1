import type { Json, JsonObject } from '../object.js';
import type { TypeRef } from '../schema/type-ref.js';
import { Errors } from '../status.js';
import { getOwn, isObject, setOwn } from './json-value.js';
import {
  checkOrder,
  holdsObjects,
  ItemIndex,
  mergeKeyOf,
  orderItems,
  uniqueScalars,
} from './strategic-lists.js';
import { lookup, type PatchMeta } from './strategic-lookup.js';

const PATCH = '$patch';
const RETAIN = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';

function isDirective(key: string): boolean {
  return key === PATCH || key === RETAIN || key.startsWith(ORDER) || key.startsWith(DELETE_FROM);
}

function unknownDirective(directive: Json, within: Json): Error {
  const name = typeof directive === 'string' ? directive : JSON.stringify(directive);
  return Errors.badRequest(`unknown patch type: ${name} in map: ${JSON.stringify(within)}`);
}

/**
 * A value that the patch adds where there was none: its nulls mean nothing there, and objects with a `$patch` are
 * left out (upstream's removeDirectives).
 */
function withoutDirectives(value: Json): Json | undefined {
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const kept = withoutDirectives(item);
      return kept === undefined ? [] : [kept];
    });
  }
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, PATCH)) return undefined;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (isDirective(key) || member === null) continue;
    const kept = withoutDirectives(member);
    if (kept !== undefined) setOwn(result, key, kept);
  }
  return result;
}

/** A value that upstream takes as it is: directives within are fields that no kind has. */
function asWritten(value: Json): Json {
  if (Array.isArray(value)) return value.map(asWritten);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (!isDirective(key)) setOwn(result, key, asWritten(member));
  }
  return result;
}

function listOf(value: Json, what: string): Json[] {
  if (!Array.isArray(value)) throw Errors.badRequest(`invalid patch format of ${what}: expected a list`);
  return value;
}

/** Drops members that the patch's author does not retain; what the patch sets must be among the retained. */
function retainKeys(result: JsonObject, patch: JsonObject): void {
  const directive = getOwn(patch, RETAIN);
  if (directive === undefined) return;
  if (!Array.isArray(directive)) throw Errors.badRequest('invalid patch format of retainKeys');
  const retained = new Set(directive);
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null && !isDirective(key) && !retained.has(key)) {
      throw Errors.badRequest('invalid patch format of retainKeys');
    }
  }
  for (const key of Object.keys(result)) if (!retained.has(key)) delete result[key];
}

function mergeKeyedItems(base: Json[], items: Json[], meta: PatchMeta): Json[] {
  const merged = [...base];
  const index = new ItemIndex(merged, meta.mergeKey);
  for (const item of items as JsonObject[]) {
    mergeKeyOf(item, meta.mergeKey!);
    const at = index.of(item);
    if (at >= 0) merged[at] = mergeObject(merged[at] as JsonObject, item, meta.type);
    else {
      index.add(item, merged.length);
      merged.push(asWritten(item));
    }
  }
  return merged;
}

/** Items with `$patch`: delete takes matching items out; replace means that the other items are the new list. */
function applyItemDirectives(
  original: Json[],
  patch: Json[],
  mergeKey: string,
): { base: Json[]; items: Json[] } {
  const deleted: Json[] = [];
  let replaced = false;
  const items: Json[] = [];
  for (const item of patch) {
    const directive = isObject(item) ? getOwn(item, PATCH) : undefined;
    if (directive === undefined) items.push(item);
    else if (directive === 'delete') {
      mergeKeyOf(item as JsonObject, mergeKey);
      deleted.push(item);
    } else if (directive === 'replace') replaced = true;
    else if (directive === 'merge') {
      throw Errors.badRequest('merging lists cannot yet be specified in the patch');
    } else throw unknownDirective(directive, item);
  }
  // Items of the new list that share a merge key (ports by number) all stay.
  if (replaced) return { base: items.map(asWritten), items: [] };
  const gone = new ItemIndex(deleted, mergeKey);
  return { base: original.filter((item) => gone.of(item) < 0), items };
}

function mergeList(original: Json[], patch: Json[], meta: PatchMeta): Json[] {
  if (original.length + patch.length === 0) return original;
  if (!holdsObjects(original, patch)) {
    const merged = uniqueScalars([...original, ...patch]);
    return orderItems(merged, patch, original, undefined);
  }
  if (meta.mergeKey === undefined) {
    throw Errors.badRequest('cannot merge lists without merge key for this field');
  }
  const { base, items } = applyItemDirectives(original, patch, meta.mergeKey);
  return orderItems(mergeKeyedItems(base, items, meta), items, base, meta.mergeKey);
}

function mergeListField(original: Json[], patch: Json[], meta: PatchMeta): Json[] {
  return meta.merge ? mergeList(original, patch, meta) : (asWritten(patch) as Json[]);
}

/** Lists with an order of their own are merged and sorted here; their keys are done with afterwards. */
function applyOrders(result: JsonObject, patch: JsonObject, type: TypeRef | undefined): Set<string> {
  const done = new Set<string>();
  for (const [directive, orderValue] of Object.entries(patch)) {
    if (!directive.startsWith(ORDER)) continue;
    const key = directive.slice(ORDER.length);
    const order = listOf(orderValue, 'setElementOrder list');
    const meta = lookup(type, key);
    const original = getOwn(result, key) ?? undefined;
    const change = getOwn(patch, key);
    if (change === null) continue;
    const before = original === undefined ? undefined : listOf(original, key);
    const after = change === undefined ? undefined : listOf(change, key);
    if (before === undefined && after === undefined) continue;
    checkOrder(after ?? [], order, meta.mergeKey);
    const merged =
      after === undefined
        ? before!
        : before === undefined
          ? (withoutDirectives(after) as Json[])
          : mergeListField(before, after, meta);
    holdsObjects(merged);
    setOwn(result, key, orderItems(merged, order, before ?? [], meta.mergeKey));
    done.add(key);
  }
  return done;
}

function deleteFromList(result: JsonObject, key: string, values: Json): void {
  const removed = listOf(values, 'primitive list');
  const original = getOwn(result, key);
  if (!Array.isArray(original)) return;
  if (holdsObjects(original, removed)) throw Errors.badRequest('invalid patch format of primitive list');
  const gone = new Set(removed);
  setOwn(
    result,
    key,
    original.filter((item) => !gone.has(item)),
  );
}

function mergeMember(result: JsonObject, key: string, value: Json, type: TypeRef | undefined): void {
  const original = getOwn(result, key);
  if (value === null) {
    delete result[key];
    return;
  }
  const meta = lookup(type, key);
  if (isObject(original) && isObject(value)) {
    setOwn(result, key, meta.replace ? asWritten(value) : mergeObject(original, value, meta.type));
  } else if (Array.isArray(original) && Array.isArray(value)) {
    setOwn(result, key, mergeListField(original, value, meta));
  } else {
    const added = withoutDirectives(value);
    if (added !== undefined) setOwn(result, key, added);
  }
}

function mergeObject(original: JsonObject, patch: JsonObject, type: TypeRef | undefined): JsonObject {
  const directive = getOwn(patch, PATCH);
  if (directive !== undefined) {
    if (directive === 'delete') return {};
    if (directive === 'replace') return asWritten(patch) as JsonObject;
    throw unknownDirective(directive, patch);
  }
  const result: JsonObject = { ...original };
  retainKeys(result, patch);
  const ordered = applyOrders(result, patch, type);
  for (const [key, value] of Object.entries(patch)) {
    if (key === RETAIN || key.startsWith(ORDER) || ordered.has(key)) continue;
    if (key.startsWith(DELETE_FROM)) deleteFromList(result, key.slice(DELETE_FROM.length), value);
    else mergeMember(result, key, value, type);
  }
  return result;
}

/**
 * Applies a strategic merge patch by the schema table of `message` (`core.v1.Service`), as apimachinery's
 * `strategicpatch` does. Returns a new object that may share parts with both arguments; neither is changed.
 * Throws StatusError BadRequest for malformed directives.
 */
export function applyStrategicMergePatch(message: string, original: object, patch: Json): JsonObject {
  if (!isObject(patch)) throw Errors.badRequest('Invalid JSON document');
  return mergeObject(original as JsonObject, patch, { type: 'message', name: message });
}
