import { encodeYaml, type KubeObject } from '#api';
import type { CachedList, CachedObject } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import type { Negotiated, Offer } from '../request/negotiation.js';
import { encodeProtobuf, encodeProtobufList, hasProtobuf } from './bodies.js';
import { partialList, partialObject } from './partial.js';
import { type Resource, viewOf } from './resource.js';
import { buildTable, tableOptions } from './table.js';

/** Items turned into another form per turn of the event loop. */
const ITEMS_PER_TURN = 200;

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
  if (form.transform === 'partial') return encode(form, partialObject(object, form.transformVersion));
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

/** A list in a form that has to be built item by item; the event loop runs in between. */
export async function listResponse(
  context: RequestContext,
  resource: Resource,
  form: Negotiated,
  list: CachedList,
): Promise<ApiResponse> {
  const metadata = listMetadata(list);
  const headers = { 'content-type': form.contentType };
  const turns: KubeObject[] = [];
  for (const [i, cached] of list.items.entries()) {
    if (i % ITEMS_PER_TURN === ITEMS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    turns.push(objectOf(resource, { cached }));
  }
  const { apiVersion, kind } = resource;
  if (form.transform === 'partial') {
    const body = encode(form, partialList(turns, metadata, form.transformVersion));
    return { status: 200, headers, body };
  }
  if (form.transform === 'table') {
    const options = tableOptions(context.info, form.transformVersion, Date.now());
    return { status: 200, headers, body: await tableBody(resource, turns, options, metadata, form) };
  }
  const items = turns.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
  const whole = { kind: `${kind.kind}List`, apiVersion, metadata, items };
  const body = form.encoding === 'protobuf' ? encodeProtobufList(kind, whole) : encode(form, whole);
  return { status: 200, headers, body };
}

/** A table whose rows are printed some at a time; JSON pieces, or one YAML document. */
async function tableBody(
  resource: Resource,
  objects: KubeObject[],
  options: ReturnType<typeof tableOptions>,
  metadata: Record<string, unknown>,
  form: Negotiated,
): Promise<Buffer | Buffer[]> {
  const table = buildTable(resource.kind, [], options, metadata);
  if (form.encoding === 'yaml') return encode(form, buildTable(resource.kind, objects, options, metadata));
  const head = JSON.stringify(table);
  const pieces = [Buffer.from(`${head.slice(0, head.lastIndexOf('"rows":[]'))}"rows":[`, 'utf8')];
  for (let i = 0; i < objects.length; i += ITEMS_PER_TURN) {
    if (i > 0) await new Promise((resolve) => setImmediate(resolve));
    const { rows } = buildTable(resource.kind, objects.slice(i, i + ITEMS_PER_TURN), options, metadata);
    const text = JSON.stringify(rows).slice(1, -1);
    pieces.push(Buffer.from(i === 0 ? text : `,${text}`, 'utf8'));
  }
  pieces.push(Buffer.from(']}\n', 'utf8'));
  return pieces;
}

function listMetadata(list: CachedList): Record<string, unknown> {
  return {
    resourceVersion: String(list.revision),
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}
