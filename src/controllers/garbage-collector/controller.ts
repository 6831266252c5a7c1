import { isNotFound, type KubeObject, type meta } from '#api';
import { backoffDelay, type Counter, type Startable, sleep } from '#base';
import type { Informer, Resource, WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import type { ControllerDeps } from '../deps.js';
import { blockingDependents, FOREGROUND, type GraphNode, isWaiting, ORPHAN, OwnerGraph } from './graph.js';
import { collectableKinds, metadataInformer, resolveOwner } from './kinds.js';

export interface GarbageCollectorOptions {
  /** Objects looked at at a time (upstream's --concurrent-gc-syncs). */
  concurrentSyncs?: number;
  /** How often discovery is asked for new kinds. */
  discoveryPeriodMs?: number;
}

/** How long an unreadable kind may hold up the collection of all others. */
const SYNC_TIMEOUT_MS = 30_000;
const MAX_ABSENT_OWNERS = 2_000;

/**
 * Deletes what has lost all its owners, in the background or before the owner (foreground), and cuts the ties
 * instead where that was asked for (upstream's garbage-collector-controller). Nothing is deleted on the word
 * of a cache: object and owners are read from the API first, and identified by UID.
 */
export function createGarbageCollector(options: GarbageCollectorOptions, deps: ControllerDeps): Startable {
  return createLoop(deps, 'garbage_collector_attempt_to_delete', () => new Run(options, deps));
}

interface References {
  solid: meta.OwnerReference[];
  dangling: meta.OwnerReference[];
  /** Owners whose foreground deletion waits for their dependents. */
  waiting: meta.OwnerReference[];
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #period: number;
  readonly #syncErrors: Counter;
  readonly #informers = new Map<Informer<KubeObject>, Resource<KubeObject>>();
  readonly #detach: (() => void)[] = [];
  /** UIDs of owners that are known to be gone; a UID never comes back. */
  readonly #absent = new Set<string>();
  #kinds: Resource<KubeObject>[] = [];
  #graph = new OwnerGraph(() => {});
  /** Set while subscribed. */
  #queue: WorkQueue | undefined;

  constructor(options: GarbageCollectorOptions, deps: ControllerDeps) {
    this.workers = options.concurrentSyncs ?? 20;
    this.#period = options.discoveryPeriodMs ?? 30_000;
    this.#deps = deps;
    this.#syncErrors = deps.metrics.counter(
      'garbagecollector_controller_resources_sync_error_total',
      'Number of garbage collector resources sync errors',
    );
    this.caches = [{ synced: (signal) => this.#firstDiscovery(signal) }];
  }

  /** Without knowing the kinds nothing can be done: tries until it works. */
  async #firstDiscovery(signal?: AbortSignal): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#discover(signal);
      } catch (error) {
        signal?.throwIfAborted();
        this.#syncErrors.inc();
        this.#deps.logger.warn('discovery failed, will be retried', { err: error });
        await sleep(backoffDelay({ initialMs: 50, maxMs: 5_000 }, attempt), signal);
      }
    }
  }

  /** Learns which kinds there are and waits until their objects are known. */
  async #discover(signal?: AbortSignal): Promise<void> {
    this.#kinds = collectableKinds(await this.#deps.client.serverResources());
    const fresh: Informer<KubeObject>[] = [];
    for (const kind of this.#kinds) {
      const informer = metadataInformer(this.#deps.informers, kind);
      if (this.#informers.has(informer)) continue;
      this.#informers.set(informer, kind);
      fresh.push(informer);
    }
    this.#deps.informers.start();
    const all = Promise.all(fresh.map((informer) => informer.synced(signal)));
    await Promise.race([all, sleep(SYNC_TIMEOUT_MS, signal)]);
    if (this.#queue !== undefined) for (const informer of fresh) this.#watch(informer);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    // Dependents are replayed before their owners: who lacks one is known only when all have been seen.
    const replayed = new Set<string>();
    let enqueue = (uid: string): void => void replayed.add(uid);
    const graph = new OwnerGraph((uid) => enqueue(uid));
    this.#graph = graph;
    for (const informer of this.#informers.keys()) this.#watch(informer);
    enqueue = (uid) => queue.add(uid);
    for (const uid of replayed) if (graph.needsLook(uid)) queue.add(uid);
    this.#queue = queue;
    const cancel = this.#rediscover();
    return [cancel, () => this.#detach.splice(0).forEach((detach) => void detach())];
  }

  #watch(informer: Informer<KubeObject>): void {
    const kind = this.#informers.get(informer)!;
    const seen = (object: KubeObject) => this.#graph.set(kind, object);
    this.#detach.push(
      informer.on({
        add: seen,
        update: (object, old) => {
          if (object.metadata.uid !== old.metadata.uid) this.#graph.delete(old.metadata.uid!);
          seen(object);
        },
        delete: (object) => this.#graph.delete(object.metadata.uid!),
      }),
    );
  }

  #rediscover(): () => void {
    let cancel = () => {};
    let stopped = false;
    const again = () => {
      const failed = (error: unknown) => {
        this.#syncErrors.inc();
        this.#deps.logger.warn('discovery failed, will be retried', { err: error });
      };
      void this.#discover()
        .catch(failed)
        .then(() => {
          if (!stopped) cancel = this.#deps.clock.after(this.#period, again);
        });
    };
    cancel = this.#deps.clock.after(this.#period, again);
    return () => {
      stopped = true;
      cancel();
    };
  }

  async sync(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    if (node === undefined || node.virtual) return;
    if (!node.deleting) return this.#collect(node);
    if (node.finalizers.includes(ORPHAN)) return this.#orphanDependents(node);
    if (isWaiting(node)) return this.#deleteDependentsFirst(node);
  }

  /** Deletes the object if none of its owners is left, or if one waits for it to go. */
  async #collect(node: GraphNode): Promise<void> {
    if (node.owners.length === 0) return;
    const object = await this.#read(node);
    if (object === undefined) return this.#graph.delete(node.uid);
    const references = await this.#classify(object);
    const { solid, dangling, waiting } = references;
    if (solid.length > 0) {
      const lost = new Set([...dangling, ...waiting].map((reference) => reference.uid));
      if (lost.size > 0) await this.#dropOwners(node, object, lost);
      return;
    }
    if (dangling.length + waiting.length === 0) return;
    if (waiting.length > 0 && node.dependents.size > 0) {
      if ([...node.dependents].some(isWaiting)) await this.#unblock(node, object);
      return this.#delete(node, object, 'Foreground');
    }
    await this.#delete(node, object, policyOf(object));
  }

  async #classify(object: KubeObject): Promise<References> {
    const result: References = { solid: [], dangling: [], waiting: [] };
    for (const reference of object.metadata.ownerReferences ?? []) {
      const owner = await this.#readOwner(object, reference);
      if (owner === undefined) result.dangling.push(reference);
      else if (isBeingForegroundDeleted(owner)) result.waiting.push(reference);
      else result.solid.push(reference);
    }
    return result;
  }

  /** The owner as the API has it; undefined when there is none of that UID. Throws for what cannot be looked up. */
  async #readOwner(object: KubeObject, reference: meta.OwnerReference): Promise<KubeObject | undefined> {
    if (this.#absent.has(reference.uid)) return undefined;
    const kind = resolveOwner(this.#kinds, reference);
    if (kind === undefined)
      throw new Error(`owner kind ${reference.apiVersion} ${reference.kind} is not served`);
    const { namespace } = object.metadata;
    if (kind.namespaced && (namespace ?? '') === '')
      throw new Error(`cluster-scoped object refers to namespaced owner ${reference.kind} ${reference.name}`);
    const owner = await this.#get(kind, reference.name, namespace);
    if (owner?.metadata.uid === reference.uid) return owner;
    this.#rememberAbsent(reference.uid);
    return undefined;
  }

  #rememberAbsent(uid: string): void {
    this.#absent.add(uid);
    if (this.#absent.size <= MAX_ABSENT_OWNERS) return;
    for (const oldest of this.#absent) {
      this.#absent.delete(oldest);
      return;
    }
  }

  /** Foreground: the dependents that block go first, then the finalizer. */
  async #deleteDependentsFirst(node: GraphNode): Promise<void> {
    const blocking = blockingDependents(node);
    if (blocking.length === 0) return this.#removeFinalizer(node, FOREGROUND);
    for (const dependent of blocking) if (!dependent.deleting) this.#queue?.add(dependent.uid);
  }

  /** Orphan: the dependents lose this owner, then the finalizer goes. */
  async #orphanDependents(node: GraphNode): Promise<void> {
    for (const dependent of [...node.dependents]) {
      const object = await this.#read(dependent);
      if (object !== undefined) await this.#dropOwners(dependent, object, new Set([node.uid]));
    }
    await this.#removeFinalizer(node, ORPHAN);
  }

  async #delete(node: GraphNode, object: KubeObject, propagationPolicy: Policy): Promise<void> {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    // The version too: somebody may adopt the object right now.
    const preconditions = { uid: uid!, resourceVersion: resourceVersion! };
    try {
      await this.#deps.client
        .resource(node.resource!)
        .delete(name!, namespace, { preconditions, propagationPolicy });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#graph.delete(uid!);
    }
  }

  #dropOwners(node: GraphNode, object: KubeObject, uids: Set<string>): Promise<void> {
    const all = object.metadata.ownerReferences ?? [];
    const ownerReferences = all.filter((reference) => !uids.has(reference.uid));
    if (ownerReferences.length === all.length) return Promise.resolve();
    return this.#patch(node, object, { ownerReferences });
  }

  /** Breaks a circle of objects that wait for each other. */
  #unblock(node: GraphNode, object: KubeObject): Promise<void> {
    const ownerReferences = (object.metadata.ownerReferences ?? []).map((reference) => ({
      ...reference,
      blockOwnerDeletion: false,
    }));
    return this.#patch(node, object, { ownerReferences });
  }

  async #removeFinalizer(node: GraphNode, finalizer: string): Promise<void> {
    const object = await this.#read(node);
    if (object === undefined) return this.#graph.delete(node.uid);
    const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== finalizer);
    if (finalizers.length === (object.metadata.finalizers ?? []).length) return;
    await this.#patch(node, object, { finalizers });
  }

  async #patch(node: GraphNode, object: KubeObject, change: meta.ObjectMeta): Promise<void> {
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, ...change } };
    try {
      await this.#deps.client.resource(node.resource!).patch(name!, namespace, 'merge', body);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The very object of the node; a namesake with another UID is not it. */
  async #read(node: GraphNode): Promise<KubeObject | undefined> {
    const object = await this.#get(node.resource!, node.name, node.namespace);
    return object?.metadata.uid === node.uid ? object : undefined;
  }

  async #get(kind: Resource<KubeObject>, name: string, namespace?: string): Promise<KubeObject | undefined> {
    try {
      return await this.#deps.client.resource(kind).get(name, kind.namespaced ? namespace : undefined);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

type Policy = 'Foreground' | 'Background' | 'Orphan';

function isBeingForegroundDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(FOREGROUND);
}

/** Finalizers that are on the object already say how it wants to be deleted. */
function policyOf({ metadata }: KubeObject): Policy {
  if ((metadata.finalizers ?? []).includes(ORPHAN)) return 'Orphan';
  return (metadata.finalizers ?? []).includes(FOREGROUND) ? 'Foreground' : 'Background';
}
