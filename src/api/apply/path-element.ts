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
/** Items with one or two keys as `keyElement` writes them. */
const PLAIN_KEYS = new RegExp(`^k:\\{"(\\w+)":${SCALAR}(?:,"(\\w+)":${SCALAR})?\\}$`);
const PLAIN_VALUE = new RegExp(`^v:${SCALAR}$`);

/** True for most elements that are written as this program writes them, without parsing them. */
export function isPlainElement(text: string): boolean {
  if (text.charCodeAt(1) !== 0x3a) return false;
  const kind = text.charCodeAt(0);
  if (kind === 0x66) return true;
  if (kind === 0x76) return PLAIN_VALUE.test(text);
  const keys = kind === 0x6b ? PLAIN_KEYS.exec(text) : null;
  return keys !== null && (keys[2] === undefined || keys[1]! < keys[2]);
}

/** Reads one member name of a fieldsV1 object; throws SyntaxError for what is none. */
export function parsePathElement(text: string): PathElement {
  if (isPlainElement(text)) return text;
  const body = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'k:': {
      const keys = JSON.parse(body) as Json;
      if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) break;
      return keyElement(keys);
    }
    case 'v:':
      return valueElement(JSON.parse(body) as Json);
    case 'i:':
      if (/^\d{1,9}$/.test(body)) return text;
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

const isIndex = (element: string): boolean => element.charCodeAt(0) === 0x69;

/** The order of fieldsV1: fields, then keys and values, then indexes; each by text. */
function comparePathElements(a: string, b: string): number {
  if (isIndex(a) !== isIndex(b)) return isIndex(a) ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True when the elements (and `.`, which comes first) are in order and none is there twice. */
export function areSorted(elements: readonly string[]): boolean {
  for (let i = 1; i < elements.length; i++) {
    if (comparePathElements(elements[i - 1]!, elements[i]!) >= 0) return false;
  }
  return true;
}

/** Sorts elements (and `.`, which comes first) in place. */
export function sortElements(elements: string[]): string[] {
  // Only indexes stand elsewhere in the order of texts, which needs no calls back.
  for (const element of elements) if (isIndex(element)) return elements.sort(comparePathElements);
  return elements.sort();
}
