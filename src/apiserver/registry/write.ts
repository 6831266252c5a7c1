import { applyDefaults, decodeDeleteOptions, type KubeObject } from '#api';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { negotiate } from '../request/negotiation.js';
import { jsonResponse } from '../request/respond.js';
import { decodeObject } from './bodies.js';
import { createObject } from './create.js';
import { deleteEach, deleteObject } from './delete.js';
import { type DeleteOptions, optionsFromQuery } from './delete-options.js';
import { patchSource } from './patch.js';
import { listAnswer, listOptions } from './read.js';
import type { Resource } from './resource.js';
import { objectResponse, readOffer } from './respond.js';
import { updateObject } from './update.js';
import type { WriteCall, WriteEnv, Written } from './write-call.js';
import { checkKind, fieldValidation, reportWarnings, writeCall } from './write-options.js';

/** The object in the body: decoded, checked against the endpoint's kind, defaulted. */
function readObject(context: RequestContext, resource: Resource, body: Buffer): KubeObject {
  const contentType = context.request.headers['content-type'];
  const { object, warnings } = decodeObject(resource.kind, body, contentType, fieldValidation(context));
  reportWarnings(context, warnings);
  checkKind(resource.kind, object);
  applyDefaults(resource.kind, object);
  return object;
}

/** POST on a collection. */
export async function postObject(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const call = writeCall(context, 'CreateOptions');
  const object = readObject(context, resource, await context.request.body());
  const written = await createObject(env, resource, call, context.info.namespace, object);
  return objectResponse(context, resource, 201, form, written.result);
}

/** PUT on an object or one of its subresources. */
export async function putObject(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const call = writeCall(context, 'UpdateOptions');
  const body = await context.request.body();
  let first: KubeObject | undefined = readObject(context, resource, body);
  const written = await updateObject(env, resource, call, context.info.namespace, context.info.name, {
    // The engine edits what it gets, and asks again after a lost race.
    produce: () => {
      const mine = first ?? readObject(context, resource, body);
      first = undefined;
      return mine;
    },
    tracksFields: false,
    unconditional: false,
    mayCreate: call.subresource === '' && resource.strategy.allowCreateOnUpdate === true,
  });
  return writtenResponse(context, resource, form, written);
}

/** PATCH on an object or one of its subresources. */
export async function patchObject(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const call = writeCall(context, 'PatchOptions');
  const source = await patchSource(env, context, resource, call);
  const { namespace, name } = context.info;
  const written = await updateObject(env, resource, call, namespace, name, source);
  return writtenResponse(context, resource, form, written);
}

function writtenResponse(
  context: RequestContext,
  resource: Resource,
  form: ReturnType<typeof negotiate>,
  written: Written,
): ApiResponse {
  return objectResponse(context, resource, written.created ? 201 : 200, form, written.result);
}

async function readDeleteOptions(context: RequestContext): Promise<DeleteOptions> {
  const body = await context.request.body();
  const fromQuery = optionsFromQuery(context.info.query);
  if (body.length === 0) return fromQuery;
  return { ...fromQuery, ...decodeDeleteOptions(body, context.request.headers['content-type']) };
}

/** DELETE of one object: answers with the object or a Status, as the kind does upstream. */
export async function deleteOne(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const options = await readDeleteOptions(context);
  const call = deleteCall(context, options);
  const { namespace, name } = context.info;
  const deleted = await deleteObject(env, resource, call, namespace, name, options);
  const status = !deleted.gone && options.orphanDependents === false ? 202 : 200;
  if (!deleted.gone || resource.strategy.returnDeletedObject === true) {
    const subject = deleted.cached === undefined ? deleted : { cached: deleted.cached };
    return objectResponse(context, resource, status, form, subject);
  }
  return jsonResponse(status, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      ...(resource.kind.group === '' ? {} : { group: resource.kind.group }),
      kind: resource.kind.resource,
      uid: deleted.object.metadata.uid,
    },
  });
}

/** How a delete is written: a dry run may be asked for in the query or in the options. */
export function deleteCall(context: RequestContext, options: DeleteOptions): WriteCall {
  const call = writeCall(context, 'DeleteOptions');
  const dryRun = call.dryRun || (options.dryRun ?? []).length > 0;
  return { ...call, dryRun, options: { ...call.options, ...options } };
}

/** DELETE of a collection: answers with the list of what was deleted. */
export async function deleteCollection(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], readOffer(resource));
  const options = await readDeleteOptions(context);
  const list = await resource.cacher.list(listOptions(context, resource));
  const items = await deleteEach(env, resource, deleteCall(context, options), list.items, options);
  return listAnswer(context, resource, form, { revision: list.revision, items });
}
