import { type KubeObject, objectKey } from '#api';
import { getOrMake } from './maps.js';

type Bucket<T> = Map<string, T>;

/**
 * Objects by namespace and label pair, so that finding those of a selector costs what its rarest label
 * costs and not the size of the namespace. Not an exact match: callers still test the whole selector.
 */
export class LabelIndex<T extends KubeObject> {
  readonly #namespaces = new Map<string, Map<string, Bucket<T>>>();
  readonly #indexed = new Map<string, T>();

  set(object: T): void {
    const key = objectKey(object);
    const old = this.#indexed.get(key);
    this.#indexed.set(key, object);
    if (old !== undefined && sameLabels(old, object)) return this.#refresh(key, object);
    if (old !== undefined) this.#remove(key, old);
    for (const pair of pairs(object)) this.#bucket(object.metadata.namespace ?? '', pair).set(key, object);
  }

  delete(object: T): void {
    const key = objectKey(object);
    const old = this.#indexed.get(key);
    if (old === undefined) return;
    this.#indexed.delete(key);
    this.#remove(key, old);
  }

  /** Objects that carry the rarest of these labels; empty without labels (a selector that matches nothing here). */
  candidates(namespace: string, labels: Record<string, string>): T[] {
    const buckets = this.#namespaces.get(namespace);
    if (buckets === undefined) return [];
    let smallest: Bucket<T> | undefined;
    for (const name in labels) {
      const bucket = buckets.get(`${name}=${labels[name]}`);
      if (bucket === undefined) return [];
      if (smallest === undefined || bucket.size < smallest.size) smallest = bucket;
    }
    return smallest === undefined ? [] : [...smallest.values()];
  }

  #refresh(key: string, object: T): void {
    for (const pair of pairs(object)) this.#bucket(object.metadata.namespace ?? '', pair).set(key, object);
  }

  #bucket(namespace: string, pair: string): Bucket<T> {
    const buckets = getOrMake(this.#namespaces, namespace, () => new Map());
    const bucket = getOrMake(buckets, pair, () => new Map());
    return bucket;
  }

  #remove(key: string, old: T): void {
    const namespace = old.metadata.namespace ?? '';
    const buckets = this.#namespaces.get(namespace);
    for (const pair of pairs(old)) {
      const bucket = buckets?.get(pair);
      bucket?.delete(key);
      if (bucket?.size === 0) buckets!.delete(pair);
    }
    if (buckets?.size === 0) this.#namespaces.delete(namespace);
  }
}

function pairs(object: KubeObject): string[] {
  return Object.entries(object.metadata.labels ?? {}).map(([name, value]) => `${name}=${value}`);
}

function sameLabels(a: KubeObject, b: KubeObject): boolean {
  const left = a.metadata.labels ?? {};
  const right = b.metadata.labels ?? {};
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

/**
 * The reverse: which equality selectors (Services, ReplicationControllers) match an object's labels. Each
 * selector is filed under its rarest pair, so a lookup touches only selectors that share a label with the object.
 */
export class SelectorIndex {
  readonly #namespaces = new Map<string, Map<string, Map<string, Record<string, string>>>>();
  readonly #filed = new Map<string, { namespace: string; pair: string }>();

  /** Files or refiles the selector of `key`; an absent or empty selector matches nothing. */
  set(key: string, namespace: string, selector: Record<string, string> | undefined): void {
    this.delete(key);
    if (selector === undefined) return;
    const buckets = getOrMake(this.#namespaces, namespace, () => new Map());
    let best: { pair: string; size: number } | undefined;
    for (const name in selector) {
      const pair = `${name}=${selector[name]}`;
      const size = buckets.get(pair)?.size ?? 0;
      if (best === undefined || size < best.size) best = { pair, size };
    }
    if (best === undefined) return;
    const bucket = getOrMake(buckets, best.pair, () => new Map());
    bucket.set(key, selector);
    this.#filed.set(key, { namespace, pair: best.pair });
  }

  delete(key: string): void {
    const filed = this.#filed.get(key);
    if (filed === undefined) return;
    this.#filed.delete(key);
    const buckets = this.#namespaces.get(filed.namespace)!;
    const bucket = buckets.get(filed.pair)!;
    bucket.delete(key);
    if (bucket.size === 0) buckets.delete(filed.pair);
    if (buckets.size === 0) this.#namespaces.delete(filed.namespace);
  }

  /** Keys of the selectors that match these labels. */
  matching(namespace: string, labels: Record<string, string> | undefined): string[] {
    const buckets = this.#namespaces.get(namespace);
    if (buckets === undefined || labels === undefined) return [];
    const keys: string[] = [];
    for (const name in labels) {
      const bucket = buckets.get(`${name}=${labels[name]}`);
      if (bucket === undefined) continue;
      for (const [key, selector] of bucket) if (matchesLabels(selector, labels)) keys.push(key);
    }
    return keys;
  }
}

/** Every pair of an equality selector is among the labels. */
export function matchesLabels(
  selector: Record<string, string>,
  labels: Record<string, string> | undefined,
): boolean {
  for (const name in selector) if (labels?.[name] !== selector[name]) return false;
  return true;
}
