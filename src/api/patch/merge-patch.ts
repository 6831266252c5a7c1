import type { Json, JsonObject } from '../object.js';
import { getOwn, isObject, setOwn } from './json-value.js';

/**
 * Applies an RFC 7386 merge patch: null removes, objects merge, everything else replaces. Returns a new
 * document that may share parts with both arguments.
 */
export function applyMergePatch(document: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(getOwn(result, key), value));
  }
  return result;
}
