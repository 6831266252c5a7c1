import type { Message } from '../schema/messages.js';
import { message } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';
import { mismatch, type SchemaError } from '../schema/walk.js';
import { fieldPath, MAX_DEPTH } from '../schema/walker.js';

/** The text is not JSON. `message` is what Go's scanner would say. */
export class JsonSyntaxError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'JsonSyntaxError';
  }
}

/** Strict errors reported for one document, as upstream. */
const MAX_STRICT_ERRORS = 100;

/** An open object or list while scanning. */
interface Frame {
  object: boolean;
  /** Type of the members or items; undefined inside parts without a schema. */
  schema: Message | undefined;
  of: TypeRef | undefined;
  /** Duplicates inside are reported (parts that Go skips or keeps raw are not looked into). */
  checked: boolean;
  keys: Set<string> | undefined;
}

/**
 * Checks the syntax of a JSON text in one pass without building values, bounds its nesting, and, when a schema
 * is given, lists its strict errors in document order with upstream's words: `unknown field "spec.x"`,
 * `duplicate field "spec.y"`. `duplicates` looks for duplicates only, everywhere. Throws JsonSyntaxError.
 */
export function scanJson(text: string, schema?: Message | 'duplicates'): Scanned {
  const scanner = new Scanner(text, schema);
  scanner.document();
  return scanner;
}

/** What a scan found. */
export interface Scanned {
  errors: string[];
  /** The first number that no integer field takes, though its value may be whole: `1.0`, `1e2`, 2^53 and beyond. */
  badInteger: SchemaError | undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

class Scanner implements Scanned {
  readonly errors: string[] = [];
  badInteger: SchemaError | undefined;
  readonly #text: string;
  readonly #strict: boolean;
  readonly #frames: Frame[] = [];
  readonly #path: (string | number)[] = [];
  #at = 0;
  readonly #root: TypeRef | undefined;

  constructor(text: string, schema: Message | 'duplicates' | undefined) {
    this.#text = text;
    this.#root = typeof schema === 'object' ? { type: 'message', name: schema.name } : undefined;
    this.#strict = schema !== undefined;
  }

  document(): void {
    this.#space();
    this.#value(this.#root, this.#strict);
    this.#space();
    if (this.#at < this.#text.length) throw this.#bad('after top-level value');
  }

  /** One value with everything inside it; nesting is kept in `#frames`, so depth costs no stack. */
  #value(type: TypeRef | undefined, checked: boolean): void {
    this.#start(type, checked);
    while (this.#frames.length > 0) this.#step(this.#frames.at(-1)!);
  }

  /** Reads a scalar, or the opening of an object or list. */
  #start(type: TypeRef | undefined, checked: boolean): void {
    const code = this.#text.charCodeAt(this.#at);
    if (code === OPEN_OBJECT) this.#open(true, type, checked);
    else if (code === OPEN_LIST) this.#open(false, type, checked);
    else if (code === QUOTE) this.#string();
    else this.#literal(code, type);
  }

  #open(object: boolean, type: TypeRef | undefined, checked: boolean): void {
    if (this.#frames.length >= MAX_DEPTH) throw new JsonSyntaxError('exceeded max depth');
    this.#at++;
    const frame: Frame = { object, schema: undefined, of: undefined, checked, keys: undefined };
    if (type?.type === 'message' && object) frame.schema = message(type.name);
    else if (type?.type === 'map' && object) frame.of = type.of;
    else if (type?.type === 'list' && !object) frame.of = type.of;
    else if (type !== undefined) frame.checked = false;
    this.#frames.push(frame);
    this.#path.push(object ? '' : -1);
  }

  /** The next member or item of the innermost object or list, or its end. */
  #step(frame: Frame): void {
    this.#space();
    const code = this.#text.charCodeAt(this.#at);
    const first = this.#isFirst(frame);
    if (code === (frame.object ? CLOSE_OBJECT : CLOSE_LIST)) {
      this.#at++;
      this.#frames.pop();
      this.#path.pop();
      return;
    }
    if (!first) {
      if (code !== COMMA)
        throw this.#bad(frame.object ? 'after object key:value pair' : 'after array element');
      this.#at++;
      this.#space();
    }
    if (frame.object) this.#member(frame);
    else this.#item(frame);
  }

  /** True before the first member; marks the frame as begun. */
  #isFirst(frame: Frame): boolean {
    const last = this.#path.length - 1;
    if (frame.object) {
      const begun = frame.keys !== undefined;
      frame.keys ??= new Set();
      return !begun;
    }
    return this.#path[last] === -1;
  }

  #item(frame: Frame): void {
    const last = this.#path.length - 1;
    this.#path[last] = (this.#path[last] as number) + 1;
    this.#start(frame.of, frame.checked);
  }

  #member(frame: Frame): void {
    if (this.#text.charCodeAt(this.#at) !== QUOTE)
      throw this.#bad('looking for beginning of object key string');
    const key = this.#string();
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== COLON) throw this.#bad('after object key');
    this.#at++;
    this.#space();
    this.#path[this.#path.length - 1] = key;
    if (!frame.checked) {
      this.#start(undefined, false);
      return;
    }
    const field = frame.schema?.fields.get(key);
    const unknown = frame.schema !== undefined && field === undefined;
    this.#checkKey(frame, key, unknown);
    this.#start(frame.schema === undefined ? frame.of : field?.type, !unknown);
  }

  #checkKey(frame: Frame, key: string, unknown: boolean): void {
    const seen = frame.keys!.has(key);
    frame.keys!.add(key);
    if (this.errors.length >= MAX_STRICT_ERRORS) return;
    if (unknown) {
      if (!seen) this.errors.push(`unknown field ${JSON.stringify(fieldPath(this.#path))}`);
    } else if (seen) this.#addDuplicate();
  }

  /** A field that occurs three times is reported once. */
  #addDuplicate(): void {
    const text = `duplicate field ${JSON.stringify(fieldPath(this.#path))}`;
    if (!this.errors.includes(text)) this.errors.push(text);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  /** Reads a string and returns it decoded when keys are wanted. */
  #string(): string {
    const start = this.#at++;
    let escaped = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        escaped = true;
        this.#escape();
      } else if (code < 0x20 || Number.isNaN(code)) throw this.#bad('in string literal');
      else this.#at++;
    }
    this.#at++;
    if (escaped) return JSON.parse(this.#text.slice(start, this.#at)) as string;
    return this.#text.slice(start + 1, this.#at - 1);
  }

  #escape(): void {
    const code = this.#text[++this.#at];
    if (code === undefined || !'"\\/bfnrtu'.includes(code)) throw this.#bad('in string escape code');
    this.#at++;
    if (code !== 'u') return;
    for (let i = 0; i < 4; i++) {
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#at] ?? '')) {
        throw this.#bad('in \\u hexadecimal character escape');
      }
      this.#at++;
    }
  }

  #literal(code: number, type: TypeRef | undefined): void {
    const start = this.#at;
    if (code === 0x74) this.#word('true');
    else if (code === 0x66) this.#word('false');
    else if (code === 0x6e) this.#word('null');
    else if (code === 0x2d || isDigit(code)) {
      this.#number();
      if (type?.type === 'int32' || type?.type === 'int64') this.#checkInteger(start, type);
    } else throw this.#bad('looking for beginning of value');
  }

  /** Go parses the text of an integer, where JavaScript keeps only a value that may be rounded. */
  #checkInteger(start: number, type: TypeRef): void {
    const text = this.#text.slice(start, this.#at);
    if (this.badInteger !== undefined || /^-?\d{1,15}$/.test(text)) return;
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return;
    const owner = this.#frames.findLast((frame) => frame.schema !== undefined)?.schema;
    if (owner === undefined) return;
    const walk = { unknown: [], path: this.#path, depth: 0 };
    this.badInteger = mismatch(walk, undefined, type, owner, `number ${text}`);
  }

  #word(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#text[this.#at] !== word[i]) throw this.#bad(`in literal ${word} (expecting '${word[i]}')`);
      this.#at++;
    }
  }

  #number(): void {
    if (this.#text.charCodeAt(this.#at) === 0x2d) this.#at++;
    if (this.#text.charCodeAt(this.#at) === 0x30) this.#at++;
    else this.#digits('in numeric literal');
    if (this.#text.charCodeAt(this.#at) === 0x2e) {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    const exponent = this.#text.charCodeAt(this.#at);
    if (exponent !== 0x65 && exponent !== 0x45) return;
    const sign = this.#text.charCodeAt(++this.#at);
    if (sign === 0x2b || sign === 0x2d) this.#at++;
    this.#digits('in exponent of numeric literal');
  }

  #digits(where: string): void {
    if (!isDigit(this.#text.charCodeAt(this.#at))) throw this.#bad(where);
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  #bad(where: string): JsonSyntaxError {
    const char = this.#text[this.#at];
    if (char === undefined) return new JsonSyntaxError('unexpected end of JSON input');
    return new JsonSyntaxError(`invalid character ${quoteChar(char)} ${where}`);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Go's quoting of one character. */
function quoteChar(char: string): string {
  if (char === "'") return `'\\''`;
  if (char === '"') return `'"'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}
