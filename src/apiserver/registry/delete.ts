import { isNotFound, type KubeObject } from '#api';
import type { CachedObject } from '../cacher/cacher.js';
import { checkDeleteOptions, type DeleteOptions, finalizersFor } from './delete-options.js';
import { sameJson } from './equality.js';
import { timestamp } from './names.js';
import { checkDeletePreconditions } from './preconditions.js';
import { copyOf, type Resource, viewOf } from './resource.js';
import type { Change } from './storage.js';
import { type Admitted, admit, type WriteCall, type WriteEnv, writeContext } from './write-call.js';

export interface Deleted {
  /** True when the object has left the store; false when it was marked and waits. */
  gone: boolean;
  /** The object as it is now, or as it was last. */
  object: KubeObject;
  /** The same in stored form, when nothing was invented for a dry run. */
  cached?: CachedObject;
}

/**
 * DELETE of one object: marks it when something holds it (finalizers, a grace period, its own spec), removes it
 * otherwise. Follows Store.Delete and rest.BeforeDelete of k8s.io/apiserver/pkg/registry. Throws StatusError.
 */
export async function deleteObject(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Promise<Deleted> {
  checkDeleteOptions(options);
  let verdict: Verdict = { kind: 'remove' };
  let dry: KubeObject | undefined;
  const changed = await env.storage.change(resource, namespace, name, async (cached) => {
    const current = viewOf(resource, cached.object());
    checkDeletePreconditions(resource.group, current, options.preconditions);
    const request: Admitted = { operation: 'DELETE', namespace, name, object: undefined, oldObject: current };
    await admit(env, resource, call, request, 'admit');
    await admit(env, resource, call, request, 'validate');
    verdict = judge(resource, current, options, env.clock.now());
    if (!call.dryRun) return changeOf(resource, verdict);
    dry = verdict.kind === 'mark' ? verdict.object : current;
    return { action: 'keep' };
  });
  const gone = verdict.kind === 'remove';
  const object = dry ?? viewOf(resource, changed.object.object());
  if (dry !== undefined) return { gone, object };
  if (gone) await resource.strategy.afterDelete?.(writeContext(call), object);
  return { gone, object, cached: changed.object };
}

type Verdict =
  | { kind: 'remove'; object?: KubeObject }
  | { kind: 'mark'; object: KubeObject }
  /** It is being deleted already, and this request does not hurry it. */
  | { kind: 'pending' };

function changeOf(resource: Resource, verdict: Verdict): Change {
  if (verdict.kind === 'pending') return { action: 'keep' };
  const stored = (object: KubeObject) => resource.convert?.toStored(object) ?? object;
  if (verdict.kind === 'mark') return { action: 'put', object: stored(verdict.object) };
  return verdict.object === undefined
    ? { action: 'delete' }
    : { action: 'delete', object: stored(verdict.object) };
}

function judge(resource: Resource, current: KubeObject, options: DeleteOptions, now: number): Verdict {
  const grace = graceOf(resource, current, options);
  if (grace === 'pending') return { kind: 'pending' };
  const had = current.metadata.finalizers ?? [];
  const finalizers = finalizersFor(had, options);
  const held = finalizers.length > 0 || resource.strategy.heldBySpec?.(current) === true;
  if (grace === undefined && !held && had.length === 0) return { kind: 'remove' };
  const object = copyOf(current);
  if (finalizers.length > 0) object.metadata.finalizers = finalizers;
  else delete object.metadata.finalizers;
  if (grace !== undefined) {
    markGraceful(resource, object, grace, now);
    if (held || grace > 0) return { kind: 'mark', object };
    return { kind: 'remove', object };
  }
  if (!held) return { kind: 'remove', object };
  const marked = markNow(resource, object, now);
  return !marked && sameJson(had, finalizers) ? { kind: 'pending' } : { kind: 'mark', object };
}

/** The grace period that this delete gives; undefined: none of its kind; pending: a shorter or equal one runs already. */
function graceOf(
  resource: Resource,
  current: KubeObject,
  options: DeleteOptions,
): number | 'pending' | undefined {
  const { strategy } = resource;
  if (strategy.graceSeconds === undefined) return undefined;
  const asked = options.gracePeriodSeconds;
  const requested = asked !== undefined && asked < 0 ? 1 : asked;
  const { deletionTimestamp, deletionGracePeriodSeconds } = current.metadata;
  if (deletionTimestamp === undefined) return strategy.graceSeconds(current, requested);
  if (deletionGracePeriodSeconds === undefined) return undefined;
  if (requested === undefined || requested >= deletionGracePeriodSeconds) {
    // Grace 0 means that only finalizers hold it: a repeated delete may still change those.
    return deletionGracePeriodSeconds === 0 ? undefined : 'pending';
  }
  return requested;
}

/** Starts or shortens the grace period; the first mark is a new generation, so that controllers look again. */
function markGraceful(resource: Resource, object: KubeObject, grace: number, now: number): void {
  const { metadata } = object;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined) {
    metadata.deletionTimestamp = timestamp(now + grace * 1000);
    if ((metadata.generation ?? 0) > 0) metadata.generation = metadata.generation! + 1;
    resource.strategy.prepareForMark?.(object);
  } else {
    const started = Date.parse(deletionTimestamp) - (deletionGracePeriodSeconds ?? 0) * 1000;
    metadata.deletionTimestamp = timestamp(started + grace * 1000);
  }
  metadata.deletionGracePeriodSeconds = grace;
}

/** Marks without grace: what holds the object decides when it goes. False when it was marked before. */
function markNow(resource: Resource, object: KubeObject, now: number): boolean {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return false;
  if ((metadata.generation ?? 0) > 0) metadata.generation = metadata.generation! + 1;
  metadata.deletionTimestamp = timestamp(now);
  metadata.deletionGracePeriodSeconds = 0;
  resource.strategy.prepareForMark?.(object);
  return true;
}

/** Deletes what a collection holds; objects that vanish meanwhile are fine. Stops at the first other error. */
export async function deleteEach(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  items: Iterable<CachedObject>,
  options: DeleteOptions,
): Promise<CachedObject[]> {
  const deleted: CachedObject[] = [];
  for (const item of items) {
    try {
      const { cached } = await deleteObject(env, resource, call, item.namespace, item.name, options);
      deleted.push(cached ?? item);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return deleted;
}
