import type { Counter, Metrics } from '#base';
import { Flag, Rcode, Type } from '../wire/constants.js';
import { isBelow, type Name, readName } from '../wire/name.js';
import { type DnsRequest, mapReply, type Next, type Plugin, type Reply } from './plugin.js';

export interface CacheLimits {
  capacity: number;
  maxTtlS: number;
  minTtlS: number;
  /** Zones that are not cached this way. */
  disabled: Name[];
}

export interface CacheOptions {
  zones: Name[];
  success: CacheLimits;
  denial: CacheLimits;
  servfailS: number;
  /** 0 turns prefetching off. */
  prefetch: number;
  prefetchGapS: number;
  prefetchPercent: number;
  /** 0: expired answers are not served. */
  staleS: number;
  verifyStale: boolean;
  keepTtl: boolean;
}

interface Item {
  message: Buffer;
  /** Offsets of the TTL fields. */
  ttls: number[];
  storedAt: number;
  ttlS: number;
  kind: 'success' | 'denial';
  hits: number;
  lastHit: number;
  refreshing: boolean;
}

/**
 * Caches upstream answers (CoreDNS plugin/cache). Answers made of cluster state never get here: they are whole
 * messages only when they came from an upstream, and a cluster's own answers are kept elsewhere until they change.
 */
export function createCache(options: CacheOptions, metrics: Metrics, now: () => number = Date.now): Plugin {
  const items = { success: new Map<string, Item>(), denial: new Map<string, Item>() };
  const counts = cacheMetrics(metrics, items);

  const store = (request: DnsRequest, key: string, reply: Reply): Reply => {
    const item = reply.kind === 'message' ? itemOf(request, reply.message, options, now()) : undefined;
    if (item === undefined) return reply;
    const map = items[item.kind];
    items[item.kind === 'success' ? 'denial' : 'success'].delete(key);
    while (map.size >= options[item.kind].capacity && !map.has(key)) {
      counts.evictions.inc({ type: item.kind });
      map.delete(map.keys().next().value as string);
    }
    map.set(key, item);
    return reply;
  };
  const refresh = (request: DnsRequest, next: Next, key: string, item: Item) => {
    if (item.refreshing) return;
    item.refreshing = true;
    void Promise.resolve(next(request))
      .then((reply) => isFailure(reply) || store(request, key, reply))
      .catch(() => {})
      .finally(() => {
        item.refreshing = false;
      });
  };
  const fromItem = (item: Item, ageS: number, stale: boolean): Reply => ({
    kind: 'message',
    message: aged(item, ageS, stale, options.keepTtl),
    by: 'cache',
  });

  return {
    name: 'cache',
    handle(request, next) {
      if (!options.zones.some((zone) => isBelow(request.labels, zone)) || isTransfer(request))
        return next(request);
      counts.requests.inc();
      const key = keyOf(request);
      const item = items.success.get(key) ?? items.denial.get(key);
      const ageS = item === undefined ? 0 : (now() - item.storedAt) / 1000;
      if (item !== undefined && ageS < item.ttlS) {
        counts.hits.inc({ type: item.kind });
        if (wantsPrefetch(item, ageS, options, now())) {
          counts.prefetch.inc();
          refresh(request, next, key, item);
        }
        return fromItem(item, ageS, false);
      }
      const fetched = () => mapReply(next(request), (reply) => store(request, key, reply));
      if (item === undefined || ageS >= item.ttlS + options.staleS) return fetched();
      counts.stale.inc();
      if (!options.verifyStale) {
        refresh(request, next, key, item);
        return fromItem(item, ageS, true);
      }
      return mapReply(next(request), (reply) =>
        isFailure(reply) ? fromItem(item, ageS, true) : store(request, key, reply),
      );
    },
  };
}

function cacheMetrics(metrics: Metrics, items: Record<'success' | 'denial', Map<string, Item>>) {
  metrics.gauge('coredns_cache_entries', 'The number of elements in the cache.', ['type'], (gauge) => {
    for (const type of ['success', 'denial'] as const) gauge.set(items[type].size, { type });
  });
  const counter = (name: string, help: string, labels: string[] = []): Counter =>
    metrics.counter(`coredns_cache_${name}_total`, help, labels);
  return {
    requests: counter('requests', 'The count of cache requests.'),
    hits: counter('hits', 'The count of cache hits.', ['type']),
    evictions: counter('evictions', 'The count of cache evictions.', ['type']),
    prefetch: counter('prefetch', 'The number of times the cache has prefetched a cached item.'),
    stale: counter('served_stale', 'The number of requests served from stale cache entries.'),
  };
}

function isTransfer({ query }: DnsRequest): boolean {
  return query.type === Type.AXFR || query.type === Type.IXFR;
}

function isFailure(reply: Reply): boolean {
  const rcode = reply.kind === 'answer' ? reply.answer.rcode : reply.message[3]! & 0xf;
  return rcode === Rcode.SERVFAIL || rcode === Rcode.REFUSED;
}

/** Name in lower case, type, class, DO and CD. */
function keyOf({ labels, query }: DnsRequest): string {
  const bits = (query.edns?.do === true ? 1 : 0) | ((query.flags & Flag.CD) !== 0 ? 2 : 0);
  return `${query.type}/${query.class}/${bits}/${labels.map((l) => `${l.length}${l}`).join('')}`;
}

/** What is kept of an answer; undefined when it may not be. */
function itemOf(request: DnsRequest, message: Buffer, options: CacheOptions, now: number): Item | undefined {
  const parsed = scan(message);
  if (parsed === undefined || (message.readUInt16BE(2) & Flag.TC) !== 0) return undefined;
  const rcode = message[3]! & 0xf;
  const base = {
    message: Buffer.from(message),
    ttls: parsed.ttls,
    storedAt: now,
    hits: 0,
    lastHit: 0,
    refreshing: false,
  };
  if (rcode === Rcode.SERVFAIL)
    return options.servfailS === 0 ? undefined : { ...base, kind: 'denial', ttlS: options.servfailS };
  const positive = rcode === Rcode.NOERROR && message.readUInt16BE(6) > 0;
  if (!positive && (!parsed.hasSoa || (rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN)))
    return undefined;
  const kind = positive ? 'success' : 'denial';
  const limits = options[kind];
  if (limits.disabled.some((zone) => isBelow(request.labels, zone))) return undefined;
  const ttlS = Math.max(limits.minTtlS, Math.min(limits.maxTtlS, parsed.minTtl));
  return { ...base, kind, ttlS };
}

/** Where the TTLs of a message stand, and the smallest; undefined when it is malformed. */
function scan(message: Buffer): { ttls: number[]; minTtl: number; hasSoa: boolean } | undefined {
  if (message.length < 12) return undefined;
  const question = readName(message, 12);
  if (question === undefined || message.readUInt16BE(4) !== 1) return undefined;
  let at = question.end + 4;
  const ttls: number[] = [];
  let minTtl = 0x7fffffff;
  let hasSoa = false;
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
  for (let i = 0; i < records; i++) {
    const owner = readName(message, at);
    if (owner === undefined || owner.end + 10 > message.length) return undefined;
    at = owner.end + 10 + message.readUInt16BE(owner.end + 8);
    if (at > message.length) return undefined;
    const type = message.readUInt16BE(owner.end);
    if (type === Type.OPT) continue;
    hasSoa ||= type === Type.SOA;
    ttls.push(owner.end + 4);
    minTtl = Math.min(minTtl, message.readUInt32BE(owner.end + 4));
  }
  return { ttls, minTtl, hasSoa };
}

/** A copy whose TTLs are what is left of the entry's. */
function aged(item: Item, ageS: number, stale: boolean, keepTtl: boolean): Buffer {
  const copy = Buffer.from(item.message);
  const left = stale ? 0 : Math.max(0, Math.floor(item.ttlS - (keepTtl ? 0 : ageS)));
  for (const at of item.ttls) copy.writeUInt32BE(left, at);
  return copy;
}

/** Asked for often enough, and about to expire. */
function wantsPrefetch(item: Item, ageS: number, options: CacheOptions, now: number): boolean {
  if (options.prefetch === 0) return false;
  item.hits = now - item.lastHit < options.prefetchGapS * 1000 ? item.hits + 1 : 1;
  item.lastHit = now;
  const left = item.ttlS - ageS;
  return item.hits >= options.prefetch && left <= Math.max(1, (item.ttlS * options.prefetchPercent) / 100);
}
