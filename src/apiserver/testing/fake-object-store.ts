import { Errors, type KindInfo, type KubeObject, kinds } from '#api';
import { createMetrics, FakeClock, silentLogger } from '#base';
import type { ObjectStore } from '../contracts.js';
import type { ServerDeps } from '../deps.js';

type Listener = (event: { type: 'put' | 'delete'; object: KubeObject; old?: KubeObject }) => void;

/**
 * An `ObjectStore` in memory for unit tests of what stands behind the pipeline: revisions, UIDs, atomic create,
 * conflicts by retry and synchronous watches. `failNext` makes the next writes of a kind fail; several servers
 * share state by sharing one instance.
 */
export class FakeObjectStore implements ObjectStore {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #revision = 0;
  #uid = 0;
  /** Number of writes that reached the store, by kind message. */
  readonly writes = new Map<string, number>();
  /** Called before each write; may throw. */
  beforeWrite: ((message: string, name: string) => void) | undefined;

  #of(kind: KindInfo): Map<string, KubeObject> {
    let objects = this.#objects.get(kind.message);
    if (objects === undefined) {
      objects = new Map();
      this.#objects.set(kind.message, objects);
    }
    return objects;
  }

  #key(namespace: string, name: string): string {
    return namespace === '' ? name : `${namespace}/${name}`;
  }

  #emit(kind: KindInfo, type: 'put' | 'delete', object: KubeObject, old?: KubeObject): void {
    for (const listener of this.#listeners.get(kind.message) ?? []) {
      listener({ type, object, ...(old === undefined ? {} : { old }) });
    }
  }

  #countWrite(kind: KindInfo, name: string): void {
    this.beforeWrite?.(kind.message, name);
    this.writes.set(kind.message, (this.writes.get(kind.message) ?? 0) + 1);
  }

  async get<T extends KubeObject>(kind: KindInfo, namespace: string, name: string): Promise<T | undefined> {
    return this.#of(kind).get(this.#key(namespace, name)) as T | undefined;
  }

  async list<T extends KubeObject>(kind: KindInfo, namespace?: string): Promise<T[]> {
    const all = [...this.#of(kind).values()] as T[];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  async create<T extends KubeObject>(kind: KindInfo, object: T): Promise<T> {
    const key = this.#key(object.metadata.namespace ?? '', object.metadata.name ?? '');
    this.#countWrite(kind, key);
    if (this.#of(kind).has(key)) {
      throw Errors.alreadyExists({ group: kind.group, resource: kind.resource }, object.metadata.name ?? '');
    }
    const stored = structuredClone(object);
    stored.metadata.uid ??= `uid-${++this.#uid}`;
    stored.metadata.creationTimestamp ??= '2026-01-01T00:00:00Z';
    stored.metadata.resourceVersion = String(++this.#revision);
    this.#of(kind).set(key, stored);
    this.#emit(kind, 'put', stored);
    return stored;
  }

  async update<T extends KubeObject>(
    kind: KindInfo,
    namespace: string,
    name: string,
    change: (object: T) => T | undefined,
  ): Promise<T> {
    const key = this.#key(namespace, name);
    for (;;) {
      const old = this.#of(kind).get(key) as T | undefined;
      if (old === undefined) throw Errors.notFound({ group: kind.group, resource: kind.resource }, name);
      const next = change(structuredClone(old));
      if (next === undefined) return old;
      // Gives another writer the chance to come in between, as a real store does.
      await Promise.resolve();
      if (this.#of(kind).get(key) !== old) continue;
      this.#countWrite(kind, key);
      const stored = structuredClone(next);
      stored.metadata.resourceVersion = String(++this.#revision);
      this.#of(kind).set(key, stored);
      this.#emit(kind, 'put', stored, old);
      return stored;
    }
  }

  async delete(
    kind: KindInfo,
    namespace: string,
    name: string,
    preconditions?: { uid?: string; resourceVersion?: string },
  ): Promise<void> {
    const key = this.#key(namespace, name);
    const old = this.#of(kind).get(key);
    if (old === undefined) return;
    if (preconditions?.uid !== undefined && preconditions.uid !== old.metadata.uid) {
      throw Errors.conflict({ group: kind.group, resource: kind.resource }, name, 'uid differs');
    }
    this.#countWrite(kind, key);
    this.#of(kind).delete(key);
    const last = structuredClone(old);
    last.metadata.resourceVersion = String(++this.#revision);
    this.#emit(kind, 'delete', last, old);
  }

  watch<T extends KubeObject>(
    kind: KindInfo,
    on: (event: { type: 'put' | 'delete'; object: T; old?: T }) => void,
    signal: AbortSignal,
  ): void {
    const listeners = this.#listeners.get(kind.message) ?? new Set();
    this.#listeners.set(kind.message, listeners);
    listeners.add(on as Listener);
    signal.addEventListener('abort', () => listeners.delete(on as Listener), { once: true });
  }
}

/** The kind of a message, from the built-in kinds. */
export function builtInKind(message: string): KindInfo {
  const kind = kinds.find((candidate) => candidate.message === message);
  if (kind === undefined) throw new Error(`no kind ${message}`);
  return kind;
}

/** Dependencies for unit tests; the clock stands still until told otherwise. */
export function fakeDeps(store: ObjectStore = new FakeObjectStore()): ServerDeps & { clock: FakeClock } {
  return { store, kind: builtInKind, clock: new FakeClock(), logger: silentLogger, metrics: createMetrics() };
}
