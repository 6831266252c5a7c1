import type { Json, JsonObject } from '../object.js';
import { checkApplied } from './applied-object.js';
import { compareObjects } from './compare.js';
import { difference, type FieldSet } from './field-set.js';
import { isObject, type Place } from './shape.js';
import { toFieldSet } from './to-field-set.js';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const MAX_ANNOTATION_BYTES = 256 * 1024;

function annotationsOf(object: JsonObject): JsonObject {
  const metadata = object['metadata'];
  const annotations = isObject(metadata) ? metadata['annotations'] : undefined;
  return isObject(annotations) ? annotations : {};
}

/**
 * Fields that client-side apply set and that still are as it set them: undefined when the object was not
 * applied by a client, or its annotation is unreadable.
 */
export function lastAppliedFields(live: JsonObject, place: Place): FieldSet | undefined {
  const text = annotationsOf(live)[LAST_APPLIED];
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    const parsed = JSON.parse(text) as Json;
    if (!isObject(parsed)) return undefined;
    const { object, problems } = checkApplied(parsed, place);
    if (problems.length > 0) return undefined;
    const changes = compareObjects(object, live, place);
    return difference(difference(toFieldSet(object, place), changes.changed), changes.removed);
  } catch {
    return undefined;
  }
}

/** Members by name, as kubectl writes the annotation: its next client-side apply must find the same text. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key]!)]));
}

/**
 * Keeps the annotation of client-side apply in step when kubectl applies on the server, so that users may go
 * back. Objects without the annotation are left alone.
 */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  const present = annotations[LAST_APPLIED];
  if (typeof present !== 'string' || present === '') return object;
  const { [LAST_APPLIED]: _, ...others } = annotationsOf(applied);
  const appliedMetadata = isObject(applied['metadata']) ? applied['metadata'] : {};
  const text = `${JSON.stringify(sorted({ ...applied, metadata: { ...appliedMetadata, annotations: others } }))}\n`;
  const value = Buffer.byteLength(text) > MAX_ANNOTATION_BYTES ? '' : text;
  const metadata = {
    ...(object['metadata'] as JsonObject),
    annotations: { ...annotations, [LAST_APPLIED]: value },
  };
  return { ...object, metadata };
}
