import type { TypeRef } from './type-ref.js';

/** The Go type that upstream's JSON errors name (`int32`, `[]v1.ServicePort`, `map[string]string`). */
export function goType(type: TypeRef): string {
  switch (type.type) {
    case 'list':
      return `[]${goType(type.of)}`;
    case 'map':
      return `map[string]${goType(type.of)}`;
    case 'message':
      return `v1.${type.name.slice(type.name.lastIndexOf('.') + 1)}`;
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
