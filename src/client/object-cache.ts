import { type KubeObject, objectKey } from '#api';

type IndexFunction<T> = (object: T) => string[];

/**
 * Keyed objects with indexes; the storage of an informer. The namespace index is always there. Not aware of
 * events: callers decide what a change means.
 */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #functions = new Map<string, IndexFunction<T>>();
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>();

  constructor() {
    this.addIndex('namespace', (object) => [object.metadata.namespace ?? '']);
  }

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

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index ${name}`);
    return [...(index.get(value)?.values() ?? [])];
  }

  /** Stores the object and returns the one it replaced. */
  set(object: T): T | undefined {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    if (old !== undefined) this.#unindex(key, old);
    this.#objects.set(key, object);
    for (const [name, values] of this.#functions) {
      for (const value of values(object)) this.#bucket(name, value).set(key, object);
    }
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

  #bucket(name: string, value: string): Map<string, T> {
    const index = this.#indexes.get(name)!;
    let bucket = index.get(value);
    if (bucket === undefined) {
      bucket = new Map();
      index.set(value, bucket);
    }
    return bucket;
  }

  #unindex(key: string, old: T): void {
    for (const [name, values] of this.#functions) {
      const index = this.#indexes.get(name)!;
      for (const value of values(old)) {
        const bucket = index.get(value);
        bucket?.delete(key);
        if (bucket?.size === 0) index.delete(value);
      }
    }
  }
}
