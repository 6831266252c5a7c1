import type { Json, JsonObject } from '../object.js';

/**
 * A step of a path in fieldsV1's notation: `f:name` (a field), `k:{"port":80}` (an item of a keyed list),
 * `v:"x"` (an item of a set), `i:0` (an index). Kept as text: it is a map key and goes on the wire as it is.
 */
export type PathElement = string;

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** Keys sorted by name, so that equal items have equal elements. */
export function keyElement(keys: JsonObject): PathElement {
  const sorted = Object.keys(keys)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${JSON.stringify(keys[name])}`);
  return `k:{${sorted.join(',')}}`;
}

export function valueElement(value: Json): PathElement {
  return `v:${JSON.stringify(value)}`;
}

const SCALAR = '(?:"[ !#-\\[\\]-~]*"|0|[1-9][0-9]{0,14}|true|false)';
/** Elements with one key as JSON.stringify writes them. */
const PLAIN_KEY = new RegExp(`^k:\\{"\\w+":${SCALAR}\\}$`);
const PLAIN_VALUE = new RegExp(`^v:${SCALAR}$`);

/** Reads one member name of a fieldsV1 object; throws SyntaxError for what is none. */
export function parsePathElement(text: string): PathElement {
  switch (text.slice(0, 2)) {
    case 'f:':
      return text;
    case 'k:': {
      if (PLAIN_KEY.test(text)) return text;
      const keys = JSON.parse(text.slice(2)) as Json;
      if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) break;
      return keyElement(keys);
    }
    case 'v:':
      if (PLAIN_VALUE.test(text)) return text;
      return valueElement(JSON.parse(text.slice(2)) as Json);
    case 'i:':
      if (/^\d{1,9}$/.test(text.slice(2))) return text;
      break;
  }
  throw new SyntaxError(`invalid path element ${JSON.stringify(text)}`);
}

/** How conflicts show the element: `.name`, `[port=80,protocol="TCP"]`, `[="x"]`, `[0]`. */
export function printPathElement(element: PathElement): string {
  const body = element.slice(2);
  if (element.startsWith('f:')) return `.${body}`;
  if (element.startsWith('v:')) return `[=${body}]`;
  if (element.startsWith('i:')) return `[${body}]`;
  const keys = JSON.parse(body) as JsonObject;
  return `[${Object.entries(keys)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}]`;
}

export function printPath(path: readonly PathElement[]): string {
  return path.map(printPathElement).join('');
}

const RANK: Record<string, number> = { f: 0, k: 1, v: 2, i: 3 };

/** The order of fieldsV1: fields, then keys, values and indexes; each by text. */
function comparePathElements(a: PathElement, b: PathElement): number {
  const rank = (RANK[a[0]!] ?? -1) - (RANK[b[0]!] ?? -1);
  return rank !== 0 ? rank : a < b ? -1 : a > b ? 1 : 0;
}

/** Sorts elements (and `.`, which comes first) in place. */
export function sortElements(elements: string[]): string[] {
  if (elements.length < 2) return elements;
  // Only indexes stand elsewhere in the order of texts, which needs no calls back.
  if (elements.some((element) => element.charCodeAt(0) === 0x69)) return elements.sort(comparePathElements);
  return elements.sort();
}
