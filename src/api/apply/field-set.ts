import type { Json, JsonObject } from '../object.js';
import { isObject } from '../patch/json-value.js';
import {
  areSorted,
  isPlainElement,
  type PathElement,
  parsePathElement,
  sortElements,
} from './path-element.js';

/**
 * A set of paths into an object (structured-merge-diff's Set), kept as the fieldsV1 that it is written as: a tree
 * by path element, in fieldsV1's order. An element whose value is empty, or has the member `.`, is a path that ends
 * there; its other members lead on. Below the root no element is there without a path. Sets are never changed:
 * an operation that changes nothing answers with its first argument, and all share their parts.
 */
export interface FieldSet {
  readonly [element: PathElement]: FieldSet;
}

type Building = Record<PathElement, FieldSet>;

/** The path that ends here and leads nowhere; as a whole set, the empty one. */
export const LEAF: FieldSet = Object.freeze({});
export const NO_FIELDS = LEAF;

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the path to this part of a set is itself in the set. */
export function endsHere(part: FieldSet): boolean {
  return part['.'] !== undefined || isEmpty(part);
}

/** Brings elements into fieldsV1's order. */
export function ordered(parts: Building): FieldSet {
  const elements = Object.keys(parts);
  if (areSorted(elements)) return parts;
  const result: Building = {};
  for (const element of sortElements(elements)) result[element] = parts[element]!;
  return result;
}

/** Reads fieldsV1, whoever wrote it. Throws SyntaxError for malformed input. */
export function parseFields(fields: Json | undefined): FieldSet {
  if (isCanonical(fields) && fields['.'] === undefined) return fields;
  return parsePart(fields) ?? NO_FIELDS;
}

/** What this program has written, as nearly all that is stored: it can be taken as it is. */
function isCanonical(fields: Json | undefined): fields is FieldSet & JsonObject {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return false;
  const elements = Object.keys(fields);
  for (const element of elements) {
    const below = fields[element];
    if (element !== '.') {
      if (!isPlainElement(element) || !isCanonical(below)) return false;
    } else if (elements.length === 1 || !isObject(below) || !isEmpty(below as FieldSet)) return false;
  }
  return areSorted(elements);
}

function parsePart(fields: Json | undefined): FieldSet | undefined {
  if (fields === undefined || fields === null) return undefined;
  if (typeof fields !== 'object' || Array.isArray(fields)) {
    throw new SyntaxError('fieldsV1 must be an object');
  }
  const parts: Building = {};
  for (const key of Object.keys(fields)) {
    if (key === '.') continue;
    const element = parsePathElement(key);
    const value = fields[key];
    const below = parsePart(value) ?? LEAF;
    const ends = below === LEAF || Object.hasOwn(value as FieldSet, '.');
    const part = ends ? withEnd(below) : below;
    const before = parts[element];
    parts[element] = before === undefined ? part : unionParts(before, part);
  }
  return isEmpty(parts) ? undefined : ordered(parts);
}

/** A set of whole paths, each given as its elements. */
export function fieldSetOf(...paths: PathElement[][]): FieldSet {
  return paths.reduce<FieldSet>((set, path) => {
    const one = path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), LEAF);
    return union(set, one);
  }, NO_FIELDS);
}

function withEnd(part: FieldSet): FieldSet {
  return endsHere(part) ? part : { '.': LEAF, ...part };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  return isEmpty(a) ? b : unionParts(a, b);
}

function unionParts(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isEmpty(a)) return withEnd(b);
  if (isEmpty(b)) return withEnd(a);
  let result: Building | undefined;
  let added = false;
  for (const element in b) {
    const mine = a[element];
    const both = mine === undefined ? b[element]! : element === '.' ? mine : unionParts(mine, b[element]!);
    if (both === mine) continue;
    added ||= mine === undefined;
    result ??= { ...a };
    result[element] = both;
  }
  return result === undefined ? a : added ? ordered(result) : result;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: Building = {};
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || element === '.') continue;
    const both = intersectParts(a[element]!, theirs);
    if (both !== undefined) result[element] = both;
  }
  return result;
}

function intersectParts(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (a === b) return a;
  const below = intersection(a, b);
  if (endsHere(a) && endsHere(b)) return isEmpty(below) ? LEAF : { '.': LEAF, ...below };
  return isEmpty(below) ? undefined : below;
}

/** Paths that the other set does not have. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, false);
}

/** Like `difference`, and a path of the other set takes everything below it along. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return subtract(a, b, true);
}

/** Leaves `.` as it is. */
function subtract(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet {
  let result: Building | undefined;
  for (const element in a) {
    const theirs = b[element];
    if (theirs === undefined || element === '.') continue;
    const mine = a[element]!;
    const left = subtractPart(mine, theirs, recursive);
    if (left === mine) continue;
    result ??= { ...a };
    if (left === undefined) delete result[element];
    else result[element] = left;
  }
  return result ?? a;
}

function subtractPart(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet | undefined {
  const gone = endsHere(b);
  if (gone && (recursive || isEmpty(a))) return undefined;
  const rest = subtract(a, b, recursive);
  if (rest === a && (!gone || a['.'] === undefined)) return a;
  const { '.': end, ...below } = rest;
  if (end === undefined || gone) return isEmpty(below) ? undefined : below;
  return isEmpty(below) ? LEAF : rest;
}

/** Every path, in fieldsV1's order. */
export function* pathsOf(set: FieldSet, prefix: readonly PathElement[] = []): Generator<PathElement[]> {
  const elements = Object.keys(set).filter((element) => element !== '.');
  for (const element of elements) if (endsHere(set[element]!)) yield [...prefix, element];
  for (const element of elements) yield* pathsOf(set[element]!, [...prefix, element]);
}

export function sameFields(a: FieldSet, b: FieldSet): boolean {
  return a === b || (isEmpty(difference(a, b)) && isEmpty(difference(b, a)));
}
