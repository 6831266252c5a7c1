import {
  applyDefaults,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  Errors,
  type Json,
  JsonSyntaxError,
  type KindInfo,
  parseJson,
} from '#api';
import type { RequestContext } from '../contracts.js';
import { parseMediaType } from '../request/accept.js';
import { isTrue } from '../request/request-info.js';
import { checkObject, parseConfiguration } from './bodies.js';
import type { Resource } from './resource.js';
import type { UpdateSource } from './update.js';
import type { WriteCall, WriteEnv } from './write-call.js';
import { checkKind, fieldValidation, reportWarnings } from './write-options.js';

type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Reads a PATCH body and says how it changes an object. Throws UnsupportedMediaType or BadRequest. */
export async function patchSource(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
  call: WriteCall,
): Promise<UpdateSource> {
  const type = patchType(context.request.headers['content-type']);
  if (type === 'apply') return applySource(env, context, resource, call, await context.request.body());
  const patch = await patchDocument(context, resource.kind);
  return {
    produce: (current) => {
      const { object, warnings } = checkObject(resource.kind, patch(current!), fieldValidation(context));
      reportWarnings(context, warnings);
      checkKind(resource.kind, object);
      applyDefaults(resource.kind, object);
      return object;
    },
    tracksFields: false,
    mayCreate: false,
    unconditional: true,
  };
}

/** Reads a patch that is not an apply configuration; the answer applies it to a document without editing that. */
async function patchDocument(
  context: RequestContext,
  kind: KindInfo,
): Promise<(document: object) => unknown> {
  const type = patchType(context.request.headers['content-type']);
  if (type === 'apply')
    throw Errors.unsupportedMediaType(Object.keys(TYPES).filter((t) => TYPES[t] !== 'apply'));
  if (context.info.query.get('force') !== null) {
    throw Errors.invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      {
        type: 'FieldValueForbidden',
        field: 'force',
        message: 'Forbidden: may not be specified for non-apply patch',
      },
    ]);
  }
  const { patch, strictErrors } = parsePatch(await context.request.body());
  const validation = fieldValidation(context);
  if (validation === 'Strict' && strictErrors.length > 0) {
    throw Errors.badRequest(`strict decoding error: ${strictErrors.join(', ')}`);
  }
  if (validation === 'Warn') reportWarnings(context, strictErrors);
  return (document) => {
    if (type === 'json') return applyJsonPatch(document as Json, patch);
    if (type === 'merge') return applyMergePatch(document as Json, patch);
    return applyStrategicMergePatch(kind.message, document, patch);
  };
}

function parsePatch(body: Buffer): { patch: Json; strictErrors: string[] } {
  try {
    const { value, strictErrors } = parseJson(body, { strict: 'duplicates' });
    return { patch: value as Json, strictErrors };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw Errors.badRequest(`error decoding patch: ${error.message}`);
  }
}

function patchType(contentType: string | undefined): PatchType {
  const type = parseMediaType(contentType ?? '')?.type ?? '';
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known === undefined) throw Errors.unsupportedMediaType(Object.keys(TYPES));
  return known;
}

function applySource(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
  call: WriteCall,
  body: Buffer,
): UpdateSource {
  const force = isTrue(context.info.query.get('force'));
  if ((context.info.query.get('fieldManager') ?? '') === '') {
    throw Errors.invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      {
        type: 'FieldValueRequired',
        field: 'fieldManager',
        message: 'Required value: is required for apply patch',
      },
    ]);
  }
  const { configuration, warnings } = parseConfiguration(resource.kind, body, fieldValidation(context));
  reportWarnings(context, warnings);
  return {
    produce: (current) => {
      const merged = env.fields.apply(resource, call, current, configuration, force);
      const { object } = checkObject(resource.kind, merged, 'Ignore');
      checkKind(resource.kind, object);
      applyDefaults(resource.kind, object);
      return object;
    },
    tracksFields: true,
    mayCreate: call.subresource === '',
    unconditional: true,
  };
}
