import type { core } from '#api';
import { parseCidr } from '#base';
import { type Directive, directiveError } from '../corefile/parse.js';
import type { DnsServerDeps } from '../dns-server.js';
import { type Name, parseName } from '../wire/name.js';
import { InformerState } from '../zone/cluster-state.js';
import { ClusterZone, type ClusterZoneOptions } from '../zone/cluster-zone.js';
import { createKubernetesPlugin } from './kubernetes.js';
import { createLoadbalance } from './loadbalance.js';
import type { Plugin } from './plugin.js';
import { setupForward } from './setup-forward.js';

/** What a directive may use and change of its server block. */
export interface PluginSetup {
  zones: Name[];
  deps: DnsServerDeps;
  localIps: () => string[];
  /** Addresses to listen on; set by `bind`. */
  bind: string[];
}

type Setup = (directive: Directive, setup: PluginSetup) => Plugin | undefined;

/** Plugins in the order in which they run, which is not the Corefile's (coredns plugin.cfg). */
export const setups: Map<string, Setup> = new Map<string, Setup>([
  ['bind', setupBind],
  ['loadbalance', setupLoadbalance],
  ['kubernetes', setupKubernetes],
  ['forward', setupForward],
]);

function setupBind(directive: Directive, setup: PluginSetup): undefined {
  if (directive.args.length === 0) throw directiveError(directive, 'bind needs at least one address');
  setup.bind.push(...directive.args);
  return undefined;
}

function setupLoadbalance(directive: Directive): Plugin {
  const [policy = 'round_robin'] = directive.args;
  if (policy !== 'round_robin') throw directiveError(directive, `loadbalance: unknown policy '${policy}'`);
  return createLoadbalance();
}

const DEFAULT_TTL = 5;

function setupKubernetes(directive: Directive, setup: PluginSetup): Plugin {
  const zones =
    directive.args.length === 0 ? setup.zones : directive.args.flatMap((z) => zoneNames(z, directive));
  let ttl = DEFAULT_TTL;
  let fallthrough: Name[] = [];
  let endpoints = true;
  let labels: string | undefined;
  const options: ClusterZoneOptions = {
    zones,
    pods: 'disabled',
    endpointPodNames: false,
    ignoreEmptyService: false,
    exposed: () => true,
    localIps: setup.localIps,
  };
  for (const line of directive.block) {
    const [first = ''] = line.args;
    switch (line.name) {
      case 'ttl':
        if (!/^\d+$/.test(first) || Number(first) > 3600)
          throw directiveError(line, `ttl must be in range [0, 3600]: ${first}`);
        ttl = Number(first);
        break;
      case 'pods':
        if (first !== 'disabled' && first !== 'insecure' && first !== 'verified') {
          throw directiveError(
            line,
            `wrong value for pods: ${first}, must be one of: disabled, verified, insecure`,
          );
        }
        options.pods = first;
        break;
      case 'fallthrough':
        fallthrough = line.args.length === 0 ? zones : line.args.flatMap((z) => zoneNames(z, line));
        break;
      case 'endpoint_pod_names':
        options.endpointPodNames = true;
        break;
      case 'noendpoints':
        endpoints = false;
        break;
      case 'ignore':
        if (first !== 'empty_service') throw directiveError(line, `unable to parse ignore value: '${first}'`);
        options.ignoreEmptyService = true;
        break;
      case 'namespaces': {
        const names = new Set(line.args);
        if (names.size > 0) options.exposed = (ns: core.Namespace) => names.has(ns.metadata.name!);
        break;
      }
      case 'labels':
        labels = line.args.join(' ');
        break;
      default:
        throw directiveError(line, `unknown property '${line.name}'`);
    }
  }
  const state = new InformerState(setup.deps.informers, {
    pods: options.pods === 'verified',
    endpoints,
    ...(labels === undefined ? {} : { labels }),
  });
  return createKubernetesPlugin(state, new ClusterZone(state, options), { ttl, fallthrough });
}

/** A zone name, or the reverse zones of a CIDR (`10.96.0.0/16` becomes `96.10.in-addr.arpa`). */
function zoneNames(text: string, at: Directive): Name[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [parseName(text.toLowerCase())];
  const step = cidr.family === 4 ? 8 : 4;
  if (cidr.prefix % step !== 0) throw directiveError(at, `${text}: prefix must be a multiple of ${step}`);
  const width = cidr.family === 4 ? 32 : 128;
  const labels: string[] = [];
  for (let bit = 0; bit < cidr.prefix; bit += step) {
    const part = Number((cidr.base >> BigInt(width - bit - step)) & ((1n << BigInt(step)) - 1n));
    labels.unshift(part.toString(cidr.family === 4 ? 10 : 16));
  }
  return [[...labels, cidr.family === 4 ? 'in-addr' : 'ip6', 'arpa']];
}
