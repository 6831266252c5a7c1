import type { GroupResource, KubeObject } from '#api';
import type { Clock, Logger, Metrics, Startable } from '#base';
import type { Store } from '#storage';
import type { Soon } from '../soon.js';

/**
 * The watch cache: one resource (`/registry/<storagePrefix>/`) of a Store held in memory as bytes, with its
 * recent history, serving get, list and watch. Upstream's staging/src/k8s.io/apiserver/pkg/storage/cacher.
 *
 * Values in the store are JSON objects without `metadata.resourceVersion` (as etcd holds them for
 * kube-apiserver); what is served carries it, spliced in without parsing. Errors are StatusErrors with
 * upstream's reasons and texts.
 */
export interface Cacher extends Startable {
  /** True once the first list is in; before that, reads wait. */
  readonly ready: boolean;
  /** The revision this cache has reached. */
  readonly revision: number;
  /** The store key of an object: `<prefix><namespace>/<name>` or `<prefix><name>`. */
  key(namespace: string, name: string): string;

  /**
   * One object. `resourceVersion` absent reads linearizably from the store; 0 reads whatever the cache has;
   * N reads the cache once it is not older than N (waits up to 3 s, then Timeout/ResourceVersionTooLarge).
   */
  get(namespace: string, name: string, options?: GetOptions): Soon<CachedObject | undefined>;
  /** What the cache has right now, possibly stale: the first guess of a read-modify-write. */
  peek(namespace: string, name: string): CachedObject | undefined;
  /** A consistent list; never parses unless a selector asks for it. Yields to the event loop while filtering. */
  list(options: ListOptions): Promise<CachedList>;
  /**
   * Opens a watch. Registered before this resolves; the events follow the commit order without loss or
   * duplicates from `resourceVersion` on. Rejects with Expired when that is no longer known.
   */
  watch(options: WatchOptions): Promise<CacheWatch>;

  /** Resolves when the cache has reached `revision` (a writer's own write). Same timeout as `get`. */
  waitFor(revision: number): Promise<void>;
  /** The served form of a stored value, also of one that was written a moment ago. */
  wrap(key: string, value: Buffer, revision: number): CachedObject;
}

export interface CacherOptions {
  store: Store;
  /** With both slashes: `/registry/services/specs/`. */
  prefix: string;
  namespaced: boolean;
  /** Go into bookmarks and list envelopes. */
  apiVersion: string;
  kind: string;
  /** Values of selectable fields besides metadata.name and metadata.namespace (Strategy.fields). */
  fields?: (object: KubeObject) => Record<string, string>;
  /** A selectable field by whose value watchers are indexed (Pods: `spec.nodeName`). */
  indexField?: string;
  /** Turns a stored value that is not plain JSON (protobuf of a real cluster) into JSON bytes. */
  decode?: (stored: Buffer) => Buffer;
  logger: Logger;
  clock?: Clock;
  metrics?: Metrics;
  /** Labels of the metrics; the prefix stands in when absent. */
  resource?: GroupResource;
  /** Upper bounds of the history kept for watches. Defaults: 100,000 events, 64 MiB of values. */
  maxHistoryEvents?: number;
  maxHistoryBytes?: number;
  /** Events a watcher may lag behind before it is cut off. Default 1,000. */
  maxWatcherLag?: number;
  /** Time between bookmarks. Default 60,000 ms. */
  bookmarkIntervalMs?: number;
}

/** The parsed-once facts that selectors look at. `fields` holds metadata.name and metadata.namespace as well. */
export interface Attributes {
  labels: Readonly<Record<string, string>>;
  fields: Readonly<Record<string, string>>;
}

/** One object at one revision. Immutable and shared between all readers. */
export interface CachedObject {
  readonly key: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  /** What `metadata.resourceVersion` says: the modification, or the deletion in a DELETED event. */
  readonly revision: number;
  /** The revision in the store, for compare-and-put; differs from `revision` only in DELETED events. */
  readonly modRevision: number;
  /** The stored value, without resourceVersion: shared with the store. */
  readonly stored: Buffer;
  /** The served JSON with metadata.resourceVersion; a copy made at each call. */
  bytes(): Buffer;
  /** Length of `bytes()`. */
  readonly byteLength: number;
  /** Writes the served JSON into `target` at `offset`; returns the offset after it. */
  writeTo(target: Buffer, offset: number): number;
  /** Length of what `writeItemTo` writes. */
  readonly itemLength: number;
  /** As `writeTo`, without `kind` and `apiVersion`: as items of lists are served. */
  writeItemTo(target: Buffer, offset: number): number;
  /** The parsed served object, shared: do not edit. Parsed at first use, may be forgotten under memory pressure. */
  object(): KubeObject;
  /** Parsed at first use and kept. */
  attributes(): Attributes;
}

export interface GetOptions {
  resourceVersion?: number;
}

/** Which objects are wanted. Absent members do not restrict. */
export interface Selection {
  namespace?: string;
  /** From the path or `metadata.name=`: makes lists and fan-out O(1). */
  name?: string;
  labels?: (labels: Readonly<Record<string, string>>) => boolean;
  fields?: (fields: Readonly<Record<string, string>>) => boolean;
  /** Value that the cacher's `indexField` must equal (`spec.nodeName=X`): fan-out by index; `fields` still decides. */
  indexValue?: string;
}

export interface ListOptions {
  selection?: Selection;
  /** Absent: the most recent state (linearizable). 0: any. N: see `match`. */
  resourceVersion?: number;
  /** With N: NotOlderThan (default without limit) or Exact (default with limit, as upstream). */
  match?: 'Exact' | 'NotOlderThan';
  /** At most this many items, then a continue token. Ignored for resourceVersion 0, as upstream's cache does. */
  limit?: number;
  continue?: string;
  signal?: AbortSignal;
}

export interface CachedList {
  /** For metadata.resourceVersion. */
  revision: number;
  /** In key order. */
  items: CachedObject[];
  continue?: string;
  remainingItemCount?: number;
}

export interface WatchOptions {
  selection?: Selection;
  /** Absent: the most recent state first, as ADDED. 0: any state first. N: changes after N. */
  resourceVersion?: number;
  /** true: state as ADDED, then a BOOKMARK with `k8s.io/initial-events-end`, then changes. false: changes only. */
  sendInitialEvents?: boolean;
  allowBookmarks?: boolean;
  /** The watch ends itself after this, with a bookmark (when allowed) about 2 s before. */
  timeoutMs?: number;
  signal: AbortSignal;
}

/**
 * An open watch: batches of items in order. Ends when the signal aborts, the timeout passes, the cache is
 * rebuilt, or the reader lags too far behind. Pull-based: a slow reader never blocks writers or other readers.
 */
export interface CacheWatch extends AsyncIterable<WatchItem[]> {
  /** Why it ended, once it did. */
  readonly endReason: 'aborted' | 'timeout' | 'slow' | 'reset' | 'stopped' | undefined;
  /** Aborts when it has ended, also while the reader is not reading. */
  readonly over: AbortSignal;
}

export interface WatchItem {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly revision: number;
  /** Absent for BOOKMARK. */
  readonly object?: CachedObject;
  /** True for the bookmark that ends the initial events. */
  readonly initialEventsEnd?: boolean;
  /** `{"type":…,"object":…}\n`, built once per event and type and shared by all watchers. */
  line(): Buffer;
  /** Another encoding (PartialObjectMetadata …) of the item, built once per event, type and `name`, and shared. */
  encoded(name: string, build: (item: WatchItem) => Buffer): Buffer;
}

export { type CompactorOptions, createCompactor } from './compactor.js';
export { decodeContinue, encodeContinue } from './continue-token.js';
export { listBody } from './list-body.js';
export { storedBytes } from './splice.js';
export { createCacher } from './watch-cache.js';
