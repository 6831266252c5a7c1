import type { TypeRef } from './type-ref.js';

/**
 * The Go type that upstream's JSON errors name (`int32`, `[]v1.ServicePort`, `v1.ResourceList`). `text` is the Go
 * type of strings in it, where that is a named one.
 */
export function goType(type: TypeRef, text = 'string'): string {
  switch (type.type) {
    case 'list':
      return `[]${goType(type.of, text)}`;
    case 'map':
      if (type.of.type === 'quantity') return 'v1.ResourceList';
      return `map[string]${type.of.type === 'list' ? 'v1.ExtraValue' : goItemType(type.of, text)}`;
    case 'message':
      return `v1.${type.name.slice(type.name.lastIndexOf('.') + 1)}`;
    case 'string':
      return text;
    case 'boolean':
      return 'bool';
    case 'double':
      return 'float64';
    case 'bytes':
      return '[]uint8';
    default:
      return type.type;
  }
}

function goItemType(type: TypeRef, text: string): string {
  if (type.type === 'time') return 'v1.Time';
  return goType(type, text);
}

/** What Go's decoder calls a JSON value; `number` comes with its text where the number itself is at fault. */
export function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'number':
      return 'number';
    default:
      return 'object';
  }
}
