import type { Family } from '../state/addresses.js';
import { type DesiredPort, type Target, targetKey } from '../state/desired.js';
import type { ServicePort } from '../state/service-port.js';
import type { FactSink } from './facts.js';
import { type Generation, l4, nftFamily, shortHash } from './names.js';

/**
 * Where a generic list is looked up. `vip` lists are keyed by destination address and port, `nodeport` lists by
 * port alone; the `-local` ones hold the endpoints for traffic policy Local of external destinations.
 */
export type ListKind = 'vip' | 'vip-local' | 'nodeport' | 'nodeport-local';

export const LIST_KINDS: readonly ListKind[] = ['vip', 'vip-local', 'nodeport', 'nodeport-local'];

const MAP_PREFIX: Record<ListKind, string> = {
  vip: '',
  'vip-local': 'local-',
  nodeport: 'nodeport-',
  'nodeport-local': 'nodeport-local-',
};

/** Name of the endpoint map of a protocol and list kind. */
export function endpointMap(kind: ListKind, protocol: string, generation: Generation): string {
  return `${MAP_PREFIX[kind]}endpoints-${protocol}${generation}`;
}

/** Settings that a Service's own facts depend on. */
export interface RenderContext {
  family: Family;
  nodeIP: string | undefined;
  generation: Generation;
}

/** Fixed, so that a source keeps its endpoint across restarts and reaches the same one through any node. */
const HASH_SEED = '0x6b756265';

function picker(port: ServicePort, family: Family, count: number): string {
  if (port.algorithm === 'source-hash') {
    return `jhash ${nftFamily(family)} saddr mod ${count} seed ${HASH_SEED}`;
  }
  return `numgen ${port.algorithm === 'round-robin' ? 'inc' : 'random'} mod ${count}`;
}

function targetText(target: Target): string {
  return `${target.ip} . ${target.port}`;
}

function socketText(target: Target, family: Family): string {
  return family === 'IPv4' ? `${target.ip}:${target.port}` : `[${target.ip}]:${target.port}`;
}

/** Readable tail of generated names; upstream names its chains alike. */
function label(port: ServicePort): string {
  return `${port.service}/${l4(port.protocol)}/${port.portName}`.slice(0, 90);
}

/**
 * The generic chain for lists of `count` endpoints: every Service with as many endpoints shares it, and the
 * Service's own data are elements of a global map. This is why a change costs the same at any number of Services.
 */
function genericChain(
  sink: FactSink,
  port: ServicePort,
  { family, generation }: RenderContext,
  kind: ListKind,
  count: number,
): string {
  const protocol = l4(port.protocol);
  const algorithm = port.algorithm === 'source-hash' ? 'hash' : 'random';
  const name = `${MAP_PREFIX[kind]}${protocol}-${algorithm}-${count}${generation}`;
  sink.object(name, () => {
    const ip = nftFamily(family);
    const destination = kind.startsWith('vip') ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
    const map = endpointMap(kind, protocol, generation);
    const rule = `dnat ${ip} to ${destination} . ${picker(port, family, count)} map @${map}`;
    return { kind: 'chain', rules: [rule] };
  });
  return name;
}

/** A list with a chain of its own, so that its round-robin position is shared with nobody. */
function rotatingChain(
  sink: FactSink,
  port: ServicePort,
  family: Family,
  name: string,
  list: readonly Target[],
): void {
  const protocol = l4(port.protocol);
  const ip = nftFamily(family);
  // Not the number alone: nft 1.1.7 writes it in the wrong byte order then.
  const definition = `typeof meta l4proto . numgen inc mod 65536 : ${ip} daddr . ${protocol} dport ; counter ;`;
  sink.object(`endpoints-${name}`, () => ({ kind: 'map', definition }));
  for (const [i, target] of list.entries()) {
    sink.element(`endpoints-${name}`, `${protocol} . ${i}`, targetText(target));
  }
  const index = picker(port, family, list.length);
  const rule = `meta l4proto ${protocol} dnat ${ip} to meta l4proto . ${index} map @endpoints-${name}`;
  sink.object(name, () => ({ kind: 'chain', rules: [rule] }));
}

/** Clients remembered per endpoint; a full set loses stickiness for newcomers, never traffic, and metrics tell. */
const AFFINITY_SET_SIZE = 1_048_576;

function stickyName(port: ServicePort, target: Target): string {
  return `${shortHash(`${port.id} ${targetKey(target)}`)}-${label(port)}`;
}

function ownName(port: ServicePort, which: 'cluster' | 'local'): string {
  return `${shortHash(`${port.id} ${which}`)}-${label(port)}`;
}

/**
 * The objects that count a port's connections where they are not elements of the global maps: the maps of rotating
 * lists and the chains of sticky endpoints.
 */
export function countingObjects({
  port,
  cluster,
  local,
}: DesiredPort): { kind: 'map' | 'chain'; name: string }[] {
  if (port.affinitySeconds !== undefined) {
    const names = new Set([...cluster, ...local].map((target) => stickyName(port, target)));
    return [...names].map((name) => ({ kind: 'chain', name: `endpoint-${name}` }));
  }
  if (port.algorithm !== 'round-robin') return [];
  const used = (['cluster', 'local'] as const).filter(
    (which) => (which === 'cluster' ? cluster : local).length > 0,
  );
  return used.map((which) => ({ kind: 'map', name: `endpoints-rotate-${ownName(port, which)}` }));
}

/** The endpoint's own chain: remembers the client, then sends it there. Shared by the port's lists. */
function stickyEndpoint(sink: FactSink, port: ServicePort, family: Family, target: Target): string {
  const name = stickyName(port, target);
  const type = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const definition = `type ${type} ; size ${AFFINITY_SET_SIZE} ; flags dynamic,timeout ; timeout ${port.affinitySeconds}s ;`;
  sink.object(`affinity-${name}`, () => ({ kind: 'set', definition }));
  sink.object(`endpoint-${name}`, () => ({
    kind: 'chain',
    rules: [
      // A full set ends the rule before it counts: what the next one counts more was not remembered.
      `update @affinity-${name} { ${nftFamily(family)} saddr } counter`,
      `meta l4proto ${l4(port.protocol)} counter dnat to ${socketText(target, family)}`,
    ],
  }));
  return name;
}

function stickyChain(
  sink: FactSink,
  port: ServicePort,
  family: Family,
  name: string,
  list: readonly Target[],
): void {
  const endpoints = list.map((target) => stickyEndpoint(sink, port, family, target));
  const remembered = [...new Set(endpoints)].map(
    (endpoint) => `${nftFamily(family)} saddr @affinity-${endpoint} goto endpoint-${endpoint}`,
  );
  const choices = endpoints.map((endpoint, i) => `${i} : goto endpoint-${endpoint}`);
  const pick = `${picker(port, family, list.length)} vmap { ${choices.join(', ')} }`;
  sink.object(name, () => ({ kind: 'chain', rules: [...remembered, pick] }));
}

/**
 * Contributes a list's chain and endpoints and returns the chain to go to. `keys` are the destinations
 * (`address . port`, or `port`) under which a generic list's endpoints are found.
 */
export function renderList(
  sink: FactSink,
  desired: DesiredPort,
  context: RenderContext,
  which: 'cluster' | 'local',
  at: { kind: ListKind; keys: readonly string[] },
): string {
  const { port } = desired;
  const list = desired[which];
  if (port.affinitySeconds !== undefined || port.algorithm === 'round-robin') {
    const own = ownName(port, which);
    const [name, write] =
      port.affinitySeconds === undefined
        ? ([`rotate-${own}`, rotatingChain] as const)
        : ([`sticky-${own}`, stickyChain] as const);
    write(sink, port, context.family, name, list);
    return name;
  }
  const map = endpointMap(at.kind, l4(port.protocol), context.generation);
  for (const key of at.keys) {
    for (let i = 0; i < list.length; i++) sink.element(map, `${key} . ${i}`, targetText(list[i]!));
  }
  return genericChain(sink, port, context, at.kind, list.length);
}
