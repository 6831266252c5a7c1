import { type Directive, directiveError, parseDuration } from '../corefile/parse.js';
import { type CacheLimits, type CacheOptions, createCache } from './cache.js';
import type { Plugin } from './plugin.js';
import { argumentError, duration, expectArgs, integer, type PluginSetup } from './setup-context.js';
import { zoneNames } from './zone-names.js';

const CAPACITY = 9984;
const MIN_TTL_S = 5;

/** `cache [TTL] [ZONES...] { ... }` (CoreDNS plugin/cache). */
export function setupCache(directive: Directive, setup: PluginSetup): Plugin {
  if (setup.made.has('cache'))
    throw directiveError(directive, 'this plugin can only be used once per Server Block');
  const args = [...directive.args];
  const options: CacheOptions = {
    zones: setup.zones,
    success: { capacity: CAPACITY, maxTtlS: 3600, minTtlS: MIN_TTL_S, disabled: [] },
    denial: { capacity: CAPACITY, maxTtlS: 1800, minTtlS: MIN_TTL_S, disabled: [] },
    servfailS: 5,
    prefetch: 0,
    prefetchGapS: 60,
    prefetchPercent: 10,
    staleS: 0,
    verifyStale: false,
    keepTtl: false,
  };
  if (args[0] !== undefined && /^-?\d+$/.test(args[0])) {
    const ttl = positiveTtl(args.shift()!, directive);
    options.success.maxTtlS = ttl;
    options.denial.maxTtlS = ttl;
  }
  if (args.length > 0) options.zones = args.flatMap((z) => zoneNames(z, directive));
  for (const line of directive.block) {
    const property = properties[line.name];
    if (property === undefined) throw argumentError(line);
    property(options, line);
  }
  return createCache(options, setup.runtime.server.metrics);
}

function positiveTtl(text: string, at: Directive): number {
  const ttl = integer(text, at, -0x7fffffff);
  if (ttl <= 0) throw directiveError(at, `cache TTL can not be zero or negative: ${ttl}`);
  return ttl;
}

const properties: Record<string, ((options: CacheOptions, line: Directive) => void) | undefined> = {
  success: (o, line) => limits(o.success, line),
  denial: (o, line) => limits(o.denial, line),
  prefetch: (o, line) => {
    const [amount, gap, percent] = expectArgs(line, 1, 3);
    o.prefetch = integer(amount, line, 0);
    if (gap !== undefined) o.prefetchGapS = duration(gap, line);
    if (percent === undefined) return;
    if (!percent.endsWith('%'))
      throw directiveError(line, `last character of percentage should be \`%\`, but is: '${percent.at(-1)}'`);
    o.prefetchPercent = integer(percent.slice(0, -1), line, -1e9, 1e9);
    if (o.prefetchPercent < 10 || o.prefetchPercent > 90)
      throw directiveError(line, `percentage should fall in range [10, 90]: ${o.prefetchPercent}`);
  },
  serve_stale: (o, line) => {
    const [stale = '1h', mode = 'immediate', timeout] = expectArgs(line, 0, 3);
    o.staleS = duration(stale, line);
    if (mode !== 'immediate' && mode !== 'verify')
      throw directiveError(line, `invalid value for serve_stale refresh mode: ${mode}`);
    if (timeout !== undefined && parseDuration(timeout) === undefined) duration(timeout, line);
    o.verifyStale = mode === 'verify';
  },
  servfail: (o, line) => {
    o.servfailS = duration(expectArgs(line, 1)[0], line);
    if (o.servfailS > 300)
      throw directiveError(line, 'caching SERVFAIL responses over 5 minutes is not permitted');
  },
  disable: (o, line) => {
    const [kind, ...zones] = line.args;
    if (kind !== 'success' && kind !== 'denial')
      throw directiveError(line, `cache type for disable must be "success" or "denial"`);
    o[kind].disabled = zones.length === 0 ? [[]] : zones.flatMap((z) => zoneNames(z, line));
  },
  keepttl: (o, line) => {
    expectArgs(line, 0);
    o.keepTtl = true;
  },
};

function limits(target: CacheLimits, line: Directive): void {
  const [capacity, max, min] = expectArgs(line, 1, 3);
  target.capacity = Math.max(1024, integer(capacity, line, 0));
  if (max !== undefined) target.maxTtlS = positiveTtl(max, line);
  if (min === undefined) return;
  const value = integer(min, line, -0x7fffffff);
  if (value < 0) throw directiveError(line, `cache min TTL can not be negative: ${value}`);
  target.minTtlS = value;
}
