import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Directive, directiveError, parseDuration } from '../corefile/parse.js';
import { parseName } from '../wire/name.js';
import { createForward, type ForwardOptions, type Upstream } from './forward.js';
import type { Plugin } from './plugin.js';
import type { PluginSetup } from './setup-context.js';

const MAX_UPSTREAMS = 15;

/** `forward FROM TO... { ... }` (CoreDNS plugin/forward). */
export function setupForward(directive: Directive, setup: PluginSetup): Plugin {
  const [from, ...to] = directive.args;
  if (from === undefined || to.length === 0)
    throw directiveError(directive, 'forward needs a zone and at least one upstream');
  const upstreams = to.flatMap((text) => upstreamsOf(text, directive));
  if (upstreams.length > MAX_UPSTREAMS)
    throw directiveError(directive, `more than ${MAX_UPSTREAMS} TOs configured: ${upstreams.length}`);
  const options: ForwardOptions = {
    zone: parseName(from.toLowerCase()),
    upstreams,
    policy: 'random',
    except: [],
    forceTcp: false,
    preferUdp: false,
    maxFails: 2,
    maxConcurrent: 0,
    failfastAllUnhealthy: false,
    healthCheckMs: 500,
  };
  for (const line of directive.block) applyProperty(line, options);
  return createForward(options, setup.runtime.server.logger);
}

function applyProperty(line: Directive, options: ForwardOptions): void {
  const [first = ''] = line.args;
  const property = properties[line.name];
  if (property === undefined) throw directiveError(line, `unknown property '${line.name}'`);
  property(options, first, line);
}

const properties: Record<string, (options: ForwardOptions, first: string, line: Directive) => void> = {
  except: (o, _first, line) => {
    o.except.push(...line.args.map((z) => parseName(z.toLowerCase())));
  },
  force_tcp: (o) => {
    o.forceTcp = true;
  },
  prefer_udp: (o) => {
    o.preferUdp = true;
  },
  failfast_all_unhealthy_upstreams: (o) => {
    o.failfastAllUnhealthy = true;
  },
  policy: (o, first, line) => {
    if (first !== 'random' && first !== 'round_robin' && first !== 'sequential') {
      throw directiveError(line, `unknown policy '${first}'`);
    }
    o.policy = first;
  },
  max_fails: (o, first, line) => {
    o.maxFails = count(first, line);
  },
  max_concurrent: (o, first, line) => {
    o.maxConcurrent = count(first, line);
  },
  health_check: (o, first, line) => {
    const seconds = parseDuration(first);
    if (seconds === undefined) throw directiveError(line, `health_check: bad duration '${first}'`);
    o.healthCheckMs = seconds * 1000;
  },
  // Connections are not pooled: every query has a socket of its own, so there is nothing to expire.
  expire: (_o, first, line) => {
    if (parseDuration(first) === undefined) throw directiveError(line, `expire: bad duration '${first}'`);
  },
};

function count(text: string, line: Directive): number {
  if (!/^\d{1,9}$/.test(text)) throw directiveError(line, `${line.name}: '${text}' is not a number`);
  return Number(text);
}

/** An address with optional port and `dns://`, or a resolv.conf file with `nameserver` lines. */
function upstreamsOf(text: string, at: Directive): Upstream[] {
  if (text.startsWith('/')) return fromResolvConf(text, at);
  const match = /^(?:dns:\/\/)?(?:\[([0-9a-fA-F:]+)\](?::(\d+))?|([0-9.]+)(?::(\d+))?|([0-9a-fA-F:]+))$/.exec(
    text,
  );
  const host = match?.[1] ?? match?.[3] ?? match?.[5];
  if (match === null || host === undefined || isIP(host) === 0) {
    throw directiveError(at, `not an IP address or file: ${JSON.stringify(text)}`);
  }
  return [{ host, port: Number(match[2] ?? match[4] ?? 53) }];
}

function fromResolvConf(path: string, at: Directive): Upstream[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw directiveError(at, `cannot read ${path}: ${(error as Error).message}`);
  }
  const hosts = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((m) => m[1]!).filter((h) => isIP(h) !== 0);
  if (hosts.length === 0) throw directiveError(at, `no nameservers found in ${path}`);
  return hosts.map((host) => ({ host, port: 53 }));
}
