import type { FieldError } from '../status.js';

/** A field's path as upstream prints it, e.g. `spec.ports[0].name`. Children are appended with template literals. */
export type Path = string;

const TITLES: Record<FieldError['type'], string> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueNotFound: 'Not found',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};

/** Go's strconv.Quote for text that came from JSON. */
export function goQuote(text: string): string {
  return JSON.stringify(text).replace(/\\u00([01][0-9a-f])/g, '\\x$1');
}

/** A value as upstream's field errors print it: text quoted, numbers and booleans plain, the rest as JSON. */
function formatValue(value: unknown): string {
  if (value === undefined || value === null) return '"null"';
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return JSON.stringify(value);
}

function make(type: FieldError['type'], field: Path, value: string, detail: string): FieldError {
  let message = TITLES[type];
  if (value !== '') message += `: ${value}`;
  if (detail !== '') message += `: ${detail}`;
  return { type, field, message };
}

/**
 * Builders of field errors with apimachinery's texts (`util/validation/field/errors.go`). Which of them carry
 * the offending value is part of the contract: clients print these messages.
 */
export const FieldErrors = {
  required: (field: Path, detail = '') => make('FieldValueRequired', field, '', detail),
  invalid: (field: Path, value: unknown, detail: string) =>
    make('FieldValueInvalid', field, formatValue(value), detail),
  duplicate: (field: Path, value: unknown, detail = '') =>
    make('FieldValueDuplicate', field, formatValue(value), detail),
  forbidden: (field: Path, detail: string) => make('FieldValueForbidden', field, '', detail),
  notSupported: (field: Path, value: unknown, supported: readonly string[]) =>
    make(
      'FieldValueNotSupported',
      field,
      formatValue(value),
      supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`,
    ),
  notFound: (field: Path, value: unknown) => make('FieldValueNotFound', field, formatValue(value), ''),
  tooLong: (field: Path, maxBytes: number) =>
    make('FieldValueTooLong', field, '', `may not be more than ${maxBytes} bytes`),
  tooMany: (field: Path, actual: number, max: number) =>
    make('FieldValueTooMany', field, String(actual), `must have at most ${max} items`),
  typeInvalid: (field: Path, value: unknown, detail: string) =>
    make('FieldValueTypeInvalid', field, formatValue(value), detail),
  internal: (field: Path, detail: string) => make('InternalError', field, '', detail),
};

/** Collects field errors in the order found. One per validated object; not reusable. */
export class Check {
  readonly errors: FieldError[] = [];

  required(field: Path, detail = ''): void {
    this.errors.push(FieldErrors.required(field, detail));
  }
  invalid(field: Path, value: unknown, detail: string): void {
    this.errors.push(FieldErrors.invalid(field, value, detail));
  }
  /** One `Invalid value` per message. */
  invalidEach(field: Path, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(field, value, detail);
  }
  duplicate(field: Path, value: unknown, detail = ''): void {
    this.errors.push(FieldErrors.duplicate(field, value, detail));
  }
  forbidden(field: Path, detail: string): void {
    this.errors.push(FieldErrors.forbidden(field, detail));
  }
  notSupported(field: Path, value: unknown, supported: readonly string[]): void {
    this.errors.push(FieldErrors.notSupported(field, value, supported));
  }
  notFound(field: Path, value: unknown): void {
    this.errors.push(FieldErrors.notFound(field, value));
  }
  tooLong(field: Path, maxBytes: number): void {
    this.errors.push(FieldErrors.tooLong(field, maxBytes));
  }
  tooMany(field: Path, actual: number, max: number): void {
    this.errors.push(FieldErrors.tooMany(field, actual, max));
  }

  /** Required when empty, NotSupported when not in the (sorted) list. */
  oneOf(field: Path, value: string | undefined, supported: readonly string[]): void {
    if (value === undefined || value === '') this.required(field);
    else if (!supported.includes(value)) this.notSupported(field, value, supported);
  }
  /** Absent is fine; anything else must be in the list. */
  optionalOneOf(field: Path, value: string | undefined, supported: readonly string[]): void {
    if (value !== undefined && !supported.includes(value)) this.notSupported(field, value, supported);
  }
  nonNegative(field: Path, value: number | undefined): void {
    if (value !== undefined && value < 0) this.invalid(field, value, 'must be greater than or equal to 0');
  }
  immutable(field: Path, value: unknown, old: unknown): void {
    if (!semanticEqual(value, old)) this.invalid(field, value, 'field is immutable');
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

/**
 * Equality as upstream's `equality.Semantic`: absent, null and empty collections are the same, member order
 * does not matter. Quantities are expected in canonical form on both sides.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b || (isEmpty(a) && isEmpty(b))) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const key of keys) if (!semanticEqual(left[key], right[key])) return false;
  return true;
}
