import { encodeProtobufParts, encodeYaml, type KubeObject } from '#api';
import type { CachedList, CachedObject } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import type { Negotiated } from '../request/negotiation.js';
import { encodeProtobufItems } from './bodies.js';
import { encodePartialItems, partialObject } from './partial.js';
import type { Resource } from './resource.js';
import { objectOf } from './respond.js';
import { buildTable, tableOptions } from './table.js';

/** Items turned into another form per turn of the event loop. */
const ITEMS_PER_TURN = 200;

/** How a list is written some items at a time. */
interface ListForm {
  head: Buffer;
  /** `first`: nothing has been written after the head. */
  items(objects: KubeObject[], first: boolean): Buffer;
  tail: Buffer;
}

/** A list as its envelope, whose member `key` is filled with what `print` makes of the objects. */
interface ListDocument {
  envelope: Record<string, unknown>;
  key: 'items' | 'rows';
  print(objects: KubeObject[]): object[];
}

/**
 * A list in a form that has to be built item by item. The event loop runs between the pieces, and no more than one
 * piece is held at a time; short lists, and protobuf ones, whose length stands in front, are answered whole.
 */
export function listResponse(
  context: RequestContext,
  resource: Resource,
  form: Negotiated,
  list: CachedList,
): ApiResponse | Promise<ApiResponse> {
  const headers = { 'content-type': form.contentType };
  if (form.encoding === 'protobuf') return protobufResponse(resource, form, list, headers);
  const document = documentOf(context, resource, form, list);
  const how = form.encoding === 'yaml' ? yamlForm(document, list.items.length) : jsonForm(document);
  const slice = (from: number) => how.items(objectsOf(resource, list.items, from), from === 0);
  if (list.items.length <= ITEMS_PER_TURN) {
    return { status: 200, headers, body: Buffer.concat([how.head, slice(0), how.tail]) };
  }
  return { status: 200, headers, body: piecesOf(how, list.items.length, slice), document: true };
}

async function* piecesOf(
  how: ListForm,
  count: number,
  slice: (from: number) => Buffer,
): AsyncGenerator<Buffer> {
  yield how.head;
  for (let from = 0; from < count; from += ITEMS_PER_TURN) {
    if (from > 0) await turn();
    yield slice(from);
  }
  yield how.tail;
}

async function protobufResponse(
  resource: Resource,
  form: Negotiated,
  list: CachedList,
  headers: Record<string, string>,
): Promise<ApiResponse> {
  const { type, encode } = protobufForm(resource, form);
  const parts = [encode(listMetadata(list), [])];
  for (let from = 0; from < list.items.length; from += ITEMS_PER_TURN) {
    if (from > 0) await turn();
    parts.push(encode(undefined, objectsOf(resource, list.items, from)));
  }
  return { status: 200, headers, body: encodeProtobufParts(type, parts) };
}

/** What the list is, and how parts of it are written. */
function protobufForm({ kind, apiVersion }: Resource, form: Negotiated) {
  if (form.transform === 'partial') {
    const type = { apiVersion: form.transformVersion, kind: 'PartialObjectMetadataList' };
    return { type, encode: encodePartialItems };
  }
  const encode = (metadata: Record<string, unknown> | undefined, objects: KubeObject[]) => {
    const items = objects.map(withoutType);
    return encodeProtobufItems(kind, metadata === undefined ? { items } : { metadata, items });
  };
  return { type: { apiVersion, kind: `${kind.kind}List` }, encode };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function objectsOf(resource: Resource, items: CachedObject[], from: number): KubeObject[] {
  return items.slice(from, from + ITEMS_PER_TURN).map((cached) => objectOf(resource, { cached }));
}

function documentOf(
  context: RequestContext,
  resource: Resource,
  form: Negotiated,
  list: CachedList,
): ListDocument {
  const metadata = listMetadata(list);
  const { kind, apiVersion } = resource;
  if (form.transform === 'table') {
    const options = tableOptions(context.info, form.transformVersion, Date.now());
    return {
      envelope: { ...buildTable(kind, [], options, metadata) },
      key: 'rows',
      print: (objects) => buildTable(kind, objects, options, metadata).rows,
    };
  }
  if (form.transform === 'partial') {
    const { transformVersion } = form;
    return {
      envelope: { kind: 'PartialObjectMetadataList', apiVersion: transformVersion, metadata, items: [] },
      key: 'items',
      print: (objects) => objects.map((object) => partialObject(object, transformVersion)),
    };
  }
  const envelope = { kind: `${kind.kind}List`, apiVersion, metadata, items: [] };
  return { envelope, key: 'items', print: (objects) => objects.map(withoutType) };
}

/** Items of a list do not say again what they are. */
function withoutType({ kind: _kind, apiVersion: _apiVersion, ...item }: KubeObject): object {
  return item;
}

function jsonForm({ envelope, key, print }: ListDocument): ListForm {
  const text = JSON.stringify(envelope);
  const at = text.lastIndexOf(`"${key}":[]`) + key.length + 4;
  return {
    head: Buffer.from(text.slice(0, at), 'utf8'),
    items: (objects, first) => {
      const inside = JSON.stringify(print(objects)).slice(1, -1);
      return Buffer.from(first ? inside : `,${inside}`, 'utf8');
    },
    tail: Buffer.from(`${text.slice(at)}\n`, 'utf8'),
  };
}

/** Keys are in alphabetical order, as encodeYaml has them; sequences stand at the indentation of their key, as Go has them. */
function yamlForm({ envelope, key, print }: ListDocument, count: number): ListForm {
  const part = (wanted: (name: string) => boolean) => {
    const chosen = Object.entries(envelope).filter(([name]) => wanted(name));
    return chosen.length === 0 ? Buffer.alloc(0) : encodeYaml(Object.fromEntries(chosen));
  };
  const opening = Buffer.from(count === 0 ? `${key}: []\n` : `${key}:\n`);
  return {
    head: Buffer.concat([part((name) => name < key), opening]),
    items: (objects) => (objects.length === 0 ? Buffer.alloc(0) : encodeYaml(print(objects))),
    tail: part((name) => name > key),
  };
}

function listMetadata(list: CachedList): Record<string, unknown> {
  return {
    resourceVersion: String(list.revision),
    ...(list.continue === undefined ? {} : { continue: list.continue }),
    ...(list.remainingItemCount === undefined ? {} : { remainingItemCount: list.remainingItemCount }),
  };
}
