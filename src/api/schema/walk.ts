import { StatusError } from '../status.js';
import { goStringType } from './go-string-types.js';
import { goType, jsonTypeName } from './go-types.js';
import type { Message } from './messages.js';
import type { TypeRef } from './type-ref.js';

/** Deepest nesting of objects and lists that is accepted anywhere. */
export const MAX_DEPTH = 1000;
/** A value does not fit its field. `message` is what Go's decoder would say; unless caught it is answered as BadRequest. */
export class SchemaError extends StatusError {
  constructor(text: string) {
    super('BadRequest', text);
    this.name = 'SchemaError';
  }
}

/** Where a walk over an object is, and what it has found. */
export interface Walk {
  unknown: string[];
  /** Field names, and list indexes as numbers. */
  path: (string | number)[];
  depth: number;
}

export type Plain = Record<string, unknown>;

export function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `spec.ports[0].foo`. */
export function fieldPath(path: readonly (string | number)[]): string {
  let text = '';
  for (const part of path) {
    text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`;
  }
  return text;
}

/** Assigns without ever calling the `__proto__` setter. */
export function setOwn(target: Plain, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else target[key] = value;
}

/**
 * Go's UnmarshalTypeError: the struct's name, the path without indexes and map keys, and the Go type. `what`
 * overrides the description of the value (`number 1.5`).
 */
export function mismatch(
  walk: Walk,
  value: unknown,
  type: TypeRef,
  owner: Message,
  what?: string,
): SchemaError {
  const struct = owner.name.slice(owner.name.lastIndexOf('.') + 1);
  const names = fieldNames(walk, owner);
  const expected = goType(type, goStringType(owner.name, names.at(-1) ?? ''));
  return new SchemaError(
    `json: cannot unmarshal ${what ?? jsonTypeName(value)} into Go struct field ${struct}.${names.join('.')} of type ${expected}`,
  );
}

/** Field names on the way to the value; a map key at the end is none. */
function fieldNames(walk: Walk, owner: Message): string[] {
  const names = walk.path.filter((part): part is string => typeof part === 'string');
  const last = names.at(-1);
  if (last !== undefined && !owner.fields.has(last)) names.pop();
  return names;
}
