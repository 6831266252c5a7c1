import type { GroupVersionResource, KubeList, KubeObject, meta } from '#api';

/** A typed handle to one resource; the constants are in `resources.ts` (`Resources.pods` ...). */
export interface Resource<T extends KubeObject> extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: carries the type. */
  readonly _type?: T;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  signal?: AbortSignal;
}

export interface WatchOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion?: string;
  allowWatchBookmarks?: boolean;
  /** The watch-list protocol: existing objects as ADDED, then a bookmark annotated `k8s.io/initial-events-end`. */
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
  signal: AbortSignal;
}

export type WatchEvent<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: KubeObject };

export interface WriteOptions {
  fieldManager?: string;
  dryRun?: boolean;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
}

export type PatchType = 'merge' | 'strategic' | 'json' | 'apply';

/**
 * Verbs on one resource. `namespace` is required for namespaced resources and ignored for the others.
 * Every method rejects with `StatusError` for what the server refuses, and with `TransportError` when the
 * server cannot be reached.
 */
export interface ResourceClient<T extends KubeObject> {
  get(name: string, namespace?: string): Promise<T>;
  list(options?: ListOptions): Promise<KubeList<T>>;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** PUT; the object's own resourceVersion is the precondition. */
  update(object: T, options?: WriteOptions): Promise<T>;
  /** PUT on a subresource (`status`, `finalize`, `scale` ...). */
  updateSubresource<S extends KubeObject = T>(
    subresource: string,
    object: S,
    options?: WriteOptions,
  ): Promise<S>;
  /** POST on a subresource (`binding`, `eviction`, `token` ...). */
  createSubresource<S extends KubeObject, R extends KubeObject = S>(
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: S,
  ): Promise<R>;
  /** `force` is for apply patches only. */
  patch(
    name: string,
    namespace: string | undefined,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { subresource?: string; force?: boolean },
  ): Promise<T>;
  delete(name: string, namespace?: string, options?: DeleteOptions): Promise<void>;
  deleteCollection(options?: ListOptions & DeleteOptions): Promise<void>;
  /**
   * One watch request. Ends when the server closes it or the signal aborts; throws StatusError for an ERROR
   * event (410 `Expired` means relist). Prefer informers.
   */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

/** The one way in which controllers, proxy, dns and node reach cluster state. */
export interface Client {
  resource<T extends KubeObject>(resource: Resource<T>): ResourceClient<T>;
  /** A raw request for what has no resource (`/version`, `/healthz`, other API paths); body is JSON. */
  request(method: string, path: string, body?: unknown): Promise<{ status: number; body: Buffer }>;
  /** Discovery of every namespaced/cluster resource that the server serves (garbage collector, namespace controller). */
  serverResources(): Promise<
    (GroupVersionResource & { kind: string; namespaced: boolean; verbs: string[] })[]
  >;
  /** Ends open watches and connections. */
  close(): void;
}

/** The server cannot be reached, or the connection broke before an answer. Retried by reflectors. */
export class TransportError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TransportError';
  }
}

/** Handlers of an informer. `old` is the object that was cached before. Called in event order, never concurrently. */
export interface InformerHandlers<T extends KubeObject> {
  add?(object: T): void;
  update?(object: T, old: T): void;
  /** `object` is the last known state; it may be stale when the delete was seen by a relist. */
  delete?(object: T): void;
}

/**
 * A watched, indexed cache of one resource. Objects are shared: treat them as immutable and copy before
 * editing. Keys are `namespace/name` (or `name`).
 */
export interface Informer<T extends KubeObject> {
  /** Adds handlers; objects that are already cached are replayed to `add` at once. Returns the remover. */
  on(handlers: InformerHandlers<T>): () => void;
  get(key: string): T | undefined;
  list(): T[];
  /** Objects of one namespace; cost is proportional to that namespace. */
  inNamespace(namespace: string): T[];
  /** Adds an index; `values` returns the index values of an object. Must be called before start. */
  addIndex(name: string, values: (object: T) => (string | number)[]): void;
  byIndex(name: string, value: string | number): T[];
  /** True after the first complete list has been delivered to all handlers. */
  readonly hasSynced: boolean;
  /** Resolves on the first sync; rejects when the signal aborts first. */
  synced(signal?: AbortSignal): Promise<void>;
  /** The resourceVersion up to which the cache is complete. */
  readonly resourceVersion: string;
  /** Milliseconds since the epoch of the last successful contact (event, bookmark or list), 0 before the first. */
  readonly lastContact: number;
}

export interface InformerOptions<T extends KubeObject> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  /** Shrinks objects before they are cached (drop managedFields, specs nobody reads ...). May mutate its argument. */
  transform?: (object: T) => T;
  /** The server may not know the resource (a custom one): there are no objects then, until it does. */
  optional?: boolean;
}

/** Shares informers between the consumers of one process: same resource and options, same informer. */
export interface InformerFactory {
  informer<T extends KubeObject>(resource: Resource<T>, options?: InformerOptions<T>): Informer<T>;
  /** Starts the informers asked for so far (idempotent; call again after asking for more). */
  start(): void;
  /** Resolves when every started informer has synced. */
  synced(signal?: AbortSignal): Promise<void>;
  stop(): void;
}

/**
 * A work queue with upstream's semantics (client-go util/workqueue): a key is processed by one worker at a
 * time, adds while processing are merged and re-queued, failures back off per item (5 ms doubling to 1000 s).
 */
export interface WorkQueue {
  add(key: string): void;
  addAfter(key: string, ms: number): void;
  addRateLimited(key: string): void;
  /** Resets the item's failure count. */
  forget(key: string): void;
  /** Number of failures recorded for the item. */
  failures(key: string): number;
  readonly length: number;
  /** Runs `workers` loops of `handler` until shutdown; a throwing handler re-queues with back-off and is reported to `onError`. */
  run(workers: number, handler: (key: string) => Promise<void>): void;
  /** Stops accepting; resolves when the running handlers have ended. */
  shutDown(): Promise<void>;
}

/** Records Events (core/v1) about objects, aggregated and rate limited; never throws, never blocks. */
export interface EventRecorder {
  event(object: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

export type ObjectMeta = meta.ObjectMeta;
