import type { Message } from '../schema/messages.js';
import type { SchemaError } from '../schema/walk.js';
import { JsonSyntaxError, scanJson } from './json-syntax.js';

export interface ParsedText {
  value: unknown;
  /** `unknown field "spec.x"`, `duplicate field "spec.y"`; empty unless a strict parse was asked. */
  strictErrors: string[];
  /** A number that an integer field does not take, by its notation. */
  badInteger?: SchemaError | undefined;
  /** The text was JSON, so `strictErrors` holds unknown fields too. */
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
  const { errors, badInteger } = scanJson(text, strict);
  try {
    return { value: JSON.parse(text), strictErrors: errors, badInteger, scanned: true };
  } catch (error) {
    throw new JsonSyntaxError((error as Error).message);
  }
}
