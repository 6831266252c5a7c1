import { Errors, type KubeObject } from '#api';
import { type Store, StoreError, type TxnOp } from '#storage';
import { type CachedObject, storedBytes } from '../cacher/cacher.js';
import type { Allocation, Claim, Release } from '../contracts.js';
import { type Resource, viewOf } from './resource.js';

/** How an object is written. */
interface PutOptions {
  ttlSeconds?: number;
  /** Confirmed when the write stands, undone when it does not. */
  allocation?: Allocation;
}

/** A read-modify-write's verdict on the present object. */
export type Change =
  | ({ action: 'put'; object: KubeObject } & PutOptions)
  /** Remove it, optionally naming the last state to report. */
  | { action: 'delete'; object?: KubeObject }
  /** Leave it as it is. */
  | { action: 'keep' };

export interface Changed {
  /** The new state, or the last one before it was removed; for `keep`, what is there. */
  object: CachedObject;
  action: Change['action'];
}

/** More lost races than a writer meets unless something is badly wrong. */
const MAX_RACES = 100;

/** Compare-and-put on whole objects: the only code that writes to the store on behalf of requests. */
export class ObjectStorage {
  readonly #store: Store;
  readonly #written = new WeakSet<Buffer>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether these very bytes were written by this server, and so are in the form that it writes. */
  wrote(value: Buffer): boolean {
    return this.#written.has(value);
  }

  #bytes(object: KubeObject): Buffer {
    const value = storedBytes(object);
    this.#written.add(value);
    return value;
  }

  /** Writes a new object; throws AlreadyExists. The allocation is confirmed or undone. */
  async create(resource: Resource, object: KubeObject, options: PutOptions = {}): Promise<CachedObject> {
    const { namespace = '', name = '' } = object.metadata;
    const key = resource.cacher.key(namespace, name);
    const written = await this.#put(key, 0, object, this.#bytes(object), options);
    if (written === undefined) throw Errors.alreadyExists(resource.group, name);
    return resource.cacher.wrap(key, written.value, written.revision);
  }

  /**
   * Writes the object (`bytes` are its own) over this revision of it, together with what its allocation claims.
   * Undefined when another writer was faster. The allocation is confirmed when the write stands and undone when it
   * does not. When nobody knows, it is kept: the repair loops free what no object holds, but what is freed too early
   * gets a second owner.
   */
  async #put(
    key: string,
    modRevision: number,
    object: KubeObject,
    bytes: Buffer,
    { ttlSeconds, allocation }: PutOptions,
  ): Promise<{ value: Buffer; revision: number } | undefined> {
    let value = bytes;
    let stands: boolean | undefined = false;
    try {
      for (;;) {
        const claims = (allocation?.claims?.() ?? []).map((claim) => ({ claim, key: keyOf(claim) }));
        // Nobody knows until the answer is there.
        stands = undefined;
        const result = await this.#store.txn(
          [{ key, modRevision }, ...claims.map((one) => ({ key: one.key, modRevision: 0 }))],
          [put(key, value, ttlSeconds), ...claims.map((one) => put(one.key, this.#bytes(one.claim.object)))],
        );
        stands = result.ok;
        if (result.ok) return { value, revision: result.revision };
        const present = new Map(result.current.map((kv) => [kv.key, kv.modRevision]));
        if ((present.get(key) ?? 0) !== modRevision) return undefined;
        for (const one of claims) if (present.has(one.key)) allocation!.lost!(one.claim);
        value = this.#bytes(object);
      }
    } catch (error) {
      if (isCertainlyNotStored(error)) stands = false;
      throw error;
    } finally {
      if (stands === true) await allocation?.commit();
      else if (stands === false) await allocation?.rollback();
    }
  }

  /** Removes this revision of the key, with what leaves too unless somebody has changed that. Undefined when another writer was faster. */
  async #delete(key: string, modRevision: number, leaving: Release[]): Promise<number | undefined> {
    const all = [
      { key, modRevision },
      ...leaving.map((one) => ({
        key: keyOf(one),
        modRevision: Number(one.object.metadata.resourceVersion),
      })),
    ];
    const result = await this.#store.txn(
      all,
      all.map((one) => ({ op: 'delete', key: one.key })),
    );
    if (result.ok) return result.revision;
    const lost = result.current.find((kv) => kv.key === key)?.modRevision !== modRevision;
    return lost || leaving.length === 0 ? undefined : this.#delete(key, modRevision, []);
  }

  /**
   * Applies `change` to the present object until no other writer comes in between. It starts from the cache,
   * which may be stale: a refusal, or a wish to leave the object alone, is believed only on what the store
   * itself says. Throws NotFound.
   */
  async change(
    resource: Resource,
    namespace: string,
    name: string,
    change: (current: CachedObject) => Promise<Change> | Change,
  ): Promise<Changed> {
    let current = resource.cacher.peek(namespace, name);
    let fresh = false;
    if (current === undefined) {
      current = await this.read(resource, namespace, name);
      fresh = true;
    }
    for (let race = 0; race < MAX_RACES; race++) {
      const verdict = await ask(change, current);
      if (!fresh && verdict.wish?.action !== 'put' && verdict.wish?.action !== 'delete') {
        const present = await this.read(resource, namespace, name);
        fresh = true;
        // Nothing has changed: the verdict is on the present state.
        if (present.modRevision !== current.modRevision) {
          current = present;
          continue;
        }
      }
      if (verdict.wish === undefined) throw verdict.error;
      const done = await this.#apply(resource, current, verdict.wish, fresh);
      if (done !== undefined) return done;
      current = await this.read(resource, namespace, name);
      fresh = true;
    }
    throw Errors.conflict(resource.group, name, 'too many writers');
  }

  /** The object as the store has it now; throws NotFound. */
  async read(resource: Resource, namespace: string, name: string): Promise<CachedObject> {
    const key = resource.cacher.key(namespace, name);
    const { kv } = await this.#store.get(key);
    if (kv === undefined) throw Errors.notFound(resource.group, name);
    return resource.cacher.wrap(key, kv.value, kv.modRevision);
  }

  /** Whether the store has the object now. */
  async exists(resource: Resource, namespace: string, name: string): Promise<boolean> {
    const { kv } = await this.#store.get(resource.cacher.key(namespace, name));
    return kv !== undefined;
  }

  /** Undefined when another writer was faster, or might have been. */
  async #apply(
    resource: Resource,
    current: CachedObject,
    wish: Change,
    fresh: boolean,
  ): Promise<Changed | undefined> {
    const { key, modRevision } = current;
    if (wish.action === 'keep') return { object: current, action: 'keep' };
    if (wish.action === 'delete') {
      const value = wish.object === undefined ? current.stored : storedBytes(wish.object);
      const leaving = (await resource.strategy.leavesWith?.(viewOf(resource, current.object()))) ?? [];
      const revision = await this.#delete(key, modRevision, leaving);
      if (revision === undefined) return undefined;
      return { object: resource.cacher.wrap(key, value, revision), action: 'delete' };
    }
    const value = this.#bytes(wish.object);
    if (value.equals(current.stored)) {
      await wish.allocation?.rollback();
      return fresh ? { object: current, action: 'keep' } : undefined;
    }
    const written = await this.#put(key, modRevision, wish.object, value, wish);
    if (written === undefined) return undefined;
    return { object: resource.cacher.wrap(key, written.value, written.revision), action: 'put' };
  }
}

/** What a change wants of this state, or why it refuses. */
async function ask(
  change: (current: CachedObject) => Promise<Change> | Change,
  current: CachedObject,
): Promise<{ wish: Change } | { wish: undefined; error: unknown }> {
  try {
    return { wish: await change(current) };
  } catch (error) {
    return { wish: undefined, error };
  }
}

/** Where an object is stored that is claimed or released. Such kinds are stored as they are. */
function keyOf({ kind, object }: Claim | Release): string {
  const { namespace = '', name = '' } = object.metadata;
  return `/registry/${kind.storagePrefix}/${kind.namespaced ? `${namespace}/` : ''}${name}`;
}

function put(key: string, value: Buffer, ttlSeconds?: number): TxnOp {
  return { op: 'put', key, value, ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
}

function isCertainlyNotStored(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'TooLarge' || error.code === 'NoSpace');
}
