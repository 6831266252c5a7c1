import type { Json, JsonObject, KubeObject } from '../object.js';
import { jsonEqual } from '../patch/json-value.js';
import type { KindInfo } from '../schema/kind-info.js';
import { findMessage } from '../schema/messages.js';
import { pruneAndCheck } from '../schema/walker.js';
import { Errors, StatusError } from '../status.js';
import type { meta } from '../types/index.js';
import { checkApplied } from './applied-object.js';
import { type Comparison, compareObjects } from './compare.js';
import { type Conflict, conflictError } from './conflicts.js';
import {
  difference,
  type FieldSet,
  intersection,
  isEmpty,
  NO_FIELDS,
  recursiveDifference,
  sameFields,
  union,
} from './field-set.js';
import { lastAppliedFields, withLastApplied } from './last-applied.js';
import {
  capUpdaters,
  decodeManagers,
  encodeManagers,
  isReset,
  type Manager,
  type Managers,
  managerIdentity,
} from './managed-fields.js';
import { mergeObjects } from './merge-objects.js';
import { removeItems, withNamedFields } from './remove-items.js';
import { isObject } from './shape.js';
import { toFieldSet } from './to-field-set.js';
import { type Endpoint, endpointOf, systemFields } from './untracked.js';

/** Who writes, through which endpoint, and when. */
export interface FieldWriter {
  kind: KindInfo;
  /** Field manager; clients without one are named after their user agent by the caller. */
  manager: string;
  subresource?: string;
  /** RFC 3339 in whole seconds. */
  time: string;
}

interface Scope extends Endpoint {
  kind: KindInfo;
  manager: string;
  subresource: string;
  time: string;
}

function scopeOf({ kind, manager, subresource = '', time }: FieldWriter): Scope {
  const { place, apiVersion, resets, untracked } = endpointOf(kind, subresource);
  return { kind, manager, subresource, time, place, apiVersion, resets, untracked };
}

/** Objects are compared as Go would write them; managedFields never manage themselves. */
function bare(object: object): JsonObject {
  const { metadata, ...rest } = object as KubeObject & JsonObject;
  const { managedFields: _, ...others } = (metadata ?? {}) as meta.ObjectMeta;
  return { ...rest, metadata: others } as unknown as JsonObject;
}

const emptyObjects = new Map<string, JsonObject>();

/** What an object looks like before its first write: Go's zero value. */
function emptyObject(kind: KindInfo): JsonObject {
  let empty = emptyObjects.get(kind.message);
  if (empty === undefined) {
    const schema = findMessage(kind.message);
    empty =
      schema === undefined
        ? { metadata: {} }
        : bare(withNullLists(pruneAndCheck<JsonObject>({}, schema).object, kind.message));
    // One per kind of the schema tables.
    emptyObjects.set(kind.message, empty);
  }
  return empty;
}

/** Go writes required lists and maps of a zero value as null: they are there, so adding items adds no list. */
function withNullLists(object: JsonObject, type: string): JsonObject {
  const result: JsonObject = { ...object };
  for (const field of findMessage(type)?.fields.values() ?? []) {
    const value = result[field.name];
    if (field.type.type === 'message' && isObject(value)) {
      result[field.name] = withNullLists(value, field.type.name);
    } else if (value === undefined && field.required && field.type.type !== 'message') {
      result[field.name] = null;
    }
  }
  return result;
}

function normalized(kind: KindInfo, object: JsonObject): JsonObject {
  const schema = findMessage(kind.message);
  return schema === undefined ? object : pruneAndCheck<JsonObject>(object, schema).object;
}

function withManagers<T extends KubeObject>(object: JsonObject, managers: Managers): T {
  const managedFields = encodeManagers(managers);
  const metadata = { ...(object['metadata'] as JsonObject) } as meta.ObjectMeta;
  if (managedFields.length > 0) metadata.managedFields = managedFields;
  return { ...object, metadata } as unknown as T;
}

function decodeOrNone(entries: meta.ManagedFieldsEntry[] | undefined): Managers {
  try {
    return decodeManagers(entries);
  } catch {
    return new Map();
  }
}

function compare(scope: Scope, before: JsonObject, after: JsonObject): Comparison {
  return compareObjects(before, after, scope.place, scope.untracked);
}

/** Other managers lose what changed under them; gone fields are nobody's. Returns the conflicts it resolved. */
function takeOver(managers: Managers, { changed, removed }: Comparison, self: string, force: boolean): void {
  if (!force) refuseConflicts(managers, changed, self);
  for (const [identity, manager] of managers) {
    if (identity === self) continue;
    replaceFields(managers, identity, manager, difference(difference(manager.fields, changed), removed));
  }
}

function refuseConflicts(managers: Managers, changed: FieldSet, self: string): void {
  const conflicts: Conflict[] = [];
  for (const [identity, manager] of managers) {
    if (identity === self) continue;
    const fields = intersection(manager.fields, changed);
    if (!isEmpty(fields)) conflicts.push({ manager, fields });
  }
  if (conflicts.length > 0) throw new FieldConflicts(conflicts);
}

/** A manager without fields is none. */
function replaceFields(managers: Managers, identity: string, manager: Manager, fields: FieldSet): void {
  if (isEmpty(fields)) managers.delete(identity);
  else if (fields !== manager.fields) managers.set(identity, { ...manager, fields });
}

/** Carries the conflicts until it is known whether they may be forced. */
class FieldConflicts extends Error {
  readonly conflicts: Conflict[];
  constructor(conflicts: Conflict[]) {
    super('field manager conflicts');
    this.name = 'FieldConflicts';
    this.conflicts = conflicts;
  }
}

function entryOf(scope: Scope, operation: Manager['operation'], fields: FieldSet): Manager {
  return {
    manager: scope.manager,
    operation,
    apiVersion: scope.apiVersion,
    subresource: scope.subresource,
    time: scope.time,
    fields,
  };
}

/** Records a write of `after` over `before` by an updater. Entries that did not change keep their time. */
function recordUpdate(scope: Scope, before: JsonObject, after: JsonObject, managers: Managers): void {
  const comparison = compare(scope, before, after);
  takeOver(managers, comparison, '', true);
  if (!isEmpty(comparison.changed)) {
    const entry = entryOf(scope, 'Update', comparison.changed);
    const identity = managerIdentity(entry);
    const own = managers.get(identity)?.fields ?? NO_FIELDS;
    managers.set(identity, { ...entry, fields: union(own, comparison.changed) });
  }
  dropSystemFields(managers);
}

function dropSystemFields(managers: Managers): void {
  for (const [identity, manager] of managers) {
    replaceFields(managers, identity, manager, difference(manager.fields, systemFields));
  }
}

/** Managers that the request asks for: its own list when it understands the field, the stored one otherwise. */
function managersFor(scope: Scope, live: KubeObject | undefined, object: KubeObject): Managers {
  const asked = object.metadata.managedFields;
  const stored = live?.metadata.managedFields;
  if (scope.subresource !== '') return decodeOrNone(stored);
  if (isReset(asked)) return new Map();
  const managers = decodeOrNone(asked);
  return managers.size > 0 ? managers : decodeOrNone(stored);
}

/**
 * Records who manages what after a create, update or non-apply patch: `object` is what will be stored, `live`
 * what is stored (absent on create). Returns the object's new `managedFields`, which share parts with the old ones.
 * Updates of objects that nobody manages stay untracked, as upstream leaves them. Never throws for what clients
 * write into managedFields: unreadable lists are replaced by the stored ones.
 */
export function updateManagedFields(
  writer: FieldWriter,
  object: KubeObject,
  live: KubeObject | undefined,
): meta.ManagedFieldsEntry[] {
  const scope = scopeOf(writer);
  const managers = managersFor(scope, live, object);
  try {
    if (live === undefined || managers.size > 0) {
      const before = live === undefined ? emptyObject(writer.kind) : (live as unknown as JsonObject);
      recordUpdate(scope, before, object as unknown as JsonObject, managers);
      capUpdaters(managers);
    }
  } catch (error) {
    // Items without identity cannot be tracked. Upstream drops the list then, so that no garbage stays in it.
    if (!(error instanceof TypeError)) throw error;
    managers.clear();
  }
  return encodeManagers(managers);
}

/** Removes what this applier set last time, does not set now, and nobody else manages. */
function prune(scope: Scope, merged: JsonObject, managers: Managers, last: FieldSet | undefined): JsonObject {
  if (last === undefined || isEmpty(last)) return merged;
  const named = (set: FieldSet): FieldSet => withNamedFields(set, scope.place);
  const mergedSet = named(toFieldSet(merged, scope.place));
  let pruned = removeItems(merged, named(last), scope.place);
  const owned = [...managers.values()].reduce((set, one) => union(set, one.fields), NO_FIELDS);
  const prunedSet = named(toFieldSet(pruned, scope.place));
  pruned = removeItems(merged, difference(mergedSet, union(prunedSet, named(owned))), scope.place);
  const keptSet = named(toFieldSet(pruned, scope.place));
  return removeItems(merged, intersection(difference(mergedSet, keptSet), named(last)), scope.place);
}

interface Applied {
  object: JsonObject;
  managers: Managers;
}

function applyOnce(
  scope: Scope,
  live: JsonObject,
  config: JsonObject,
  stored: Managers,
  force: boolean,
): Applied {
  const managers: Managers = new Map(stored);
  const fields = recursiveDifference(toFieldSet(config, scope.place), scope.resets);
  const entry = entryOf(scope, 'Apply', fields);
  const identity = managerIdentity(entry);
  const last = managers.get(identity);
  managers.set(identity, entry);
  const merged = prune(scope, mergeObjects(live, config, scope.place), managers, last?.fields);
  // What the merge says decides, also where storing will drop it: an applied `selector: {}` is a conflict.
  takeOver(managers, compare(scope, live, merged), identity, force);
  const object = bare(normalized(scope.kind, merged));
  dropSystemFields(managers);
  const unchanged =
    last !== undefined &&
    sameFields(managers.get(identity)?.fields ?? NO_FIELDS, last.fields) &&
    jsonEqual(object, live);
  if (unchanged) managers.set(identity, { ...managers.get(identity)!, time: last.time });
  return { object, managers };
}

/** kubectl may take over what its own client-side apply set: such conflicts are forced. */
function applyAsKubectl(
  scope: Scope,
  live: JsonObject,
  config: JsonObject,
  stored: Managers,
  force: boolean,
): Applied {
  try {
    return applyOnce(scope, live, config, stored, force);
  } catch (error) {
    if (!(error instanceof FieldConflicts) || scope.manager !== 'kubectl') throw error;
    const mine = lastAppliedFields(live, scope.place);
    if (mine === undefined) throw error;
    const left = error.conflicts
      .map((conflict) => ({ ...conflict, fields: difference(conflict.fields, mine) }))
      .filter((conflict) => !isEmpty(conflict.fields));
    if (left.length > 0) throw new FieldConflicts(left);
    return applyOnce(scope, live, config, stored, true);
  }
}

function storedManagers(live: KubeObject | undefined): Managers {
  try {
    return decodeManagers(live?.metadata.managedFields);
  } catch (error) {
    throw Errors.internal(`failed to decode managed fields: ${(error as Error).message}`, error);
  }
}

/** Printed objects carry `creationTimestamp: null`: that must not erase the stored one. */
function withoutNullMetadata(applied: JsonObject): JsonObject {
  const metadata = applied['metadata'];
  if (!isObject(metadata)) return applied;
  const system = systemFields['f:metadata']!;
  const kept = Object.entries(metadata).filter(
    ([key, value]) => value !== null || system[`f:${key}`] === undefined,
  );
  return { ...applied, metadata: Object.fromEntries(kept) };
}

function checkedConfig(scope: Scope, applied: JsonObject): JsonObject {
  const metadata = applied['metadata'];
  const managedFields = (metadata as JsonObject | undefined)?.['managedFields'];
  if (managedFields !== undefined && managedFields !== null) {
    throw Errors.badRequest('metadata.managedFields must be nil');
  }
  if (applied['apiVersion'] !== undefined && applied['apiVersion'] !== scope.apiVersion) {
    throw Errors.badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${String(applied['apiVersion'])}, expected: ${scope.apiVersion}`,
    );
  }
  const { object, problems } = checkApplied(withoutNullMetadata(applied), scope.place);
  if (problems.length === 0) return object;
  const name = (metadata as meta.ObjectMeta | undefined)?.name ?? '';
  const namespace = (metadata as meta.ObjectMeta | undefined)?.namespace ?? '';
  const what = namespace === '' ? name : `${namespace}/${name}`;
  const list = problems.length === 1 ? problems[0]! : `errors:\n  ${problems.join('\n  ')}`;
  throw Errors.badRequest(
    `failed to create typed patch object (${what}; ${scope.apiVersion}, Kind=${scope.kind.kind}): ${list}`,
  );
}

/**
 * Server-side apply. `live` is the stored object (absent when the apply creates it), `applied` the parsed patch
 * body as the client sent it, not defaulted. Returns the object to default, admit and store, with its
 * managedFields; `changed` is false when neither the object nor any manager changed, and then nothing must be
 * written. Throws StatusError: Conflict (409) with one cause per field unless `force`, BadRequest for objects
 * that do not fit the schema.
 */
export function applyObject<T extends KubeObject>(
  writer: FieldWriter & { force?: boolean },
  applied: object,
  live: T | undefined,
): { object: T; changed: boolean } {
  const scope = scopeOf(writer);
  const config = checkedConfig(scope, applied as JsonObject);
  const before = live === undefined ? emptyObject(writer.kind) : bare(live);
  const stored = storedManagers(live);
  try {
    if (stored.size === 0 && live !== undefined) {
      const first: Scope = { ...scope, manager: 'before-first-apply' };
      recordUpdate(first, emptyObject(writer.kind), before, stored);
    }
    const result = applyAsKubectl(scope, before, config, stored, writer.force === true);
    const object =
      scope.manager === 'kubectl' && scope.subresource === ''
        ? withLastApplied(result.object, config)
        : result.object;
    const whole = withManagers<T>(object, result.managers);
    const changed = live === undefined || !jsonEqual(whole as unknown as Json, live as unknown as Json);
    return { object: whole, changed };
  } catch (error) {
    throw error instanceof FieldConflicts ? conflictError(error.conflicts) : asStatus(error);
  }
}

function asStatus(error: unknown): unknown {
  if (error instanceof StatusError || !(error instanceof TypeError)) return error;
  return Errors.badRequest(`failed to apply: ${error.message}`);
}
