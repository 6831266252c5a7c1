import { isStatus } from '#api';
import type { CacheWatch, WatchItem, WatchOptions } from '../cacher/cacher.js';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { listQuery } from '../registry/query.js';
import type { Resource } from '../registry/resource.js';
import { watchOffer } from '../registry/respond.js';
import { selectionOf } from '../registry/selection.js';
import { toStatusError } from '../request/errors.js';
import { negotiate } from '../request/negotiation.js';
import { type Framer, framerOf } from './framer.js';
import type { Pace } from './pace.js';

/** Upstream's --min-request-timeout: watches without a timeout of their own live this long, up to twice. */
const MIN_WATCH_SECONDS = 1800;
/** Bytes joined into one write at most; a client that reads slowly gets its backlog in such pieces. */
const WRITE_BYTES = 256 * 1024;

/** A watch that has begun. */
export interface StartedWatch<T> {
  contentType: string;
  /** The events' frames, some at a time as `pack` makes them; the last may be an ERROR event. */
  frames: AsyncGenerator<T>;
  /** The frames are text. */
  text: boolean;
  /** Aborts when the watch has ended, whether the client reads or not. */
  over?: AbortSignal;
}

/** What becomes of some frames that are to be sent together. */
type Pack<T> = (frames: Buffer[]) => T;

/** A watch request over HTTP: frames one after the other. */
export async function watchObjects(
  context: RequestContext,
  resource: Resource,
  drain: AbortSignal,
  pace: Pace,
): Promise<ApiResponse> {
  const pack: Pack<Buffer> = (some) => pace.writes.join(some);
  const { contentType, frames, over } = await startWatch(context, resource, drain, pace, pack);
  const headers = { 'content-type': contentType, 'cache-control': 'no-cache, private' };
  return { status: 200, headers, body: frames, ...(over === undefined ? {} : { over }) };
}

/**
 * Starts the watch that a request asks for. A start that is too old gives one ERROR event, which is what reflectors
 * expect (apiserver/pkg/endpoints/handlers/watch.go); other refusals are thrown as StatusError.
 */
export async function startWatch<T>(
  context: RequestContext,
  resource: Resource,
  drain: AbortSignal,
  pace: Pace,
  pack: Pack<T>,
): Promise<StartedWatch<T>> {
  const form = negotiate(context.request.headers['accept'], watchOffer(resource));
  const framer = framerOf(context, resource, form);
  const signal = AbortSignal.any([context.request.signal, drain]);
  const options = watchOptions(context, resource, signal);
  const text = form.encoding === 'json';
  const contentType = text ? form.contentType : `${form.contentType};stream=watch`;
  try {
    const watch = await resource.cacher.watch(options);
    return { contentType, text, frames: framesOf(watch, framer, pace, pack), over: watch.over };
  } catch (error) {
    if (!isStatus(error, 'Expired', 'Gone')) throw error;
    return { contentType, text, frames: single(pack([framer.error(error)])) };
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

async function* framesOf<T>(watch: CacheWatch, framer: Framer, pace: Pace, pack: Pack<T>): AsyncGenerator<T> {
  const iterator = watch[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      await pace.turn();
      yield* batches(next.value, framer, pack);
      await pace.rest();
    }
  } catch (error) {
    yield pack([framer.error(toStatusError(error))]);
  } finally {
    await iterator.return?.();
  }
}

/** The frames of some items, in as few batches as is sensible. */
function* batches<T>(items: WatchItem[], framer: Framer, pack: Pack<T>): Generator<T> {
  let frames: Buffer[] = [];
  let size = 0;
  for (const item of items) {
    const frame = framer.event(item);
    frames.push(frame);
    size += frame.length;
    if (size < WRITE_BYTES) continue;
    yield pack(frames);
    frames = [];
    size = 0;
  }
  if (size > 0) yield pack(frames);
}

async function* single<T>(item: T): AsyncGenerator<T> {
  yield item;
}
