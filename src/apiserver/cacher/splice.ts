import type { KubeObject } from '#api';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const KIND = Buffer.from('"kind"');
const API_VERSION = Buffer.from('"apiVersion"');
const METADATA = Buffer.from('"metadata"');
const RESOURCE_VERSION = Buffer.from('"resourceVersion"');

/** Where to cut a stored value. */
export interface SplicePoint {
  /**
   * Offset of the first member after `kind` and `apiVersion`, when the value begins with these two and has more:
   * items of a list are served without them, as Go leaves out an empty TypeMeta. Else 0.
   */
  untyped: number;
  /** Offset just after the `{` of the top-level `metadata`. */
  offset: number;
  /** The metadata object has no members, so that no comma follows the spliced one. */
  empty: boolean;
}

function skipSpace(json: Buffer, at: number): number {
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++;
  return at;
}

/** Offset after the string whose opening quote is at `at`. */
function skipString(json: Buffer, at: number): number {
  for (at++; at < json.length; at++) {
    const byte = json[at];
    if (byte === BACKSLASH) at++;
    else if (byte === QUOTE) return at + 1;
  }
  return at;
}

/** Offset after the value that begins at `at`. Expects well-formed JSON. */
function skipValue(json: Buffer, at: number): number {
  let depth = 0;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = skipString(json, at);
      if (depth === 0) return at;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) return at;
    at++;
  }
  return at;
}

/** Offset of the value of member `name` (with its quotes) of the object whose `{` is at `at`, or -1. */
function findMember(json: Buffer, at: number, name: Buffer): number {
  at = skipSpace(json, at + 1);
  while (json[at] === QUOTE) {
    const end = skipString(json, at);
    const found = end - at === name.length && name.compare(json, at, end) === 0;
    at = skipSpace(json, end);
    if (json[at] !== COLON) return -1;
    at = skipSpace(json, at + 1);
    if (found) return at;
    at = skipSpace(json, skipValue(json, at));
    if (json[at] !== COMMA) return -1;
    at = skipSpace(json, at + 1);
  }
  return -1;
}

/** See SplicePoint.untyped. `start` is the offset of the value's `{`. */
function untypedOffset(json: Buffer, start: number): number {
  let at = skipSpace(json, start + 1);
  for (let members = 0; members < 2; members++) {
    const name = skipString(json, at);
    if (
      json.compare(KIND, 0, KIND.length, at, name) !== 0 &&
      json.compare(API_VERSION, 0, API_VERSION.length, at, name) !== 0
    )
      return 0;
    const value = skipSpace(json, skipSpace(json, name) + 1);
    if (json[value] !== QUOTE) return 0;
    at = skipSpace(json, skipString(json, value));
    if (json[at] !== COMMA) return 0;
    at = skipSpace(json, at + 1);
  }
  return at;
}

/**
 * Finds where `metadata.resourceVersion` can be spliced into a stored JSON object. Undefined when it cannot be
 * done blindly: metadata is missing or the value already carries a resourceVersion there.
 */
function findSplicePoint(json: Buffer): SplicePoint | undefined {
  const start = skipSpace(json, 0);
  if (json[start] !== OPEN_BRACE) return undefined;
  const metadata = findMember(json, start, METADATA);
  if (metadata < 0 || json[metadata] !== OPEN_BRACE) return undefined;
  // The search is native and nearly always says no; only then is a walk through the members needed.
  if (json.indexOf(RESOURCE_VERSION, metadata) >= 0 && findMember(json, metadata, RESOURCE_VERSION) >= 0) {
    return undefined;
  }
  const offset = metadata + 1;
  const untyped = untypedOffset(json, start);
  // Cut only what stands before the splice.
  return {
    offset,
    empty: json[skipSpace(json, offset)] === CLOSE_BRACE,
    untyped: untyped <= metadata ? untyped : 0,
  };
}

/** A value that can be spliced: the same, or a rewritten one when it has no metadata or carries a resourceVersion. */
export function normalize(stored: Buffer): { json: Buffer; point: SplicePoint } {
  const point = findSplicePoint(stored);
  if (point !== undefined) return { json: stored, point };
  const object = JSON.parse(stored.toString('utf8')) as KubeObject | null;
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw new TypeError('stored value is not a JSON object');
  }
  const json = storedBytes({ ...object, metadata: { ...object.metadata } });
  const again = findSplicePoint(json);
  if (again === undefined) throw new TypeError('stored value is not a JSON object');
  return { json, point: again };
}

/**
 * The bytes to store: the object without `metadata.resourceVersion` (the store's revision is the truth), its type
 * in front, as Go writes it.
 */
export function storedBytes(object: KubeObject): Buffer {
  return Buffer.from(JSON.stringify(isStoredForm(object) ? object : storedForm(object)));
}

function storedForm(object: KubeObject): object {
  const { kind, apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _revision, ...kept } = metadata;
  return { kind, apiVersion, metadata: kept, ...rest };
}

const FIRST = ['kind', 'apiVersion', 'metadata'];

/** Nearly every new object is written as it is. */
function isStoredForm(object: KubeObject): boolean {
  let at = 0;
  for (const name in object) {
    if (name !== FIRST[at]) return false;
    if (++at === FIRST.length) return object.metadata.resourceVersion === undefined;
  }
  return false;
}
