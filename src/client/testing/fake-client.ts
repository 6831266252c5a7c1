import { randomUUID } from 'node:crypto';
import { Errors, type GroupVersionResource, type KubeList, type KubeObject } from '#api';
import {
  type Client,
  type DeleteOptions,
  type ListOptions,
  type PatchType,
  type Resource,
  type ResourceClient,
  Resources,
  type WatchEvent,
  type WatchOptions,
} from '../index.js';

/** One write that reached the fake, for asserting on what a controller did. */
export interface FakeAction {
  verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  resource: string;
  subresource: string;
  namespace: string | undefined;
  name: string;
  object?: KubeObject;
}

type Listener = (event: WatchEvent<KubeObject>, old: KubeObject | undefined) => void;

/**
 * An in-memory API for unit tests (client-go's object tracker): resourceVersions, optimistic locking,
 * generateName, finalizers, merge patches, label selectors and simple field selectors, watches with initial events. No defaulting, no
 * validation, no admission: tests that need those run the real API server.
 */
export class FakeClient implements Client {
  readonly actions: FakeAction[] = [];
  /** Set to make writes or reads fail: return an error to throw it. */
  fail: ((action: { verb: string; resource: string; name: string }) => Error | undefined) | undefined;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<Listener>>();
  #revision = 100;

  /** Puts objects in place as they are (status included), without recording actions. Fires watches. */
  seed<T extends KubeObject>(resource: Resource<T>, ...objects: T[]): T[] {
    return objects.map((o) => this.store(resource, o) as T);
  }

  /** Removes an object without recording an action. */
  remove<T extends KubeObject>(resource: Resource<T>, name: string, namespace?: string): void {
    this.erase(resource, key(resource, namespace, name));
  }

  /** All objects of a resource, as they are now. */
  all<T extends KubeObject>(resource: Resource<T>): T[] {
    return [...this.table(resource).values()].map((o) => structuredClone(o) as T);
  }

  clearActions(): void {
    this.actions.length = 0;
  }

  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T> {
    return new FakeResource<T>(this, resource);
  }

  async request(): Promise<{ status: number; body: Buffer }> {
    return { status: 404, body: Buffer.from('{}') };
  }

  async serverResources(): Promise<
    (GroupVersionResource & { kind: string; namespaced: boolean; verbs: string[] })[]
  > {
    const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
    return Object.values(Resources).map(({ group, version, resource, kind, namespaced }) => ({
      group,
      version,
      resource,
      kind,
      namespaced,
      verbs: resource === 'tokenreviews' ? ['create'] : verbs,
    }));
  }

  close(): void {}

  get revision(): string {
    return String(this.#revision);
  }

  table(resource: Resource<KubeObject>): Map<string, KubeObject> {
    const name = `${resource.group}/${resource.resource}`;
    let table = this.#objects.get(name);
    if (table === undefined) {
      table = new Map();
      this.#objects.set(name, table);
    }
    return table;
  }

  store(resource: Resource<KubeObject>, object: KubeObject): KubeObject {
    const copy = structuredClone(object);
    copy.metadata.uid ??= randomUUID();
    copy.metadata.creationTimestamp ??= new Date().toISOString();
    copy.metadata.resourceVersion = String(++this.#revision);
    copy.kind ??= resource.kind;
    copy.apiVersion ??= resource.group === '' ? 'v1' : `${resource.group}/v1`;
    const table = this.table(resource);
    const id = key(resource, copy.metadata.namespace, copy.metadata.name!);
    const old = table.get(id);
    table.set(id, copy);
    this.#emit(
      resource,
      { type: old === undefined ? 'ADDED' : 'MODIFIED', object: structuredClone(copy) },
      old,
    );
    return structuredClone(copy);
  }

  erase(resource: Resource<KubeObject>, id: string): void {
    const table = this.table(resource);
    const old = table.get(id);
    if (old === undefined) return;
    table.delete(id);
    const object = structuredClone(old);
    object.metadata.resourceVersion = String(++this.#revision);
    this.#emit(resource, { type: 'DELETED', object }, old);
  }

  act(action: FakeAction): void {
    this.check(action);
    this.actions.push(action);
  }

  check(action: { verb: string; resource: string; name: string }): void {
    const error = this.fail?.(action);
    if (error !== undefined) throw error;
  }

  listen(resource: Resource<KubeObject>, listener: Listener): () => void {
    const name = `${resource.group}/${resource.resource}`;
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  #emit(resource: Resource<KubeObject>, event: WatchEvent<KubeObject>, old: KubeObject | undefined): void {
    for (const listener of this.#listeners.get(`${resource.group}/${resource.resource}`) ?? [])
      listener(event, old);
  }
}

class FakeResource<T extends KubeObject> implements ResourceClient<T> {
  readonly #fake: FakeClient;
  readonly #resource: Resource<T>;
  constructor(fake: FakeClient, resource: Resource<T>) {
    this.#fake = fake;
    this.#resource = resource;
  }

  #find(name: string, namespace?: string): T {
    const found = this.#fake.table(this.#resource).get(key(this.#resource, namespace, name));
    if (found === undefined) throw Errors.notFound(this.#resource, name);
    return structuredClone(found) as T;
  }

  #act(
    verb: FakeAction['verb'],
    name: string,
    namespace: string | undefined,
    subresource = '',
    object?: KubeObject,
  ): void {
    const { resource } = this.#resource;
    this.#fake.act({
      verb,
      resource,
      subresource,
      namespace,
      name,
      ...(object === undefined ? {} : { object: structuredClone(object) }),
    });
  }

  async get(name: string, namespace?: string): Promise<T> {
    this.#fake.check({ verb: 'get', resource: this.#resource.resource, name });
    return this.#find(name, namespace);
  }

  async list(options: ListOptions = {}): Promise<KubeList<T>> {
    const items = this.#fake.all(this.#resource).filter((o) => selected(o, options));
    return { metadata: { resourceVersion: this.#fake.revision }, items };
  }

  async create(object: T): Promise<T> {
    const copy = structuredClone(object);
    copy.metadata.name ??= `${copy.metadata.generateName}${randomUUID().slice(0, 5)}`;
    this.#act('create', copy.metadata.name, copy.metadata.namespace, '', copy);
    if (
      this.#fake.table(this.#resource).has(key(this.#resource, copy.metadata.namespace, copy.metadata.name))
    ) {
      throw Errors.alreadyExists(this.#resource, copy.metadata.name);
    }
    return this.#fake.store(this.#resource, copy) as T;
  }

  async update(object: T): Promise<T> {
    return this.updateSubresource('', object);
  }

  async updateSubresource<S extends KubeObject = T>(subresource: string, object: S): Promise<S> {
    const { name, namespace, resourceVersion } = object.metadata;
    this.#act('update', name!, namespace, subresource, object);
    const old = this.#find(name!, namespace);
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
      throw Errors.conflict(
        this.#resource,
        name!,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
    if (
      object.metadata.deletionTimestamp !== undefined &&
      (object.metadata.finalizers ?? []).length === 0 &&
      subresource === ''
    ) {
      this.#fake.erase(this.#resource, key(this.#resource, namespace, name!));
      return object;
    }
    return this.#fake.store(this.#resource, object) as S;
  }

  async createSubresource<S extends KubeObject, R extends KubeObject = S>(
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: S,
  ): Promise<R> {
    this.#act('create', name, namespace, subresource, body);
    if (subresource === 'binding') this.#bind(name, namespace, body);
    return body as unknown as R;
  }

  #bind(name: string, namespace: string | undefined, body: KubeObject): void {
    const pod = this.#find(name, namespace) as KubeObject & { spec?: Record<string, unknown> };
    const target = (body as KubeObject & { target?: { name?: string } }).target?.name;
    this.#fake.store(this.#resource, { ...pod, spec: { ...pod.spec, nodeName: target } } as KubeObject);
  }

  async patch(
    name: string,
    namespace: string | undefined,
    _type: PatchType,
    body: unknown,
    options: { subresource?: string } = {},
  ): Promise<T> {
    this.#act('patch', name, namespace, options.subresource ?? '', body as KubeObject);
    const merged = mergePatch(this.#find(name, namespace), body) as T;
    return this.#fake.store(this.#resource, merged) as T;
  }

  async delete(name: string, namespace?: string, options: DeleteOptions = {}): Promise<void> {
    this.#act('delete', name, namespace);
    const object = this.#find(name, namespace);
    const { uid } = options.preconditions ?? {};
    if (uid !== undefined && uid !== object.metadata.uid)
      throw Errors.conflict(this.#resource, name, 'the UID in the precondition does not match');
    this.#remove(name, namespace);
  }

  #remove(name: string, namespace?: string): void {
    const object = this.#find(name, namespace);
    if ((object.metadata.finalizers ?? []).length > 0) {
      object.metadata.deletionTimestamp ??= new Date().toISOString();
      this.#fake.store(this.#resource, object);
      return;
    }
    this.#fake.erase(this.#resource, key(this.#resource, namespace, name));
  }

  async deleteCollection(options: ListOptions = {}): Promise<void> {
    this.#act('deletecollection', '', options.namespace);
    for (const { metadata } of (await this.list(options)).items)
      this.#remove(metadata.name!, metadata.namespace);
  }

  async *watch(options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const queue: WatchEvent<KubeObject>[] = [];
    let wake = () => {};
    const stop = this.#fake.listen(this.#resource, (event, old) => {
      const translated = transition(event, old, options);
      if (translated !== undefined) queue.push(translated);
      wake();
    });
    const abort = () => wake();
    options.signal.addEventListener('abort', abort, { once: true });
    if (options.sendInitialEvents === true) {
      const { items, metadata } = await this.list(options);
      queue.unshift(...items.map((object) => ({ type: 'ADDED', object }) as WatchEvent<KubeObject>), {
        type: 'BOOKMARK',
        object: {
          metadata: {
            resourceVersion: metadata.resourceVersion!,
            annotations: { 'k8s.io/initial-events-end': 'true' },
          },
        },
      });
    }
    try {
      while (!options.signal.aborted) {
        const event = queue.shift();
        if (event !== undefined) yield event as WatchEvent<T>;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      stop();
      options.signal.removeEventListener('abort', abort);
    }
  }
}

function key(resource: Resource<KubeObject>, namespace: string | undefined, name: string): string {
  return resource.namespaced ? `${namespace ?? ''}/${name}` : name;
}

type Selection = { namespace?: string; labelSelector?: string; fieldSelector?: string };

function selected(object: KubeObject, options: Selection): boolean {
  if (
    options.namespace !== undefined &&
    options.namespace !== '' &&
    object.metadata.namespace !== options.namespace
  )
    return false;
  const labels = object.metadata.labels ?? {};
  const byLabel = (term: string) => {
    if (term.startsWith('!')) return !(term.slice(1) in labels);
    const [name, value] = term.split(/!=|==|=/);
    if (value === undefined) return term in labels;
    return term.includes('!=') ? labels[name!] !== value : labels[name!] === value;
  };
  const byField = (term: string) => {
    const [path, value] = term.split(/!=|==|=/);
    const found = path!
      .split('.')
      .reduce<unknown>((o, p) => (o as Record<string, unknown> | undefined)?.[p], object);
    return (String(found ?? '') === value) !== term.includes('!=');
  };
  const terms = (text: string | undefined) => (text ?? '').split(',').filter((t) => t !== '');
  return terms(options.labelSelector).every(byLabel) && terms(options.fieldSelector).every(byField);
}

/** A selector turns changes of matching into ADDED and DELETED, as the server does. */
function transition(
  event: WatchEvent<KubeObject>,
  old: KubeObject | undefined,
  options: Selection,
): WatchEvent<KubeObject> | undefined {
  if (event.type === 'BOOKMARK') return event;
  const was = old !== undefined && selected(old, options);
  const is = event.type !== 'DELETED' && selected(event.object, options);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: event.object };
  return was ? { type: 'DELETED', object: event.object } : undefined;
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  const out = base as Record<string, unknown>;
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete out[name];
    else out[name] = mergePatch(out[name], value);
  }
  return out;
}
