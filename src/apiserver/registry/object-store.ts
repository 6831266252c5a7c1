import { applyDefaults, Errors, isNotFound, isStatus, type KindInfo, type KubeObject } from '#api';
import type { Logger } from '#base';
import type { CachedObject } from '../cacher/cacher.js';
import type { ObjectStore, UserInfo } from '../contracts.js';
import { createObject } from './create.js';
import { sameJson } from './equality.js';
import { copyOf, type Resource, viewOf } from './resource.js';
import { objectOf } from './respond.js';
import type { Change } from './storage.js';
import { bumpGeneration, isReleased, keepSystemFields } from './update.js';
import type { WriteCall, WriteEnv } from './write-call.js';

/** The server itself, when it writes on nobody's behalf. */
const apiserverUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

const ownCall: WriteCall = {
  user: apiserverUser,
  dryRun: false,
  subresource: '',
  fieldManager: 'kube-apiserver',
  external: false,
  warn() {},
};

/**
 * `ObjectStore` over the generic registry. Creation runs the kind's strategy and validation; updates are plain
 * read-modify-writes of the whole object, status included, because their callers are the server's own code.
 */
export class RegistryObjectStore implements ObjectStore {
  readonly #env: WriteEnv;
  readonly #resourceOf: (kind: KindInfo) => Promise<Resource>;
  readonly #logger: Logger;

  /** `resourceOf` finds a served resource, or makes one for a kind that exists in the store only. */
  constructor(env: WriteEnv, resourceOf: (kind: KindInfo) => Promise<Resource>, logger: Logger) {
    this.#env = env;
    this.#resourceOf = resourceOf;
    this.#logger = logger;
  }

  async get<T extends KubeObject>(kind: KindInfo, namespace: string, name: string): Promise<T | undefined> {
    const resource = await this.#resourceOf(kind);
    const cached = await resource.cacher.get(kind.namespaced ? namespace : '', name);
    return cached === undefined ? undefined : (objectOf(resource, { cached }) as T);
  }

  async list<T extends KubeObject>(kind: KindInfo, namespace?: string): Promise<T[]> {
    const resource = await this.#resourceOf(kind);
    const selection = namespace === undefined ? {} : { namespace };
    const { items } = await resource.cacher.list({ selection });
    return items.map((cached) => objectOf(resource, { cached }) as T);
  }

  async create<T extends KubeObject>(kind: KindInfo, object: T): Promise<T> {
    const resource = await this.#resourceOf(kind);
    const fresh = copyOf(object);
    fresh.apiVersion ??= resource.apiVersion;
    fresh.kind ??= kind.kind;
    applyDefaults(kind, fresh);
    const written = await createObject(this.#env, resource, ownCall, fresh.metadata.namespace ?? '', fresh);
    return objectOf(resource, written.result) as T;
  }

  async update<T extends KubeObject>(
    kind: KindInfo,
    namespace: string,
    name: string,
    change: (object: T) => T | undefined,
  ): Promise<T> {
    const resource = await this.#resourceOf(kind);
    const changed = await this.#env.storage.change(resource, namespace, name, (cached): Change => {
      const current = viewOf(resource, cached.object());
      const object = change(copyOf(current) as T);
      if (object === undefined) return { action: 'keep' };
      keepSystemFields(object, current);
      bumpGeneration(resource, object, current);
      if (sameJson(object, current)) return { action: 'keep' };
      const stored = resource.convert?.toStored(object) ?? object;
      return { action: isReleased(resource, object) ? 'delete' : 'put', object: stored };
    });
    return viewOf(resource, changed.object.object()) as T;
  }

  async delete(
    kind: KindInfo,
    namespace: string,
    name: string,
    preconditions: { uid?: string; resourceVersion?: string } = {},
  ): Promise<void> {
    const resource = await this.#resourceOf(kind);
    const { storage } = this.#env;
    const absent = resource.cacher.peek(namespace, name) === undefined;
    if (absent && !(await storage.exists(resource, namespace, name))) return;
    try {
      await storage.change(resource, namespace, name, (cached): Change => {
        const { uid, resourceVersion } = cached.object().metadata;
        const other =
          (preconditions.uid !== undefined && preconditions.uid !== uid) ||
          (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion);
        if (other) throw Errors.conflict(resource.group, name, 'the precondition does not match the record');
        return { action: 'delete' };
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  watch<T extends KubeObject>(
    kind: KindInfo,
    on: (event: { type: 'put' | 'delete'; object: T }) => void,
    signal: AbortSignal,
  ): void {
    void this.#follow<T>(kind, on, signal).catch((err: unknown) => {
      if (!signal.aborted) this.#logger.error('a server-internal watch ended', { kind: kind.kind, err });
    });
  }

  /** Follows one kind for as long as the signal allows, over restarts of the cache's watch. */
  async #follow<T extends KubeObject>(
    kind: KindInfo,
    on: (event: { type: 'put' | 'delete'; object: T }) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const resource = await this.#resourceOf(kind);
    // Taken before anything is awaited: whoever lists after asking for the watch must miss nothing.
    let from = resource.cacher.revision;
    const { items } = await resource.cacher.list({ resourceVersion: 0 });
    const follower: Follower<T> = { resource, on, signal, known: new Map() };
    for (const object of items) follower.known.set(object.key, object);
    while (!signal.aborted) {
      try {
        from = await followFrom(follower, from);
      } catch (error) {
        if (!isStatus(error, 'Expired')) throw error;
        from = 0;
      }
    }
  }
}

interface Follower<T extends KubeObject> {
  resource: Resource;
  on(event: { type: 'put' | 'delete'; object: T }): void;
  signal: AbortSignal;
  /** Objects that have been reported, or were there before: what is missing after a gap has been deleted. */
  known: Map<string, CachedObject>;
}

/**
 * Reports changes after `from` until the watch ends, and resolves with the revision reached. 0 starts over, when
 * the cache has been filled anew: the state is reported as changes, and what is no longer there as deleted.
 */
async function followFrom<T extends KubeObject>(follower: Follower<T>, from: number): Promise<number> {
  const { resource, on, signal, known } = follower;
  const missing = new Map(from > 0 ? [] : known);
  let revision = from;
  const start = from > 0 ? { resourceVersion: from } : { sendInitialEvents: true, allowBookmarks: true };
  const watch = await resource.cacher.watch({ signal, ...start });
  for await (const items of watch) {
    for (const item of items) {
      revision = item.revision;
      if (item.object === undefined) {
        for (const [key, { namespace, name }] of missing) {
          known.delete(key);
          const metadata = { namespace, name, resourceVersion: String(revision) };
          on({ type: 'delete', object: { metadata } as T });
        }
        missing.clear();
        continue;
      }
      const { key } = item.object;
      missing.delete(key);
      if (item.type === 'DELETED') known.delete(key);
      else known.set(key, item.object);
      const object = viewOf(resource, item.object.object()) as T;
      on({ type: item.type === 'DELETED' ? 'delete' : 'put', object });
    }
  }
  return revision;
}
