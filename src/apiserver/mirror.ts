import { type KindInfo, type KubeObject, objectKey } from '#api';
import type { Startable } from '#base';
import type { ObjectStore } from './contracts.js';

export interface MirrorOptions<T extends KubeObject, V> {
  store: ObjectStore;
  kind: KindInfo;
  /** What to keep of an object; undefined keeps nothing of it. */
  project: (object: T) => V | undefined;
  /** Runs after every change of a kept value, also during the first fill. */
  onChange?: (key: string, value: V | undefined, old: V | undefined) => void;
}

interface Entry<V> {
  revision: number;
  value: V | undefined;
}

/**
 * A watched copy of a projection of one kind, for parts of the server that decide on cluster state (RBAC, node
 * authorizer, allocators, quota). It lags the store by the watch's delivery; whoever needs certainty reads the store.
 * Keys are `namespace/name` or `name`.
 */
export class Mirror<T extends KubeObject, V> implements Startable {
  readonly #options: MirrorOptions<T, V>;
  readonly #entries = new Map<string, Entry<V>>();
  /** Revisions of deletions seen before the first list has been merged. */
  #tombstones: Map<string, number> | undefined;
  #abort: AbortController | undefined;

  constructor(options: MirrorOptions<T, V>) {
    this.#options = options;
  }

  /** Registers the watch, then merges the list: whichever saw the newer revision of an object wins. */
  async start(): Promise<void> {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    this.#tombstones = new Map();
    const { store, kind } = this.#options;
    store.watch<T>(kind, (event) => this.#onEvent(event.type, event.object), this.#abort.signal);
    for (const object of await store.list<T>(kind)) this.#merge(object);
    this.#tombstones = undefined;
  }

  async stop(): Promise<void> {
    this.#abort?.abort();
  }

  #onEvent(type: 'put' | 'delete', object: T): void {
    const key = objectKey(object);
    const revision = Number(object.metadata.resourceVersion ?? 0);
    if (type === 'put') return this.#set(key, revision, this.#options.project(object));
    this.#tombstones?.set(key, revision);
    this.#set(key, revision, undefined);
    this.#entries.delete(key);
  }

  #merge(object: T): void {
    const key = objectKey(object);
    const revision = Number(object.metadata.resourceVersion ?? 0);
    const newest = Math.max(this.#entries.get(key)?.revision ?? -1, this.#tombstones?.get(key) ?? -1);
    if (revision > newest) this.#set(key, revision, this.#options.project(object));
  }

  #set(key: string, revision: number, value: V | undefined): void {
    const old = this.#entries.get(key)?.value;
    this.#entries.set(key, { revision, value });
    if (value !== undefined || old !== undefined) this.#options.onChange?.(key, value, old);
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  *values(): IterableIterator<V> {
    for (const entry of this.#entries.values()) if (entry.value !== undefined) yield entry.value;
  }

  *entries(): IterableIterator<[string, V]> {
    for (const [key, entry] of this.#entries) if (entry.value !== undefined) yield [key, entry.value];
  }
}
