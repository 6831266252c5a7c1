import { isStatus, type KubeObject, type StatusError } from '#api';
import type { CacheWatch, WatchItem, WatchOptions } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { partialObject } from '../registry/partial.js';
import { listQuery } from '../registry/query.js';
import type { Resource } from '../registry/resource.js';
import { objectOf, watchOffer } from '../registry/respond.js';
import { selectionOf } from '../registry/selection.js';
import { buildTable, tableOptions } from '../registry/table.js';
import { toStatusError } from '../request/errors.js';
import { type Negotiated, negotiate } from '../request/negotiation.js';
import type { Pace } from './pace.js';

/** Upstream's --min-request-timeout: watches without a timeout of their own live this long, up to twice. */
const MIN_WATCH_SECONDS = 1800;
/** Bytes joined into one write at most; a client that reads slowly gets its backlog in such pieces. */
const WRITE_BYTES = 256 * 1024;

/** Writes one item of a watch in the negotiated form. */
type Framer = (item: WatchItem) => Buffer;

/**
 * A watch request: newline-delimited JSON events. A start that is too old is answered with 200 and one ERROR
 * event, which is what reflectors expect (apiserver/pkg/endpoints/handlers/watch.go).
 */
export async function watchObjects(
  context: RequestContext,
  resource: Resource,
  drain: AbortSignal,
  pace: Pace,
): Promise<ApiResponse> {
  const form = negotiate(context.request.headers['accept'], watchOffer);
  const framer = framerOf(context, resource, form);
  const signal = AbortSignal.any([context.request.signal, drain]);
  const options = watchOptions(context, resource, signal);
  const headers = { 'content-type': form.contentType, 'cache-control': 'no-cache, private' };
  try {
    const watch = await resource.cacher.watch(options);
    return { status: 200, headers, body: frames(watch, framer, pace) };
  } catch (error) {
    if (!isStatus(error, 'Expired', 'Gone')) throw error;
    return { status: 200, headers, body: single(errorFrame(error)) };
  }
}

function watchOptions(context: RequestContext, resource: Resource, signal: AbortSignal): WatchOptions {
  const query = listQuery(context.info, true);
  const selection = selectionOf(context.info, resource);
  // The legacy /watch/ path names one object.
  if (context.info.parts[1] !== undefined) selection.name = context.info.parts[1];
  const seconds = query.timeoutSeconds ?? 0;
  return {
    selection,
    ...(query.resourceVersion === undefined ? {} : { resourceVersion: query.resourceVersion }),
    ...(query.sendInitialEvents === undefined ? {} : { sendInitialEvents: query.sendInitialEvents }),
    allowBookmarks: query.allowWatchBookmarks,
    timeoutMs: 1000 * (seconds > 0 ? seconds : MIN_WATCH_SECONDS * (1 + Math.random())),
    signal,
  };
}

async function* frames(watch: CacheWatch, framer: Framer, pace: Pace): AsyncGenerator<Buffer> {
  const iterator = watch[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield* pieces(next.value, framer);
      await pace.rest();
    }
  } catch (error) {
    yield errorFrame(toStatusError(error));
  } finally {
    await iterator.return?.();
  }
}

/** The frames of some items, joined into as few writes as is sensible. */
function* pieces(items: WatchItem[], framer: Framer): Generator<Buffer> {
  let lines: Buffer[] = [];
  let size = 0;
  for (const item of items) {
    const line = framer(item);
    lines.push(line);
    size += line.length;
    if (size < WRITE_BYTES) continue;
    yield Buffer.concat(lines, size);
    lines = [];
    size = 0;
  }
  if (size > 0) yield lines.length === 1 ? lines[0]! : Buffer.concat(lines, size);
}

async function* single(frame: Buffer): AsyncGenerator<Buffer> {
  yield frame;
}

/** An ERROR event that carries a Status. */
function errorFrame(error: StatusError): Buffer {
  return Buffer.from(`${JSON.stringify({ type: 'ERROR', object: error.status })}\n`, 'utf8');
}

function framerOf(context: RequestContext, resource: Resource, form: Negotiated): Framer {
  if (form.transform === 'table') return tableFramer(context, resource, form);
  if (form.transform === 'partial') {
    const name = `partial/${form.transformVersion}`;
    return shared(resource, name, (object) => partialObject(object, form.transformVersion));
  }
  if (resource.convert === undefined) return (item) => item.line();
  return shared(resource, `kind/${resource.apiVersion}`, (object) => object);
}

/** Only the first event of a watch carries the column definitions. */
function tableFramer(context: RequestContext, resource: Resource, form: Negotiated): Framer {
  const options = tableOptions(context.info, form.transformVersion, 0);
  const name = `table/${form.transformVersion}/${options.includeObject}/${resource.apiVersion}`;
  const table = (object: KubeObject) => {
    const objects = object.metadata.name === undefined ? [] : [object];
    return buildTable(resource.kind, objects, { ...options, now: Date.now() }, object.metadata);
  };
  const first = shared(resource, `${name}/first`, table);
  const next = shared(resource, name, (object) => ({ ...table(object), columnDefinitions: null }));
  let started = false;
  return (item) => {
    if (item.object === undefined) return first(item);
    const framer = started ? next : first;
    started = true;
    return framer(item);
  };
}

/** A framer whose frames are built once per event and shared by all watchers that want the same form. */
function shared(resource: Resource, name: string, form: (object: KubeObject) => unknown): Framer {
  const build = (item: WatchItem): Buffer => {
    const object =
      item.object === undefined ? bookmark(resource, item) : objectOf(resource, { cached: item.object });
    return Buffer.from(`${JSON.stringify({ type: item.type, object: form(object) })}\n`, 'utf8');
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
