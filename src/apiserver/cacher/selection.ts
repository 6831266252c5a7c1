import type { CacheEvent, ObjectItem } from './cache-event.js';
import type { CachedObject, Selection } from './cacher.js';

/** Whether the object is wanted. Parses it only when the selection has a label or field selector. */
export function selects(selection: Selection, object: CachedObject): boolean {
  if (selection.namespace !== undefined && object.namespace !== selection.namespace) return false;
  if (selection.name !== undefined && object.name !== selection.name) return false;
  if (selection.labels !== undefined && !selection.labels(object.attributes().labels)) return false;
  return selection.fields === undefined || selection.fields(object.attributes().fields);
}

/** True when `selects` needs the parsed object. */
export function needsAttributes(selection: Selection): boolean {
  return selection.labels !== undefined || selection.fields !== undefined;
}

/** What an event is to this selection: entering it is ADDED, leaving it DELETED; undefined when never in it. */
export function itemFor(selection: Selection, event: CacheEvent): ObjectItem | undefined {
  const now = event.current !== undefined && selects(selection, event.current);
  const before = event.previous !== undefined && selects(selection, event.previous);
  if (now) return event.item(before ? 'MODIFIED' : 'ADDED');
  return before ? event.item('DELETED') : undefined;
}
