import { encodeProtobuf, encodeWatchFrame, type KubeObject, message, type StatusError } from '#api';
import type { WatchItem } from '../cacher/cacher.js';
import type { RequestContext } from '../contracts.js';
import { encodeProtobuf as encodeKind } from '../registry/bodies.js';
import { encodePartial, partialObject } from '../registry/partial.js';
import type { Resource } from '../registry/resource.js';
import { objectOf } from '../registry/respond.js';
import { buildTable, tableOptions } from '../registry/table.js';
import type { Negotiated } from '../request/negotiation.js';

/** Writes the events of one watch in the negotiated form. */
export interface Framer {
  event(item: WatchItem): Buffer;
  /** An ERROR event that carries a Status. */
  error(error: StatusError): Buffer;
}

type FrameOf = (item: WatchItem) => Buffer;

/** The framer for one watch; frames of the same form are built once and shared by all watches. */
export function framerOf(context: RequestContext, resource: Resource, form: Negotiated): Framer {
  if (form.encoding === 'protobuf') return protobufFramer(resource, form);
  return { event: jsonFrames(context, resource, form), error: (error) => jsonFrame('ERROR', error.status) };
}

function jsonFrames(context: RequestContext, resource: Resource, form: Negotiated): FrameOf {
  if (form.transform === 'table') return tableFrames(context, resource, form);
  if (form.transform === 'partial') {
    const name = `partial/${form.transformVersion}`;
    return sharedJson(resource, name, (object) => partialObject(object, form.transformVersion));
  }
  if (resource.convert === undefined) return (item) => item.line();
  return sharedJson(resource, `kind/${resource.apiVersion}`, (object) => object);
}

/** Only the first event of a watch carries the column definitions. */
function tableFrames(context: RequestContext, resource: Resource, form: Negotiated): FrameOf {
  const options = tableOptions(context.info, form.transformVersion, 0);
  const name = `table/${form.transformVersion}/${options.includeObject}/${resource.apiVersion}`;
  const table = (object: KubeObject) => {
    const objects = object.metadata.name === undefined ? [] : [object];
    return buildTable(resource.kind, objects, { ...options, now: Date.now() }, object.metadata);
  };
  const first = sharedJson(resource, `${name}/first`, table);
  const next = sharedJson(resource, name, (object) => ({ ...table(object), columnDefinitions: null }));
  let started = false;
  return (item) => {
    if (item.object === undefined) return first(item);
    const frame = started ? next : first;
    started = true;
    return frame(item);
  };
}

/** Events as meta.v1.WatchEvent, each after its length (apimachinery, LengthDelimitedFramer). */
function protobufFramer(resource: Resource, { transform, transformVersion }: Negotiated): Framer {
  const partial = transform === 'partial';
  const name = partial ? `protobuf/partial/${transformVersion}` : `protobuf/${resource.apiVersion}`;
  const encode = (object: KubeObject) =>
    partial ? encodePartial(object, transformVersion) : encodeKind(resource.kind, object);
  return {
    event: shared(resource, name, (type, object) => encodeWatchFrame(type, encode(object))),
    error: ({ status }) => encodeWatchFrame('ERROR', encodeProtobuf(status, message('meta.v1.Status'))),
  };
}

function sharedJson(resource: Resource, name: string, form: (object: KubeObject) => unknown): FrameOf {
  return shared(resource, name, (type, object) => jsonFrame(type, form(object)));
}

function jsonFrame(type: string, object: unknown): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`, 'utf8');
}

/** Frames that are built once per event and shared by all watchers that want the same form. */
function shared(
  resource: Resource,
  name: string,
  frame: (type: string, object: KubeObject) => Buffer,
): FrameOf {
  const build = (item: WatchItem): Buffer => {
    const object =
      item.object === undefined ? bookmark(resource, item) : objectOf(resource, { cached: item.object });
    return frame(item.type, object);
  };
  return (item) => item.encoded(name, build);
}

function bookmark(resource: Resource, item: WatchItem): KubeObject {
  return {
    kind: resource.kind.kind,
    apiVersion: resource.apiVersion,
    metadata: {
      resourceVersion: String(item.revision),
      ...(item.initialEventsEnd === true ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
}
