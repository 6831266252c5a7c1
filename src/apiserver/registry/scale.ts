import {
  type autoscaling,
  Errors,
  type KindInfo,
  type KubeObject,
  labelSelectorOf,
  type meta,
  selectorFromMap,
} from '#api';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { negotiate } from '../request/negotiation.js';
import { decodeObject } from './bodies.js';
import { patchSource } from './patch.js';
import { MODIFIED } from './preconditions.js';
import { copyOf, type Resource } from './resource.js';
import { objectOf, objectResponse, readOffer, type Subject } from './respond.js';
import { scaleEntries, workloadEntries } from './scale-fields.js';
import { type UpdateSource, updateObject } from './update.js';
import type { WriteCall, WriteEnv } from './write-call.js';
import { checkKind, fieldValidation, reportWarnings, writeCall } from './write-options.js';

interface Scalable extends KubeObject {
  spec?: { replicas?: number; selector?: meta.LabelSelector | Record<string, string> };
  status?: { replicas?: number };
}

/** GET, PUT and PATCH of `/scale`: the replica count of a workload behind one kind, autoscaling/v1 Scale. */
export async function scaleObject(
  env: WriteEnv,
  context: RequestContext,
  resource: Resource,
  scaleKind: KindInfo,
): Promise<ApiResponse> {
  const scaled: Resource = { ...resource, kind: scaleKind, apiVersion: 'autoscaling/v1', strategy: {} };
  const form = negotiate(context.request.headers['accept'], readOffer(scaled));
  const { namespace, name } = context.info;
  const answer = (subject: Subject): ApiResponse => {
    const object = scaleOf(resource, objectOf(resource, subject) as Scalable);
    return objectResponse(context, scaled, 200, form, { object });
  };
  if (context.info.verb === 'get') {
    const cached = await resource.cacher.get(namespace, name);
    if (cached === undefined) throw Errors.notFound(resource.group, name);
    return answer({ cached });
  }
  const call = writeCall(context, context.info.verb === 'patch' ? 'PatchOptions' : 'UpdateOptions');
  const source = await scaleSource(env, context, scaled, call);
  const written = await updateObject(env, resource, call, namespace, name, {
    ...source,
    produce: async (current) => {
      const scale = (await source.produce(scaleOf(resource, current as Scalable))) as autoscaling.Scale;
      const object = withReplicas(resource, current as Scalable, scale);
      if (source.tracksFields) takeFields(resource, object, current as Scalable, scale);
      return object;
    },
    mayCreate: false,
    unconditional: true,
  });
  return answer(written.result);
}

/** Applying a Scale has said who manages the count: that is kept with the workload. */
function takeFields(
  resource: Resource,
  object: KubeObject,
  current: Scalable,
  scale: autoscaling.Scale,
): void {
  const { managedFields } = current.metadata;
  object.metadata.managedFields = workloadEntries(
    managedFields,
    scale.metadata.managedFields,
    resource.apiVersion,
  );
}

/** Reads the body and says which Scale it makes of the present one. */
async function scaleSource(
  env: WriteEnv,
  context: RequestContext,
  scaled: Resource,
  call: WriteCall,
): Promise<UpdateSource> {
  if (context.info.verb === 'patch') return patchSource(env, context, scaled, call);
  const validation = fieldValidation(context);
  const body = await context.request.body();
  const decoded = decodeObject(scaled.kind, body, context.request.headers['content-type'], validation);
  reportWarnings(context, decoded.warnings);
  checkKind(scaled.kind, decoded.object);
  return { produce: () => decoded.object, tracksFields: false, mayCreate: false, unconditional: true };
}

function withReplicas(resource: Resource, current: Scalable, scale: autoscaling.Scale): KubeObject {
  const { name, uid, resourceVersion } = scale.metadata;
  if ((name ?? '') !== '' && name !== current.metadata.name) {
    throw Errors.badRequest(
      `the name of the object (${name}) does not match the name on the URL (${current.metadata.name})`,
    );
  }
  const stale = (resourceVersion ?? '') !== '' && resourceVersion !== current.metadata.resourceVersion;
  if (stale || ((uid ?? '') !== '' && uid !== current.metadata.uid)) {
    throw Errors.conflict(resource.group, current.metadata.name ?? '', MODIFIED);
  }
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) {
    throw Errors.invalid({ group: 'autoscaling', kind: 'Scale' }, current.metadata.name ?? '', [
      {
        type: 'FieldValueInvalid',
        field: 'spec.replicas',
        message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
      },
    ]);
  }
  const object = copyOf(current);
  object.spec = { ...object.spec, replicas };
  return object;
}

function scaleOf(resource: Resource, object: Scalable): autoscaling.Scale & KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const managedFields = scaleEntries(object.metadata.managedFields);
  const selector = selectorText(resource.kind.kind, object.spec?.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(managedFields.length === 0 ? {} : { managedFields }),
    },
    spec: { ...(object.spec?.replicas ? { replicas: object.spec.replicas } : {}) },
    status: {
      replicas: object.status?.replicas ?? 0,
      ...(selector === '' ? {} : { selector }),
    },
  };
}

/** A selector in the text form that clients put into `labelSelector`. */
function selectorText(
  kind: string,
  selector: meta.LabelSelector | Record<string, string> | undefined,
): string {
  if (selector === undefined) return '';
  const plain = kind === 'ReplicationController';
  return String(
    plain
      ? selectorFromMap(selector as Record<string, string>)
      : labelSelectorOf(selector as meta.LabelSelector),
  );
}
