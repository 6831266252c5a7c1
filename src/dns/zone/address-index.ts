import { type KubeObject, objectKey } from '#api';
import type { Informer } from '#client';

/**
 * Objects of an informer by address. A cluster has more endpoint addresses than anything else, and nearly each belongs to one
 * object: an entry is that object itself, and a list only where addresses are shared.
 */
export class AddressIndex<T extends KubeObject> {
  readonly #entries = new Map<string, T | T[]>();
  /** What was added, by key: a delete may bring a copy with other addresses. */
  readonly #added = new Map<string, T>();
  readonly #addresses: (object: T) => string[];

  /** `addresses` are canonical texts. Follows the informer from now on. */
  constructor(informer: Informer<T>, addresses: (object: T) => string[]) {
    this.#addresses = addresses;
    informer.on({
      add: (object) => this.#put(object),
      update: (object) => this.#put(object),
      delete: (object) => this.#remove(objectKey(object)),
    });
  }

  get(address: string): T[] {
    const entry = this.#entries.get(address);
    if (entry === undefined) return [];
    return Array.isArray(entry) ? entry : [entry];
  }

  #put(object: T): void {
    const key = objectKey(object);
    this.#remove(key);
    this.#added.set(key, object);
    for (const address of new Set(this.#addresses(object))) {
      const entry = this.#entries.get(address);
      if (entry === undefined) this.#entries.set(address, object);
      else this.#entries.set(address, [...(Array.isArray(entry) ? entry : [entry]), object]);
    }
  }

  #remove(key: string): void {
    const object = this.#added.get(key);
    if (object === undefined) return;
    this.#added.delete(key);
    for (const address of this.#addresses(object)) {
      const rest = this.get(address).filter((o) => o !== object);
      if (rest.length === 0) this.#entries.delete(address);
      else this.#entries.set(address, rest.length === 1 ? rest[0]! : rest);
    }
  }
}
