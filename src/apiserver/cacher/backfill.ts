import { CompactedError, prefixEnd, type Store, type StoreEvent } from '#storage';
import { CacheEvent } from './cache-event.js';
import { Entry, type ObjectContext } from './cached-object.js';

const TIMEOUT_MS = 3_000;
const PROGRESS_MS = 50;

/** A bound on what is read back for one late watcher. */
const MAX_EVENTS = 50_000;

/**
 * Reads the events in `(after, until]` back from the store's history, for watchers that resume from before this
 * cache began (a restart) or from before what it still remembers. Undefined when the store no longer has them.
 */
export async function readHistory(
  store: Store,
  context: ObjectContext,
  { after, until, now }: { after: number; until: number; now: number },
): Promise<CacheEvent[] | undefined> {
  const controller = new AbortController();
  const deadline = setTimeout(() => controller.abort(), TIMEOUT_MS);
  const watch = store.watch(context.prefix, prefixEnd(context.prefix), {
    startRevision: after + 1,
    prevKv: true,
    signal: controller.signal,
  });
  store.requestProgress(watch);
  const ask = setInterval(() => store.requestProgress(watch), PROGRESS_MS);
  const events: CacheEvent[] = [];
  try {
    for await (const batch of watch) {
      for (const event of batch.events) {
        const made = toCacheEvent(context, event, now);
        if (made === undefined || events.length >= MAX_EVENTS) return undefined;
        if (made.revision <= until) events.push(made);
      }
      if (batch.revision >= until) return events;
    }
    return undefined;
  } catch (error) {
    if (error instanceof CompactedError) return undefined;
    throw error;
  } finally {
    clearTimeout(deadline);
    clearInterval(ask);
    controller.abort();
  }
}

/** Undefined for a deletion whose last state is not known: nothing honest can be said about it. */
function toCacheEvent(context: ObjectContext, event: StoreEvent, now: number): CacheEvent | undefined {
  const before = event.prev;
  const previous =
    before === undefined ? undefined : new Entry(context, before.key, before.value, before.modRevision);
  if (event.type === 'delete') {
    return previous === undefined ? undefined : new CacheEvent(event.modRevision, undefined, previous, now);
  }
  const { kv } = event;
  // An update whose predecessor was compacted would look like a creation.
  if (previous === undefined && kv.version > 1) return undefined;
  return new CacheEvent(kv.modRevision, new Entry(context, kv.key, kv.value, kv.modRevision), previous, now);
}
