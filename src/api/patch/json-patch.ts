import type { Json, JsonObject } from '../object.js';
import { Errors, StatusError } from '../status.js';
import { getOwn, isObject, jsonEqual, setOwn } from './json-value.js';

/** Upstream's limits (apiserver `patch.go` and `Config.JSONPatchMaxCopyBytes`). */
const MAX_OPERATIONS = 10_000;
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  op: 'add' | 'remove' | 'replace' | 'move' | 'copy' | 'test';
  path: string[];
  from: string[];
  value: Json;
}

const NAMES = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

/** A patch that is well formed but does not apply: upstream hides the reason behind this sentence. */
function inapplicable(why: string): StatusError {
  return new StatusError(
    'Invalid',
    'the server rejected our request due to an error in our request',
    {},
    422,
    { cause: new Error(why) },
  );
}

function parsePointer(text: string): string[] {
  if (text === '') return [];
  if (!text.startsWith('/')) throw inapplicable(`JSON pointer must start with /: ${text}`);
  return text
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function pointerOf(operation: JsonObject, member: 'path' | 'from'): string[] {
  const text = getOwn(operation, member);
  if (typeof text !== 'string') {
    throw Errors.badRequest(`error decoding patch: operation must have a string member "${member}"`);
  }
  return parsePointer(text);
}

function parseOperation(item: Json): Operation {
  if (!isObject(item)) throw Errors.badRequest('error decoding patch: operations must be objects');
  const op = getOwn(item, 'op');
  if (typeof op !== 'string' || !NAMES.includes(op)) {
    throw inapplicable(`Unexpected kind: ${JSON.stringify(op)}`);
  }
  const needsFrom = op === 'move' || op === 'copy';
  const needsValue = op === 'add' || op === 'replace' || op === 'test';
  const value = getOwn(item, 'value');
  if (needsValue && value === undefined && op !== 'test') throw inapplicable(`${op} operation without value`);
  return {
    op: op as Operation['op'],
    path: pointerOf(item, 'path'),
    from: needsFrom ? pointerOf(item, 'from') : [],
    value: value ?? null,
  };
}

/** `-` is past the end; negative indices count from the end, as upstream's library allows. */
function arrayIndex(list: Json[], token: string, past: boolean): number {
  const size = list.length + (past ? 1 : 0);
  if (token === '-' && past) return list.length;
  if (!/^(0|-?[1-9]\d{0,8})$/.test(token)) throw inapplicable(`invalid array index ${token}`);
  const index = Number(token);
  const resolved = index < 0 ? index + size : index;
  if (resolved < 0 || resolved >= size) throw inapplicable(`array index out of bounds: ${token}`);
  return resolved;
}

function child(container: Json | undefined, token: string): Json | undefined {
  if (Array.isArray(container)) return container[arrayIndex(container, token, false)];
  return isObject(container) ? getOwn(container, token) : undefined;
}

/**
 * Holds the document while operations apply. Containers are copied before their first change, so the
 * document handed in stays as it was.
 */
class Document {
  #root: Json;
  readonly #owned = new WeakSet<object>();
  #copiedBytes = 0;

  constructor(root: Json) {
    this.#root = root;
  }

  get root(): Json {
    return this.#root;
  }

  #own<T extends Json>(value: T): T {
    if (typeof value !== 'object' || value === null || this.#owned.has(value)) return value;
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as T & object;
    this.#owned.add(copy);
    return copy;
  }

  /** The container of the path's last token, copied down from the root so that it may be changed. */
  #writable(path: string[]): Json[] | JsonObject {
    this.#root = this.#own(this.#root);
    let container: Json = this.#root;
    for (const token of path.slice(0, -1)) {
      const next = child(container, token);
      if (!isObject(next) && !Array.isArray(next)) {
        throw inapplicable(`doc is missing path: /${path.join('/')}`);
      }
      const owned = this.#own(next);
      if (Array.isArray(container)) container[arrayIndex(container, token, false)] = owned;
      else setOwn(container as JsonObject, token, owned);
      container = owned;
    }
    if (!isObject(container) && !Array.isArray(container)) throw inapplicable('doc is missing path');
    return container;
  }

  get(path: string[]): Json | undefined {
    let value: Json | undefined = this.#root;
    for (const token of path) value = child(value, token);
    return value;
  }

  mustGet(path: string[]): Json {
    const value = this.get(path);
    if (value === undefined) throw inapplicable(`doc is missing key: /${path.join('/')}`);
    return value;
  }

  add(path: string[], value: Json): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.#root = value;
      return;
    }
    const container = this.#writable(path);
    if (Array.isArray(container)) container.splice(arrayIndex(container, last, true), 0, value);
    else setOwn(container, last, value);
  }

  remove(path: string[]): void {
    const last = path.at(-1);
    if (last === undefined) throw inapplicable('cannot remove the document');
    this.mustGet(path);
    const container = this.#writable(path);
    if (Array.isArray(container)) container.splice(arrayIndex(container, last, false), 1);
    else delete container[last];
  }

  replace(path: string[], value: Json): void {
    const last = path.at(-1);
    if (last === undefined) {
      this.#root = value;
      return;
    }
    this.mustGet(path);
    const container = this.#writable(path);
    if (Array.isArray(container)) container[arrayIndex(container, last, false)] = value;
    else setOwn(container, last, value);
  }

  move(from: string[], path: string[]): void {
    const value = this.mustGet(from);
    if (from.length < path.length && from.every((token, i) => token === path[i])) {
      throw inapplicable('cannot move a value into itself');
    }
    if (from.length === 0) return this.add(path, value);
    this.remove(from);
    this.add(path, value);
  }

  copy(from: string[], path: string[]): void {
    const value = this.mustGet(from);
    this.#copiedBytes += JSON.stringify(value).length;
    if (this.#copiedBytes > MAX_COPIED_BYTES) {
      throw inapplicable(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${MAX_COPIED_BYTES}`,
      );
    }
    // Both places will share containers: neither may be changed in place any more, not even by this add.
    this.#disown(value);
    this.add(path, value);
  }

  #disown(value: Json): void {
    if (typeof value !== 'object' || value === null) return;
    this.#owned.delete(value);
    for (const item of Object.values(value)) this.#disown(item);
  }

  test(path: string[], expected: Json): void {
    const value = this.get(path) ?? null;
    if (!jsonEqual(value, expected)) throw inapplicable(`testing path /${path.join('/')} failed`);
  }
}

function apply(document: Document, { op, path, from, value }: Operation): void {
  if (op === 'add') document.add(path, value);
  else if (op === 'remove') document.remove(path);
  else if (op === 'replace') document.replace(path, value);
  else if (op === 'move') document.move(from, path);
  else if (op === 'copy') document.copy(from, path);
  else document.test(path, value);
}

/**
 * Applies an RFC 6902 patch and returns the new document; the one handed in is not changed. Throws StatusError:
 * BadRequest for what is no patch, RequestEntityTooLarge above 10,000 operations, Invalid (422) when an
 * operation does not apply, its reason in `cause`.
 */
export function applyJsonPatch(document: Json, patch: Json): Json {
  if (!Array.isArray(patch)) throw Errors.badRequest('error decoding patch: a JSON patch must be an array');
  if (patch.length > MAX_OPERATIONS) {
    throw Errors.tooLarge(
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  const holder = new Document(document);
  for (const operation of patch.map(parseOperation)) apply(holder, operation);
  return holder.root;
}
