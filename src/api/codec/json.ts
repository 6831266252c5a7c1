import type { Message } from '../schema/messages.js';
import type { SchemaError } from '../schema/walk.js';
import { MAX_DEPTH } from '../schema/walker.js';
import { JsonSyntaxError, scanJson } from './json-syntax.js';

export interface ParsedText {
  value: unknown;
  /** `unknown field "spec.x"`, `duplicate field "spec.y"`; empty unless a strict parse was asked. */
  strictErrors: string[];
  /** A number that an integer field does not take, by its notation. */
  badInteger?: SchemaError | undefined;
  /** `strictErrors` holds unknown fields too; otherwise they are the schema check's to find. */
  scanned?: boolean;
}

/**
 * Parses JSON bytes. `strict` lists duplicate fields (and, with a schema, unknown ones) in document order.
 * Throws JsonSyntaxError with Go's words; never anything else.
 */
export function parseJson(bytes: Buffer, options: { strict?: Message | 'duplicates' } = {}): ParsedText {
  return parseJsonText(bytes.toString('utf8'), options.strict);
}

/** Like `parseJson`, for a text. */
export function parseJsonText(text: string, strict?: Message | 'duplicates'): ParsedText {
  const value = parseCanonical(text);
  if (value !== undefined) return { value, strictErrors: [], scanned: typeof strict !== 'object' };
  const { errors, badInteger } = scanJson(text, strict);
  try {
    return { value: JSON.parse(text), strictErrors: errors, badInteger, scanned: true };
  } catch (error) {
    throw new JsonSyntaxError((error as Error).message);
  }
}

/**
 * Most programs write JSON as JSON.stringify does. A text that comes out again as it went in has no field twice, no
 * number of unusual notation, and needs no scan; undefined for all others.
 */
function parseCanonical(text: string): object | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value !== 'object' || value === null) return undefined;
    const again = JSON.stringify(value);
    const same = text.length === again.length ? text === again : text === `${again}\n`;
    // Each level of nesting takes two characters.
    return same && (text.length <= 2 * MAX_DEPTH || isShallow(value, MAX_DEPTH)) ? value : undefined;
  } catch {
    // The scan knows how to say it.
    return undefined;
  }
}

function isShallow(value: object, levels: number): boolean {
  if (levels === 0) return false;
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === 'object' && member !== null && !isShallow(member, levels - 1)) return false;
  }
  return true;
}
