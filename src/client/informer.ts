import { setMaxListeners } from 'node:events';
import { type KubeObject, objectKey } from '#api';
import type { Logger } from '#base';
import type {
  Client,
  Informer,
  InformerFactory,
  InformerHandlers,
  InformerOptions,
  Resource,
  WatchEvent,
} from './client.js';
import { type IndexValue, ObjectCache } from './object-cache.js';
import { type ReflectorSink, reflect } from './reflector.js';

/** Delivering a full list pauses after this long. */
const SLICE_MS = 5;

/** Builds a factory whose informers share one client; `stop` ends all of them. */
export function createInformerFactory(client: Client, options: { logger: Logger }): InformerFactory {
  return new SharedInformerFactory(client, options.logger);
}

class SharedInformerFactory implements InformerFactory {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #informers = new Map<string, SharedInformer<KubeObject>>();
  readonly #abort = new AbortController();

  constructor(client: Client, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    // One listener per informer, and there are as many as the cluster has kinds.
    setMaxListeners(0, this.#abort.signal);
  }

  informer<T extends KubeObject>(resource: Resource<T>, options: InformerOptions<T> = {}): Informer<T> {
    const { namespace, labelSelector, fieldSelector, transform } = options;
    // Different transforms cache different objects; consumers that share one share the function.
    const parts = [
      resource.group,
      resource.version,
      resource.resource,
      namespace,
      labelSelector,
      fieldSelector,
    ];
    const key = `${parts.map((p) => p ?? '').join('|')}|${transform?.toString() ?? ''}`;
    let informer = this.#informers.get(key) as SharedInformer<T> | undefined;
    if (informer === undefined) {
      informer = new SharedInformer<T>(this.#client, resource, options, this.#logger);
      this.#informers.set(key, informer as unknown as SharedInformer<KubeObject>);
    }
    return informer;
  }

  start(): void {
    if (this.#abort.signal.aborted) throw new Error('informer factory is stopped');
    for (const informer of this.#informers.values()) informer.start(this.#abort.signal);
  }

  async synced(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced(signal)));
  }

  stop(): void {
    this.#abort.abort();
  }
}

class SharedInformer<T extends KubeObject> implements Informer<T>, ReflectorSink<T> {
  readonly #client: Client;
  readonly #resource: Resource<T>;
  readonly #options: InformerOptions<T>;
  readonly #logger: Logger;
  readonly #cache = new ObjectCache<T>();
  readonly #handlers = new Set<InformerHandlers<T>>();
  #started = false;
  #hasSynced = false;
  #resourceVersion = '';
  #lastContact = 0;
  #waiters: (() => void)[] = [];

  constructor(client: Client, resource: Resource<T>, options: InformerOptions<T>, logger: Logger) {
    this.#client = client;
    this.#resource = resource;
    this.#options = options;
    this.#logger = logger;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }
  get resourceVersion(): string {
    return this.#resourceVersion;
  }
  get lastContact(): number {
    return this.#lastContact;
  }

  start(signal: AbortSignal): void {
    if (this.#started) return;
    this.#started = true;
    void reflect(this.#client.resource(this.#resource), this.#options, this, {
      logger: this.#logger,
      name: this.#resource.resource,
      signal,
    });
  }

  on(handlers: InformerHandlers<T>): () => void {
    this.#handlers.add(handlers);
    if (handlers.add !== undefined)
      for (const object of this.#cache.list()) this.#call(() => handlers.add!(object));
    return () => this.#handlers.delete(handlers);
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }
  list(): T[] {
    return this.#cache.list();
  }
  inNamespace(namespace: string): T[] {
    return this.#cache.byIndex('namespace', namespace);
  }
  addIndex(name: string, values: (object: T) => IndexValue[]): void {
    this.#cache.addIndex(name, values);
  }
  byIndex(name: string, value: IndexValue): T[] {
    return this.#cache.byIndex(name, value);
  }

  synced(signal?: AbortSignal): Promise<void> {
    if (this.#hasSynced) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal?.reason ?? new Error('aborted'));
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(() => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
    });
  }

  /** Fifty thousand objects and their handlers take most of a second: the event loop runs in between. */
  async replace(objects: T[], resourceVersion: string): Promise<void> {
    const present = new Set<string>();
    let pause = Date.now() + SLICE_MS;
    for (const object of objects) {
      present.add(objectKey(object));
      this.#put(object);
      if (Date.now() < pause) continue;
      await new Promise((resolve) => setImmediate(resolve));
      pause = Date.now() + SLICE_MS;
    }
    for (const key of this.#cache.keys()) if (!present.has(key)) this.#remove(key);
    this.#resourceVersion = resourceVersion;
    this.#hasSynced = true;
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  apply(event: WatchEvent<T>): void {
    if (event.type === 'DELETED') this.#remove(objectKey(event.object), event.object);
    else if (event.type !== 'BOOKMARK') this.#put(event.object);
    this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
  }

  current(object: T): T | undefined {
    const { resourceVersion } = object.metadata;
    const cached = resourceVersion === undefined ? undefined : this.#cache.get(objectKey(object));
    return cached?.metadata.resourceVersion === resourceVersion ? cached : undefined;
  }

  contact(): void {
    this.#lastContact = Date.now();
  }

  #put(object: T): void {
    const old = this.#cache.set(object);
    if (old === undefined) {
      for (const h of this.#handlers) this.#call(() => h.add?.(object));
    } else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
      for (const h of this.#handlers) this.#call(() => h.update?.(object, old));
    }
  }

  #remove(key: string, last?: T): void {
    const old = this.#cache.delete(key);
    const object = last ?? old;
    if (old === undefined || object === undefined) return;
    for (const h of this.#handlers) this.#call(() => h.delete?.(object));
  }

  /** A throwing handler must not stop the others, nor the watch. */
  #call(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#logger.error('informer handler failed', { resource: this.#resource.resource, err: error });
    }
  }
}
