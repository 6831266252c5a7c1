import { findMessage } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';

/** What strategic merge needs to know of one field. Unknown fields merge as maps and replace as lists. */
export interface PatchMeta {
  /** Type of the value, of a list's items or of a map's values; undefined when no table describes it. */
  type: TypeRef | undefined;
  /** Lists with this strategy merge item by item. */
  merge: boolean;
  /** Structs with this strategy are replaced whole. */
  replace: boolean;
  mergeKey: string | undefined;
}

const UNKNOWN: PatchMeta = { type: undefined, merge: false, replace: false, mergeKey: undefined };

/** The field `key` of a value of this type. */
export function lookup(type: TypeRef | undefined, key: string): PatchMeta {
  if (type?.type === 'map') return { ...UNKNOWN, type: type.of };
  if (type?.type !== 'message') return UNKNOWN;
  const field = findMessage(type.name)?.fields.get(key);
  if (field === undefined) return UNKNOWN;
  const strategies = field.patchStrategy ?? [];
  return {
    type: field.type.type === 'list' ? field.type.of : field.type,
    merge: strategies.includes('merge'),
    replace: strategies.includes('replace'),
    mergeKey: field.patchMergeKey,
  };
}
