import { type KubeObject, objectKey } from '#api';

/** What an object is found under; small integers cost less to keep than strings. */
export type IndexValue = string | number;
type IndexFunction<T> = (object: T) => IndexValue[];
/** One object is the usual case, and a map for it would be larger than most objects. */
type Bucket<T> = T | Map<string, T>;

const NAMESPACE = 'namespace';

/**
 * Keyed objects with indexes; the storage of an informer. The namespace index is always there, and filled on its first use.
 * Not aware of events: callers decide what a change means.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #functions = new Map<string, IndexFunction<T>>();
  readonly #indexes = new Map<string, Map<IndexValue, Bucket<T>>>();

  addIndex(name: string, values: IndexFunction<T>): void {
    if (this.#objects.size > 0) throw new Error(`index ${name} must be added before the cache is filled`);
    this.#functions.set(name, values);
    this.#indexes.set(name, new Map());
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  byIndex(name: string, value: IndexValue): T[] {
    const index = this.#indexes.get(name) ?? (name === NAMESPACE ? this.#indexNamespaces() : undefined);
    if (index === undefined) throw new Error(`no index ${name}`);
    const bucket = index.get(value);
    if (bucket === undefined) return [];
    return bucket instanceof Map ? [...bucket.values()] : [bucket];
  }

  #indexNamespaces(): Map<IndexValue, Bucket<T>> {
    const index = new Map<IndexValue, Bucket<T>>();
    const values: IndexFunction<T> = (object) => [object.metadata.namespace ?? ''];
    this.#functions.set(NAMESPACE, values);
    this.#indexes.set(NAMESPACE, index);
    for (const [key, object] of this.#objects) for (const v of values(object)) put(index, v, key, object);
    return index;
  }

  /** Stores the object and returns the one it replaced. */
  set(object: T): T | undefined {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    if (old === object) return old;
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    for (const [name, values] of this.#functions)
      for (const value of values(object)) put(this.#indexes.get(name)!, value, key, object);
    return old;
  }

  /** Removes and returns the object. */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    this.#unindex(key, old);
    this.#objects.delete(key);
    return old;
  }

  #unindex(key: string, old: T): void {
    for (const [name, values] of this.#functions) {
      const index = this.#indexes.get(name)!;
      for (const value of values(old)) {
        const bucket = index.get(value);
        if (!(bucket instanceof Map)) index.delete(value);
        else if (bucket.delete(key) && bucket.size === 0) index.delete(value);
      }
    }
  }
}

function put<T extends KubeObject>(
  index: Map<IndexValue, Bucket<T>>,
  value: IndexValue,
  key: string,
  object: T,
): void {
  const bucket = index.get(value);
  if (bucket === undefined) index.set(value, object);
  else if (bucket instanceof Map) bucket.set(key, object);
  else if (objectKey(bucket) === key) index.set(value, object);
  else
    index.set(
      value,
      new Map([
        [objectKey(bucket), bucket],
        [key, object],
      ]),
    );
}
