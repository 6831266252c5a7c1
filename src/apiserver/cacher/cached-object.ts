import { Errors, type KubeObject } from '#api';
import type { Attributes, CachedObject, CacherOptions } from './cacher.js';
import { normalize, type SplicePoint } from './splice.js';

export type ObjectContext = Pick<CacherOptions, 'prefix' | 'namespaced' | 'fields' | 'decode'>;

/** `"resourceVersion":""` without digits. */
const MEMBER_LENGTH = 20;
const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * A stored value as it is served. Holds the store's own buffer and where to splice into it; everything else
 * (splice point, parsed object, attributes) is found at first use.
 */
export class Entry implements CachedObject {
  readonly key: string;
  readonly stored: Buffer;
  readonly modRevision: number;
  readonly revision: number;
  readonly #context: ObjectContext;
  #json: Buffer | undefined;
  #point: SplicePoint | undefined;
  #attributes: Attributes | undefined;
  #object: WeakRef<KubeObject> | undefined;

  constructor(context: ObjectContext, key: string, stored: Buffer, modRevision: number, revision?: number) {
    this.#context = context;
    this.key = key;
    this.stored = stored;
    this.modRevision = modRevision;
    this.revision = revision ?? modRevision;
  }

  /** The same state said at another revision: what DELETED events carry. */
  at(revision: number): Entry {
    const other = new Entry(this.#context, this.key, this.stored, this.modRevision, revision);
    other.#json = this.#json;
    other.#point = this.#point;
    other.#attributes = this.#attributes;
    return other;
  }

  get namespace(): string {
    if (!this.#context.namespaced) return '';
    const start = this.#context.prefix.length;
    const slash = this.key.indexOf('/', start);
    return slash < 0 ? '' : this.key.slice(start, slash);
  }

  get name(): string {
    const start = this.#context.prefix.length;
    if (!this.#context.namespaced) return this.key.slice(start);
    return this.key.slice(this.key.indexOf('/', start) + 1);
  }

  #ready(): { json: Buffer; point: SplicePoint } {
    if (this.#json === undefined || this.#point === undefined) {
      try {
        const normal = normalize(this.#context.decode?.(this.stored) ?? this.stored);
        this.#json = normal.json;
        this.#point = normal.point;
      } catch (error) {
        throw Errors.internal(`stored object ${this.key} cannot be decoded`, error);
      }
    }
    return { json: this.#json, point: this.#point };
  }

  get byteLength(): number {
    const { json, point } = this.#ready();
    return json.length + MEMBER_LENGTH + String(this.revision).length + (point.empty ? 0 : 1);
  }

  writeTo(target: Buffer, offset: number): number {
    return this.#writeFrom(0, target, offset);
  }

  /** Writes what follows `start` of the stored value, with the resourceVersion spliced in. */
  #writeFrom(start: number, target: Buffer, offset: number): number {
    const { json, point } = this.#ready();
    let at = offset + json.copy(target, offset, start, point.offset);
    at += target.write(`"resourceVersion":"${this.revision}"${point.empty ? '' : ','}`, at, 'latin1');
    return at + json.copy(target, at, point.offset);
  }

  get itemLength(): number {
    const { untyped } = this.#ready().point;
    return untyped === 0 ? this.byteLength : this.byteLength - untyped + 1;
  }

  writeItemTo(target: Buffer, offset: number): number {
    const { untyped } = this.#ready().point;
    if (untyped === 0) return this.writeTo(target, offset);
    target[offset] = 0x7b;
    return this.#writeFrom(untyped, target, offset + 1);
  }

  bytes(): Buffer {
    const out = Buffer.allocUnsafe(this.byteLength);
    this.writeTo(out, 0);
    return out;
  }

  object(): KubeObject {
    const kept = this.#object?.deref();
    if (kept !== undefined) return kept;
    const object = this.#parse();
    this.#object = new WeakRef(object);
    return object;
  }

  #parse(): KubeObject {
    const object = JSON.parse(this.#ready().json.toString('utf8')) as KubeObject;
    object.metadata.resourceVersion = String(this.revision);
    return object;
  }

  attributes(): Attributes {
    this.#attributes ??= this.#parseAttributes();
    return this.#attributes;
  }

  #parseAttributes(): Attributes {
    // Not kept: the first list with a selector parses everything, and needs nothing but these few strings.
    const object = this.#object?.deref() ?? this.#parse();
    const fields: Record<string, string> = { 'metadata.name': this.name, ...this.#context.fields?.(object) };
    if (this.#context.namespaced) fields['metadata.namespace'] = this.namespace;
    return { labels: object.metadata.labels ?? NO_LABELS, fields };
  }
}
