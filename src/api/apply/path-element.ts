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

/** Reads one member name of a fieldsV1 object; throws SyntaxError for what is none. */
export function parsePathElement(text: string): PathElement {
  const body = text.slice(2);
  switch (text.slice(0, 2)) {
    case 'f:':
      return text;
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

const RANK: Record<string, number> = { f: 0, k: 1, v: 2, i: 3 };

/** The order of fieldsV1: fields, then keys, values and indexes; each by text. */
export function comparePathElements(a: PathElement, b: PathElement): number {
  const rank = RANK[a[0]!]! - RANK[b[0]!]!;
  return rank !== 0 ? rank : a < b ? -1 : a > b ? 1 : 0;
}
