import { Errors, isExpired } from '#api';
import {
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  prefixEnd,
  type SortedMap,
  type Store,
} from '#storage';
import { Entry, type ObjectContext } from './cached-object.js';
import type { CachedList, CachedObject, ListOptions, Selection } from './cacher.js';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.js';
import { needsAttributes, selects } from './selection.js';
import { continueTooOld, listTooOld, tooLargeResourceVersion } from './status.js';

/** Longest stretch of parsing before other work gets the event loop. */
const SLICE_MS = 4;
/** Pairs read from the store at once. */
const PAGE = 5_000;

/** What a list reads from. */
export interface ListSource {
  readonly store: Store;
  readonly context: ObjectContext;
  readonly entries: SortedMap<Entry>;
  readonly revision: number;
  /** Waits for the most recent state, or for `revision`. */
  fresh(revision: number | undefined): Promise<void>;
}

interface Scope {
  start: string;
  end: string;
}

/** The interval of keys that a selection can match. */
export function scopeOf(context: ObjectContext, selection: Selection): Scope {
  const { prefix, namespaced } = context;
  const { namespace, name } = selection;
  const inNamespace = namespaced && namespace !== undefined && namespace !== '';
  const start = inNamespace ? `${prefix}${namespace}/` : prefix;
  if (name !== undefined && (inNamespace || !namespaced)) {
    return { start: start + name, end: `${start}${name}\0` };
  }
  return { start, end: prefixEnd(start) };
}

/** Serves one list; see ListOptions for what the versions mean. */
export async function list(source: ListSource, options: ListOptions): Promise<CachedList> {
  const selection = options.selection ?? {};
  const scope = scopeOf(source.context, selection);
  if (options.continue !== undefined && options.continue !== '') {
    return listContinued(source, scope, selection, options);
  }
  const asked = options.resourceVersion;
  const limit = asked === 0 ? 0 : (options.limit ?? 0);
  const exact = asked !== undefined && asked > 0 && (options.match ?? (limit > 0 ? 'Exact' : '')) === 'Exact';
  if (exact && asked !== source.revision) {
    return listFromStore(source, scope, scope.start, selection, { revision: asked, limit }, options.signal);
  }
  if (asked !== 0) await source.fresh(asked);
  return listFromCache(source, scope, scope.start, selection, limit, options.signal);
}

async function listContinued(
  source: ListSource,
  scope: Scope,
  selection: Selection,
  options: ListOptions,
): Promise<CachedList> {
  if (options.resourceVersion !== undefined && options.resourceVersion !== 0) {
    throw Errors.badRequest('specifying resource version is not allowed when using continue');
  }
  const token: ContinueToken = decodeContinue(options.continue!);
  const from = scope.start + token.start;
  const limit = options.limit ?? 0;
  if (token.revision < 0) await source.fresh(undefined);
  if (token.revision < 0 || token.revision === source.revision) {
    return listFromCache(source, scope, from, selection, limit, options.signal);
  }
  try {
    return await listFromStore(
      source,
      scope,
      from,
      selection,
      { revision: token.revision, limit },
      options.signal,
    );
  } catch (error) {
    if (isExpired(error)) throw continueTooOld(token.start);
    throw error;
  }
}

async function listFromCache(
  source: ListSource,
  scope: Scope,
  from: string,
  selection: Selection,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<CachedList> {
  const { revision, entries } = source;
  if (!needsAttributes(selection) && (selection.name === undefined || selection.namespace !== undefined)) {
    const items = entries.range(from, scope.end, limit > 0 ? limit : undefined);
    const total = limit > 0 && items.length === limit ? entries.count(from, scope.end) : items.length;
    return page(scope, revision, items, total > items.length, total - items.length);
  }
  // The snapshot is taken in one piece; what happens while filtering does not change it.
  const snapshot = entries.range(from, scope.end);
  const found = await filter(snapshot, selection, limit > 0 ? limit + 1 : 0, signal);
  const more = limit > 0 && found.length > limit;
  return page(scope, revision, more ? found.slice(0, limit) : found, more);
}

/** Keeps what the selection wants, at most `max` (0: all), with the event loop free now and then. */
async function filter<T extends CachedObject>(
  objects: T[],
  selection: Selection,
  max: number,
  signal: AbortSignal | undefined,
): Promise<T[]> {
  const found: T[] = [];
  let until = performance.now() + SLICE_MS;
  for (let i = 0; i < objects.length; i++) {
    if (selects(selection, objects[i]!)) found.push(objects[i]!);
    if (max > 0 && found.length >= max) break;
    if ((i & 31) === 31 && performance.now() > until) {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      until = performance.now() + SLICE_MS;
    }
  }
  return found;
}

async function listFromStore(
  source: ListSource,
  scope: Scope,
  from: string,
  selection: Selection,
  { revision, limit }: { revision: number; limit: number },
  signal: AbortSignal | undefined,
): Promise<CachedList> {
  const items: Entry[] = [];
  const filtered = needsAttributes(selection) || selection.name !== undefined;
  // One more than asked tells a filtered list whether there is another page.
  const wanted = limit > 0 ? limit + (filtered ? 1 : 0) : Number.POSITIVE_INFINITY;
  for (let cursor = from; ; ) {
    signal?.throwIfAborted();
    const size = filtered ? PAGE : Math.min(PAGE, wanted - items.length);
    const result = await readPage(source, cursor, scope.end, revision, size);
    const entries = result.kvs.map((kv) => entryOf(source, kv));
    const found = filtered ? await filter(entries, selection, wanted - items.length, signal) : entries;
    for (const entry of found) items.push(entry);
    const more = result.more;
    if (!more || items.length >= wanted) {
      if (!filtered) return page(scope, revision, items, more, result.count - result.kvs.length);
      const cut = items.length > limit && limit > 0;
      return page(scope, revision, cut ? items.slice(0, limit) : items, cut);
    }
    cursor = `${result.kvs[result.kvs.length - 1]!.key}\0`;
  }
}

async function readPage(source: ListSource, start: string, end: string, revision: number, limit: number) {
  try {
    return await source.store.range(start, end, { revision, limit });
  } catch (error) {
    if (error instanceof CompactedError) throw listTooOld();
    if (error instanceof FutureRevisionError) throw tooLargeResourceVersion(revision, error.current);
    throw error;
  }
}

/** Prefers the cache's own entry for a pair, which may be parsed already. */
export function entryOf(source: ListSource, kv: KeyValue): Entry {
  const cached = source.entries.get(kv.key);
  if (cached?.modRevision === kv.modRevision) return cached;
  return new Entry(source.context, kv.key, kv.value, kv.modRevision);
}

function page(
  scope: Scope,
  revision: number,
  items: CachedObject[],
  more: boolean,
  remaining?: number,
): CachedList {
  const last = items[items.length - 1];
  if (!more || last === undefined) return { revision, items };
  const start = `${last.key.slice(scope.start.length)}\0`;
  return {
    revision,
    items,
    continue: encodeContinue({ revision, start }),
    ...(remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}
