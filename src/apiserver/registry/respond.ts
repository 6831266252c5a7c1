import { encodeYaml, type KubeObject } from '#api';
import type { CachedObject } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import type { Negotiated, Offer } from '../request/negotiation.js';
import { encodeProtobuf, hasProtobuf } from './bodies.js';
import { encodePartial, partialObject } from './partial.js';
import { type Resource, viewOf } from './resource.js';
import { buildTable, tableOptions } from './table.js';

/** A stored object, or one that exists only in this request (dry runs). */
export type Subject = { cached: CachedObject } | { object: KubeObject };

/** What objects and lists can be answered as. */
export function readOffer(resource: Resource): Offer {
  return { table: true, partial: true, protobuf: hasProtobuf(resource.kind), yaml: true };
}

/** What watches can frame. */
export function watchOffer(resource: Resource): Offer {
  return { ...readOffer(resource), yaml: false };
}

/** The object in the resource's own kind, as clients see it. Shared: do not edit. */
export function objectOf(resource: Resource, subject: Subject): KubeObject {
  return 'cached' in subject ? viewOf(resource, subject.cached.object()) : subject.object;
}

/** One object in the negotiated form. */
export function objectResponse(
  context: RequestContext,
  resource: Resource,
  status: number,
  form: Negotiated,
  subject: Subject,
): ApiResponse {
  const headers = { 'content-type': form.contentType };
  const plain = form.encoding === 'json' && form.transform === 'none' && resource.convert === undefined;
  if (plain && 'cached' in subject) {
    return { status, headers, body: subject.cached.bytes() };
  }
  const object = objectOf(resource, subject);
  return { status, headers, body: encodeOne(context, resource, form, object) };
}

function encodeOne(
  context: RequestContext,
  resource: Resource,
  form: Negotiated,
  object: KubeObject,
): Buffer {
  if (form.transform === 'partial') {
    if (form.encoding === 'protobuf') return encodePartial(object, form.transformVersion);
    return encode(form, partialObject(object, form.transformVersion));
  }
  if (form.transform === 'table') {
    const options = tableOptions(context.info, form.transformVersion, Date.now());
    return encode(form, buildTable(resource.kind, [object], options, object.metadata));
  }
  if (form.encoding === 'protobuf') return encodeProtobuf(resource.kind, object);
  return encode(form, object);
}

function encode(form: Negotiated, value: unknown): Buffer {
  return form.encoding === 'yaml' ? encodeYaml(value) : Buffer.from(`${JSON.stringify(value)}\n`, 'utf8');
}
