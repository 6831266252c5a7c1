import type { Json } from '../object.js';
import type { meta } from '../types/index.js';
import { type FieldSet, parseFields, union } from './field-set.js';

/** One manager and what it manages. */
export interface Manager {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: string;
  /** RFC 3339, whole seconds; absent in entries written without one. */
  time: string | undefined;
  fields: FieldSet;
}

/** Managers by identity, as upstream's ManagedFields. */
export type Managers = Map<string, Manager>;

/** Appliers are the same whatever version they apply with; updaters are one per version. */
export function managerIdentity(entry: Omit<Manager, 'fields' | 'time'>): string {
  const version = entry.operation === 'Apply' ? '' : entry.apiVersion;
  return `${entry.operation}\0${version}\0${entry.subresource}\0${entry.manager}`;
}

/** Reads `metadata.managedFields`. Throws SyntaxError for entries that are not understood. */
export function decodeManagers(entries: meta.ManagedFieldsEntry[] = []): Managers {
  const managers: Managers = new Map();
  entries.forEach((entry, i) => {
    const fieldsType = entry.fieldsType ?? '';
    if (fieldsType === '') throw new SyntaxError(`missing fieldsType in managed fields entry ${i}`);
    if (fieldsType !== 'FieldsV1') {
      throw new SyntaxError(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${i}`);
    }
    const operation = entry.operation;
    if (operation !== 'Apply' && operation !== 'Update') {
      throw new SyntaxError(`invalid operation ${JSON.stringify(operation)} in managed fields entry ${i}`);
    }
    const manager: Manager = {
      manager: entry.manager ?? '',
      operation,
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: parseFields(entry.fieldsV1 as Json | undefined),
    };
    managers.set(managerIdentity(manager), manager);
  });
  return managers;
}

const second = (time: string | undefined): number =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);

function compareManagers(a: Manager, b: Manager): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1;
  const age = a.time === b.time ? 0 : second(a.time) - second(b.time);
  if (age !== 0) return age;
  for (const field of ['manager', 'apiVersion', 'subresource'] as const) {
    if (a[field] !== b[field]) return a[field] < b[field] ? -1 : 1;
  }
  return 0;
}

/** Writes `metadata.managedFields`: appliers first, oldest first. */
export function encodeManagers(managers: Managers): meta.ManagedFieldsEntry[] {
  return [...managers.values()].sort(compareManagers).map((manager) => ({
    manager: manager.manager,
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: manager.fields,
    ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
  }));
}

/** `[{}]` asks the server to forget all managers. */
export function isReset(entries: meta.ManagedFieldsEntry[] | undefined): boolean {
  return entries?.length === 1 && Object.keys(entries[0]!).length === 0;
}

const MAX_UPDATERS = 10;
const BUCKET = 'ancient-changes';

/** More than ten updaters: the oldest of each version are put together as `ancient-changes`. */
export function capUpdaters(managers: Managers): void {
  if (managers.size <= MAX_UPDATERS) return;
  const updaters = [...managers.entries()]
    .filter(([, manager]) => manager.operation === 'Update')
    .sort(([idA, a], [idB, b]) => second(a.time) - second(b.time) || (idA < idB ? -1 : 1));
  const first = new Map<string, string>();
  let count = updaters.length;
  for (const [identity, manager] of updaters) {
    if (count <= MAX_UPDATERS) return;
    const start = first.get(manager.apiVersion);
    if (start === undefined) {
      first.set(manager.apiVersion, identity);
      continue;
    }
    const bucket: Manager = { ...manager, manager: BUCKET, subresource: '' };
    const bucketId = managerIdentity(bucket);
    const before = managers.get(bucketId) ?? managers.get(start)!;
    if (!managers.has(bucketId)) managers.delete(start);
    managers.delete(identity);
    managers.set(bucketId, { ...bucket, fields: union(manager.fields, before.fields) });
    count--;
  }
}
