import { randomUUID } from 'node:crypto';
import { Errors, isAlreadyExists, type KubeObject, StatusError } from '#api';
import { generateName, timestamp } from './names.js';
import { copyOf, type Resource } from './resource.js';
import { validateNew } from './validate.js';
import {
  type Admitted,
  admit,
  type WriteCall,
  type WriteEnv,
  type Written,
  writeContext,
} from './write-call.js';

/** Upstream's bound on attempts to find a free generated name (KEP-4420). */
const NAME_ATTEMPTS = 8;

/**
 * Creates an object that has been decoded and defaulted in the resource's kind. Takes ownership of `object`.
 * `tracksFields` is false when its managedFields are complete (server-side apply).
 * Order as upstream: admission (mutating) → managed fields → allocation → strategy → validation → admission
 * (validating) → store. Throws StatusError.
 */
export async function createObject(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  namespace: string,
  object: KubeObject,
  tracksFields = true,
): Promise<Written> {
  checkNew(resource, namespace, object);
  await admit(env, resource, call, request(namespace, object), 'admit');
  if (call.external && tracksFields) env.fields.track(resource, call, undefined, object);
  const generated = (object.metadata.name ?? '') === '' && (object.metadata.generateName ?? '') !== '';
  if (!generated) return createOnce(env, resource, call, namespace, object);
  for (let attempt = 1; ; attempt++) {
    const candidate = copyOf(object);
    candidate.metadata.name = generateName(object.metadata.generateName!);
    try {
      return await createOnce(env, resource, call, namespace, candidate);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      if (attempt >= NAME_ATTEMPTS) throw noFreeName(error as StatusError);
    }
  }
}

async function createOnce(
  env: WriteEnv,
  resource: Resource,
  call: WriteCall,
  namespace: string,
  object: KubeObject,
): Promise<Written> {
  const { strategy } = resource;
  const context = writeContext(call);
  fillMetadata(env, resource, object);
  // Nothing can be allocated to an object without a name; validation will say so.
  const named = (object.metadata.name ?? '') !== '';
  const allocation = named ? await strategy.beginCreate?.(context, object) : undefined;
  let handedOver = false;
  try {
    prepare(resource, object);
    strategy.prepareForCreate?.(context, object);
    validateNew(resource, context, object);
    await admit(env, resource, call, request(namespace, object), 'validate');
    if (call.dryRun) return await dryRun(env, resource, object);
    handedOver = true;
    const ttlSeconds = strategy.ttlSeconds?.(object);
    const stored = resource.convert?.toStored(object) ?? object;
    const cached = await env.storage.create(resource, stored, {
      ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
      ...(allocation === undefined ? {} : { allocation }),
    });
    return { created: true, result: { cached } };
  } finally {
    if (!handedOver) await allocation?.rollback();
  }
}

async function dryRun(env: WriteEnv, resource: Resource, object: KubeObject): Promise<Written> {
  const { namespace = '', name = '' } = object.metadata;
  if (await env.storage.exists(resource, namespace, name)) {
    throw Errors.alreadyExists(resource.group, name);
  }
  return { created: true, result: { object } };
}

function request(namespace: string, object: KubeObject): Admitted {
  return { operation: 'CREATE', namespace, name: object.metadata.name ?? '', object, oldObject: undefined };
}

/** Checks against the URL, and what a creator may not say. */
function checkNew(resource: Resource, namespace: string, object: KubeObject): void {
  const { metadata } = object;
  if (resource.kind.namespaced) {
    if ((metadata.namespace ?? '') === '') metadata.namespace = namespace;
    if (metadata.namespace !== namespace) {
      throw Errors.badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
  } else delete metadata.namespace;
  if ((metadata.resourceVersion ?? '') !== '') {
    // Upstream's storage error, which it does not turn into a Status with a reason.
    throw new StatusError('', 'resourceVersion should not be set on objects to be created', undefined, 500);
  }
}

/** System fields are the server's: whatever the client said of them is overwritten. */
function fillMetadata(env: WriteEnv, resource: Resource, object: KubeObject): void {
  const { metadata } = object;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.resourceVersion;
  metadata.creationTimestamp = timestamp(env.clock.now());
  metadata.uid = randomUUID();
  if (resource.kind.generation) metadata.generation = 1;
  else delete metadata.generation;
}

function prepare(resource: Resource, object: KubeObject): void {
  if (!resource.kind.subresources.includes('status') || resource.strategy.keepStatusOnCreate === true) return;
  delete (object as { status?: unknown }).status;
}

function noFreeName(error: StatusError): StatusError {
  return new StatusError(
    'AlreadyExists',
    `${error.status.message}, the server was not able to generate a unique name for the object`,
    error.status.details,
  );
}
