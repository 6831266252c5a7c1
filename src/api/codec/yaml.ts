import type * as Yaml from 'yaml';
import type { Message } from '../schema/messages.js';
import { MAX_DEPTH, setOwn } from '../schema/walker.js';
import { type ParsedText, parseJsonText } from './json.js';
import { JsonSyntaxError } from './json-syntax.js';
import { yaml } from './yaml-library.js';
import { resolvePlain } from './yaml-scalars.js';

/** The text is not YAML, or not a YAML that JSON can express. */
export class YamlSyntaxError extends Error {
  constructor(text: string) {
    super(text);
    this.name = 'YamlSyntaxError';
  }
}

/** Nodes that aliases may add to one document. */
const MAX_ALIASED_NODES = 100_000;

/**
 * Parses the first YAML document into what upstream's YAML-to-JSON chain makes of it (go-yaml v2 rules). Unknown
 * tags and growth through aliases are refused. `strict` reports duplicate keys as upstream
 * does; otherwise the last one wins. Throws YamlSyntaxError. JSON is taken by the faster JSON parser.
 */
export function parseYaml(bytes: Buffer, options: { strict?: boolean; schema?: Message } = {}): ParsedText {
  const text = bytes.toString('utf8');
  if (/^\s*\{/.test(text)) {
    const strict = options.strict ? (options.schema ?? 'duplicates') : undefined;
    try {
      // In YAML 1.0 and 1e2 are numbers, and whole ones end up as integers.
      return { ...parseJsonText(text, strict), badInteger: undefined };
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
    }
  }
  const { doc, lines } = parseDocument(text);
  const converter = new Converter(lines);
  const value = converter.convert(doc.contents, 0);
  const duplicates = options.strict ? converter.duplicates : [];
  return {
    value,
    strictErrors: duplicates.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`],
  };
}

function parseDocument(text: string): { doc: Yaml.Document; lines: Yaml.LineCounter } {
  const { LineCounter, parseAllDocuments } = yaml();
  const lines = new LineCounter();
  let docs: Yaml.Document[];
  try {
    docs = parseAllDocuments(text, {
      schema: 'failsafe',
      uniqueKeys: false,
      lineCounter: lines,
      logLevel: 'silent',
      stringKeys: false,
    }) as Yaml.Document[];
  } catch (error) {
    throw new YamlSyntaxError(
      `yaml: ${error instanceof RangeError ? 'exceeded max depth' : (error as Error).message}`,
    );
  }
  // As go-yaml: the first document is the body, and nobody looks at what follows it.
  const doc = docs[0] ?? new (yaml().Document)(null);
  const failed =
    doc.errors[0] ?? doc.warnings.find((warning) => !warning.message.startsWith('Unresolved tag'));
  if (failed !== undefined) throw new YamlSyntaxError(`yaml: ${failed.message.split('\n')[0]}`);
  return { doc, lines };
}

type Plain = Record<string, unknown>;

class Converter {
  readonly duplicates: string[] = [];
  readonly #lines: Yaml.LineCounter;
  /** Anchors seen so far: an alias means the last one before it. */
  readonly #anchors = new Map<string, unknown>();
  /** Targets of the aliases being expanded. */
  readonly #open = new Set<unknown>();
  #aliased = 0;

  constructor(lines: Yaml.LineCounter) {
    this.#lines = lines;
  }

  convert(node: unknown, depth: number): unknown {
    if (depth > MAX_DEPTH) throw new YamlSyntaxError('yaml: exceeded max depth');
    if (this.#open.size > 0 && ++this.#aliased > MAX_ALIASED_NODES) {
      throw new YamlSyntaxError('yaml: document contains excessive aliasing');
    }
    const { isAlias, isMap, isScalar, isSeq } = yaml();
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#alias(node, depth);
    this.#remember(node);
    if (isScalar(node)) return this.#scalar(node);
    if (isSeq(node)) {
      checkTag(node.tag, 'seq');
      return node.items.map((item) => this.convert(item, depth + 1));
    }
    if (isMap(node)) return this.#map(node, depth);
    throw new YamlSyntaxError('yaml: unsupported node');
  }

  #remember(node: unknown): void {
    const anchor = (node as { anchor?: string }).anchor;
    if (anchor !== undefined && this.#open.size === 0) this.#anchors.set(anchor, node);
  }

  #alias(node: Yaml.Alias, depth: number): unknown {
    const target = this.#anchors.get(node.source);
    if (target === undefined) throw new YamlSyntaxError(`yaml: unknown anchor '${node.source}' referenced`);
    if (this.#open.has(target))
      throw new YamlSyntaxError(`yaml: anchor '${node.source}' value contains itself`);
    this.#open.add(target);
    const value = this.convert(target, depth + 1);
    this.#open.delete(target);
    return value;
  }

  #scalar(node: Yaml.Scalar): unknown {
    const text = String(node.value ?? '');
    const tag = shortTag(node.tag);
    if (tag === undefined || tag === '') {
      const plain = node.type === 'PLAIN' || node.type === undefined;
      return plain && tag === undefined ? jsonable(resolvePlain(text)) : text;
    }
    if (tag === 'str') return text;
    return taggedScalar(tag, text);
  }

  #map(node: Yaml.YAMLMap, depth: number): Plain {
    checkTag(node.tag, 'map');
    const result: Plain = {};
    const merged: unknown[] = [];
    const seen = new Set<string>();
    for (const pair of node.items) {
      if (isMergeKey(pair.key)) {
        merged.push(this.convert(pair.value, depth + 1));
        continue;
      }
      const key = this.#key(pair.key, depth);
      if (seen.has(key)) this.#duplicate(pair.key, key);
      seen.add(key);
      setOwn(result, key, this.convert(pair.value, depth + 1));
    }
    for (const value of merged) merge(result, value);
    return result;
  }

  #key(node: unknown, depth: number): string {
    const key = this.convert(node, depth + 1);
    if (typeof key === 'string') return key;
    if (typeof key === 'number' || typeof key === 'boolean') return String(key);
    throw new YamlSyntaxError('yaml: unsupported map key');
  }

  #duplicate(node: unknown, key: string): void {
    if (this.duplicates.length >= 100) return;
    const offset = (node as Yaml.Node | null)?.range?.[0] ?? 0;
    this.duplicates.push(
      `line ${this.#lines.linePos(offset).line}: key ${JSON.stringify(key)} already set in map`,
    );
  }
}

function isMergeKey(key: unknown): boolean {
  return yaml().isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** `<<`: fields of the merged maps that the map does not set itself. */
function merge(into: Plain, value: unknown): void {
  for (const source of Array.isArray(value) ? value : [value]) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) {
      throw new YamlSyntaxError('yaml: map merge requires map or sequence of maps as the value');
    }
    for (const [key, item] of Object.entries(source)) {
      if (!Object.hasOwn(into, key)) setOwn(into, key, item);
    }
  }
}

/** `int` for `!!int`; '' for the non-specific `!`; undefined without a tag; the tag itself when it is not a core one. */
function shortTag(tag: string | undefined): string | undefined {
  if (tag === undefined) return undefined;
  if (tag === '!') return '';
  return tag.startsWith('tag:yaml.org,2002:') ? tag.slice(18) : tag;
}

function checkTag(tag: string | undefined, expected: string): void {
  const short = shortTag(tag);
  if (short !== undefined && short !== '' && short !== expected) {
    throw new YamlSyntaxError(`yaml: unsupported tag ${tag}`);
  }
}

function taggedScalar(tag: string, text: string): unknown {
  const value = resolvePlain(text);
  const fits =
    (tag === 'int' && Number.isInteger(value)) ||
    (tag === 'float' && typeof value === 'number') ||
    (tag === 'bool' && typeof value === 'boolean') ||
    (tag === 'null' && value === null);
  if (!fits) throw new YamlSyntaxError(`yaml: cannot decode ${JSON.stringify(text)} as a !!${tag}`);
  return value;
}

function jsonable(value: unknown): unknown {
  if (value === undefined) throw new YamlSyntaxError('json: unsupported value: infinity or not a number');
  return value;
}
