import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Directive, directiveError } from '../corefile/parse.js';
import type { Upstream } from '../upstream/messages.js';
import { Rcode } from '../wire/constants.js';
import { createForward, type ForwardOptions } from './forward.js';
import type { Plugin } from './plugin.js';
import { duration, expectArgs, nameArgument, type PluginSetup } from './setup-context.js';

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
    zone: nameArgument(from, directive),
    upstreams,
    policy: 'random',
    except: [],
    forceTcp: false,
    preferUdp: false,
    maxFails: 2,
    maxConcurrent: 0,
    failfastAllUnhealthy: false,
    healthCheckMs: 500,
    expireMs: 10_000,
    failover: [],
    next: [],
  };
  for (const line of directive.block) applyProperty(line, options);
  const { logger, metrics } = setup.runtime.server;
  return createForward(options, logger, metrics);
}

function applyProperty(line: Directive, options: ForwardOptions): void {
  const [first = ''] = line.args;
  const property = properties[line.name];
  if (property === undefined) throw directiveError(line, `unknown property '${line.name}'`);
  property(options, first, line);
}

const properties: Record<string, (options: ForwardOptions, first: string, line: Directive) => void> = {
  except: (o, _first, line) => {
    o.except.push(...line.args.map((z) => nameArgument(z, line)));
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
    o.healthCheckMs = duration(first, line) * 1000;
    if (o.healthCheckMs <= 0) throw directiveError(line, `health_check: duration must be positive: ${first}`);
    for (const word of line.args.slice(1)) healthCheckOption(word, line);
  },
  expire: (o, first, line) => {
    o.expireMs = duration(first, line) * 1000;
    if (o.expireMs <= 0) throw directiveError(line, `expire must be positive: ${first}`);
  },
  tls: (o, _first, line) => {
    const [cert, key, ca] = expectArgs(line, 0, 3);
    const files =
      line.args.length === 1
        ? { ca: cert! }
        : { cert: cert!, key: key!, ...(ca === undefined ? {} : { ca }) };
    for (const upstream of o.upstreams)
      if (upstream.tls !== undefined && line.args.length > 0) Object.assign(upstream.tls, files);
  },
  tls_servername: (o, _first, line) => {
    const [serverName = ''] = expectArgs(line, 1);
    for (const upstream of o.upstreams) if (upstream.tls !== undefined) upstream.tls.serverName = serverName;
  },
  failover: (o, _first, line) => {
    o.failover = rcodes(line);
  },
  next: (o, _first, line) => {
    o.next = rcodes(line);
  },
};

/** `no_rec` and `domain NAME` shape upstream's probe; ours asks for the root and takes any answer as health. */
function healthCheckOption(word: string, line: Directive): void {
  if (word === 'no_rec') return;
  const at = line.args.indexOf(word);
  if (word === 'domain' || line.args[at - 1] === 'domain') return;
  throw directiveError(line, `health_check: unknown option ${JSON.stringify(word)}`);
}

function rcodes(line: Directive): number[] {
  return expectArgs(line, 1, 20).map((text) => {
    const known = Object.entries(Rcode).find(([name]) => name === text.toUpperCase());
    if (known === undefined)
      throw directiveError(line, `${line.name}: unknown rcode ${JSON.stringify(text)}`);
    return known[1];
  });
}

function count(text: string, line: Directive): number {
  if (!/^\d{1,9}$/.test(text)) throw directiveError(line, `${line.name}: '${text}' is not a number`);
  return Number(text);
}

/** An address with optional port and `dns://` or `tls://`, or a resolv.conf file with `nameserver` lines. */
function upstreamsOf(text: string, at: Directive): Upstream[] {
  if (text.startsWith('/')) return fromResolvConf(text, at);
  const match =
    /^(?:(dns|tls):\/\/)?(?:\[([0-9a-fA-F:]+)\](?::(\d+))?|([0-9.]+)(?::(\d+))?|([0-9a-fA-F:]+))(?:%([\w.-]+))?$/.exec(
      text,
    );
  const host = match?.[2] ?? match?.[4] ?? match?.[6];
  if (match === null || host === undefined || isIP(host) === 0) {
    throw directiveError(at, `not an IP address or file: ${JSON.stringify(text)}`);
  }
  const tls = match[1] === 'tls' ? { tls: match[7] === undefined ? {} : { serverName: match[7] } } : {};
  return [{ host, port: Number(match[3] ?? match[5] ?? (match[1] === 'tls' ? 853 : 53)), ...tls }];
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
