import { Errors, isNotFound, type KubeObject } from '#api';
import type { CachedObject } from '../cacher/cacher.js';
import type { Allocation } from '../contracts.js';
import { createObject } from './create.js';
import { sameExcept, sameJson } from './equality.js';
import { checkUpdateUid, MODIFIED } from './preconditions.js';
import { type Resource, viewOf } from './resource.js';
import type { Change } from './storage.js';
import { restrictToSubresource } from './subresource-fields.js';
import { validateChanged } from './validate.js';
import {
  type Admitted,
  admit,
  type WriteCall,
  type WriteEnv,
  type Written,
  writeContext,
} from './write-call.js';

/** How an update comes by its new object. */
export interface UpdateSource {
  /**
   * The wanted object, made from the present one (shared: do not edit; undefined when it does not exist and may
   * be created). The caller of `produce` owns the answer. May run several times.
   */
  produce(current: KubeObject | undefined): Promise<KubeObject> | KubeObject;
  /** Fields are tracked by `produce` itself (server-side apply). */
  tracksFields: boolean;
  /** The object may be created when it is absent. */
  mayCreate: boolean;
  /** An absent resourceVersion is fine whatever the kind says (patches). */
  unconditional: boolean;
}

/**
 * PUT and PATCH: read, produce, check, write, again when another writer was faster. An update that changes
 * nothing writes nothing; one that removes the last reason to keep an object marked for deletion removes it.
 */
export async function updateObject(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  namespace: string,
  name: string,
  source: UpdateSource,
): Promise<Written> {
  try {
    return await updateExisting(env, resource, call, namespace, name, source);
  } catch (error) {
    if (!source.mayCreate || !isNotFound(error) || (await env.storage.exists(resource, namespace, name))) {
      throw error;
    }
  }
  const object = await source.produce(undefined);
  checkName(object, name);
  const { uid, resourceVersion } = object.metadata;
  if ((uid ?? '') !== '' || (resourceVersion ?? '') !== '') throw Errors.notFound(resource.group, name);
  return createObject(env, resource, call, namespace, object, !source.tracksFields);
}

async function updateExisting(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  namespace: string,
  name: string,
  source: UpdateSource,
): Promise<Written> {
  let proposed: KubeObject | undefined;
  const changed = await env.storage.change(resource, namespace, name, async (cached) => {
    const current = viewOf(resource, cached.object());
    const object = await source.produce(current);
    const change = await decide(env, resource, call, { namespace, name, object, current, cached, source });
    if (!call.dryRun) return change;
    proposed = change.action === 'put' ? resultOf(resource, change.object, cached) : undefined;
    if (change.action === 'put') await change.allocation?.rollback();
    return { action: 'keep' };
  });
  if (changed.action === 'delete') {
    await resource.strategy.afterDelete?.(writeContext(call), viewOf(resource, changed.object.object()));
  }
  if (proposed !== undefined) return { created: false, result: { object: proposed } };
  return { created: false, result: { cached: changed.object } };
}

interface Proposal {
  namespace: string;
  name: string;
  object: KubeObject;
  current: KubeObject;
  cached: CachedObject;
  source: UpdateSource;
}

async function decide(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  proposal: Proposal,
): Promise<Change> {
  const { object, current, source } = proposal;
  checkIdentity(resource, proposal);
  checkVersion(resource, call, proposal);
  keepSystemFields(object, current);
  restrictToSubresource(resource.kind, call.subresource, object, current);
  const request: Admitted = {
    operation: 'UPDATE',
    namespace: proposal.namespace,
    name: proposal.name,
    object,
    oldObject: current,
  };
  await admit(env, resource, call, request, 'admit');
  if (call.external && !source.tracksFields) env.fields.track(resource, call, current, object);
  const context = writeContext(call);
  const allocation = await resource.strategy.beginUpdate?.(context, object, current);
  let handedOver = false;
  try {
    resource.strategy.prepareForUpdate?.(context, object, current);
    bumpGeneration(resource, object, current);
    validateChanged(resource, context, object, current);
    await admit(env, resource, call, request, 'validate');
    if (sameButForTimes(object, current)) return { action: 'keep' };
    if (isReleased(resource, object)) return { action: 'delete', object };
    handedOver = true;
    return put(resource, object, allocation);
  } finally {
    if (!handedOver) await allocation?.rollback();
  }
}

function put(resource: Resource, object: KubeObject, allocation: Allocation | undefined): Change {
  const ttlSeconds = resource.strategy.ttlSeconds?.(object);
  return {
    action: 'put',
    object: resource.convert?.toStored(object) ?? object,
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(allocation === undefined ? {} : { allocation }),
  };
}

function resultOf(resource: Resource, stored: KubeObject, cached: CachedObject): KubeObject {
  const object = viewOf(resource, stored);
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(cached.revision) } };
}

/** The body must be about the object that the URL names. */
function checkIdentity(resource: Resource, proposal: Proposal): void {
  const { object, name, namespace, current } = proposal;
  const { metadata } = object;
  checkName(object, name);
  if (resource.kind.namespaced) {
    if ((metadata.namespace ?? '') === '') metadata.namespace = namespace;
    if (metadata.namespace !== namespace) {
      throw Errors.badRequest(
        `the namespace of the object (${metadata.namespace}) does not match the namespace on the URL (${namespace})`,
      );
    }
  }
  checkUpdateUid(resource.group, object, current);
}

function checkName({ metadata }: KubeObject, name: string): void {
  if ((metadata.name ?? '') === '') metadata.name = name;
  if (metadata.name === name) return;
  throw Errors.badRequest(
    `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
  );
}

function checkVersion(resource: Resource, call: WriteCall, proposal: Proposal): void {
  const { object, current, source } = proposal;
  const asked = object.metadata.resourceVersion ?? '';
  if (asked === '' || asked === '0') {
    const may = source.unconditional || !call.external || resource.strategy.allowUnconditionalUpdate === true;
    if (may) return;
    throw Errors.invalid(resource.kind, proposal.name, [
      {
        type: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        message: 'Invalid value: 0: must be specified for an update',
      },
    ]);
  }
  if (asked !== current.metadata.resourceVersion) {
    throw Errors.conflict(resource.group, proposal.name, MODIFIED);
  }
}

/** An update cannot touch what only the server sets, nor take back a deletion. */
export function keepSystemFields(object: KubeObject, current: KubeObject): void {
  const { metadata } = object;
  const old = current.metadata;
  metadata.uid = old.uid;
  metadata.creationTimestamp = old.creationTimestamp;
  metadata.resourceVersion = old.resourceVersion;
  copyOrDelete(metadata, old, 'generation');
  copyOrDelete(metadata, old, 'deletionTimestamp');
  copyOrDelete(metadata, old, 'deletionGracePeriodSeconds');
  delete metadata.selfLink;
}

function copyOrDelete<T extends object, K extends keyof T>(to: T, from: T, key: K): void {
  if (from[key] === undefined) delete to[key];
  else to[key] = from[key];
}

/** A change of anything but metadata and status is a new generation, unless the strategy has decided itself. */
export function bumpGeneration(resource: Resource, object: KubeObject, current: KubeObject): void {
  if (!resource.kind.generation || object.metadata.generation !== current.metadata.generation) return;
  if (sameExcept(object, current, ['metadata', 'status'])) return;
  object.metadata.generation = (current.metadata.generation ?? 0) + 1;
}

/** True when nothing but the times in managedFields differs. */
export function sameButForTimes(object: KubeObject, current: KubeObject): boolean {
  if (!sameExcept(object, current, ['metadata'])) return false;
  if (!sameExcept(object.metadata, current.metadata, ['managedFields'])) return false;
  const left = object.metadata.managedFields ?? [];
  const right = current.metadata.managedFields ?? [];
  return (
    left.length === right.length &&
    left.every((entry, i) => {
      const other = right[i]!;
      return sameExcept(entry, other, ['time']) && sameJson(entry.fieldsV1, other.fieldsV1);
    })
  );
}

/**
 * Nothing holds a marked object any more. Objects with a grace period left wait for whoever ends it
 * (ShouldDeleteDuringUpdate in registry/generic/registry/store.go).
 */
export function isReleased(resource: Resource, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    (deletionGracePeriodSeconds ?? 0) === 0 &&
    (finalizers ?? []).length === 0 &&
    resource.strategy.heldBySpec?.(object) !== true
  );
}
