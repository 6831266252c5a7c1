import type { Family } from '../state/addresses.js';
import { type DesiredPort, type Target, targetKey } from '../state/desired.js';
import type { ServicePort } from '../state/service-port.js';
import { addElement, type Facts } from './facts.js';
import { l4, nftFamily, shortHash } from './names.js';

/**
 * Where a generic list is looked up. `vip` lists are keyed by destination address and port, `nodeport` lists by
 * port alone; the `-local` ones hold the endpoints for traffic policy Local of external destinations.
 */
export type ListKind = 'vip' | 'vip-local' | 'nodeport' | 'nodeport-local';

const MAP_PREFIX: Record<ListKind, string> = {
  vip: '',
  'vip-local': 'local-',
  nodeport: 'nodeport-',
  'nodeport-local': 'nodeport-local-',
};

/** Name of the endpoint map of a protocol and list kind. */
export function endpointMap(kind: ListKind, protocol: string): string {
  return `${MAP_PREFIX[kind]}endpoints-${protocol}`;
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
  facts: Facts,
  port: ServicePort,
  family: Family,
  kind: ListKind,
  count: number,
): string {
  const protocol = l4(port.protocol);
  const algorithm = port.algorithm === 'source-hash' ? 'hash' : 'random';
  const name = `${MAP_PREFIX[kind]}${protocol}-${algorithm}-${count}`;
  const ip = nftFamily(family);
  const destination = kind.startsWith('vip') ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
  const map = endpointMap(kind, protocol);
  const rule = `dnat ${ip} to ${destination} . ${picker(port, family, count)} map @${map}`;
  facts.objects.set(name, { kind: 'chain', rules: [rule] });
  return name;
}

/** A list with a chain of its own, so that its round-robin position is shared with nobody. */
function rotatingChain(
  facts: Facts,
  port: ServicePort,
  family: Family,
  name: string,
  list: readonly Target[],
): void {
  const protocol = l4(port.protocol);
  const ip = nftFamily(family);
  const definition = `typeof numgen inc mod 65536 : ${ip} daddr . ${protocol} dport ;`;
  facts.objects.set(`endpoints-${name}`, { kind: 'map', definition });
  for (const [i, target] of list.entries()) {
    addElement(facts, `endpoints-${name}`, String(i), targetText(target));
  }
  const rule = `meta l4proto ${protocol} dnat ${ip} to ${picker(port, family, list.length)} map @endpoints-${name}`;
  facts.objects.set(name, { kind: 'chain', rules: [rule] });
}

/** Clients remembered per endpoint; a full set loses stickiness for newcomers, never traffic. */
const AFFINITY_SET_SIZE = 1_048_576;

/** The endpoint's own chain: remembers the client, then sends it there. Shared by the port's lists. */
function stickyEndpoint(facts: Facts, port: ServicePort, family: Family, target: Target): string {
  const name = `${shortHash(`${port.id} ${targetKey(target)}`)}-${label(port)}`;
  const type = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const definition = `type ${type} ; size ${AFFINITY_SET_SIZE} ; flags dynamic,timeout ; timeout ${port.affinitySeconds}s ;`;
  facts.objects.set(`affinity-${name}`, { kind: 'set', definition });
  facts.objects.set(`endpoint-${name}`, {
    kind: 'chain',
    rules: [
      `update @affinity-${name} { ${nftFamily(family)} saddr }`,
      `meta l4proto ${l4(port.protocol)} dnat to ${socketText(target, family)}`,
    ],
  });
  return name;
}

function stickyChain(
  facts: Facts,
  port: ServicePort,
  family: Family,
  name: string,
  list: readonly Target[],
): void {
  const endpoints = list.map((target) => stickyEndpoint(facts, port, family, target));
  const remembered = [...new Set(endpoints)].map(
    (endpoint) => `${nftFamily(family)} saddr @affinity-${endpoint} goto endpoint-${endpoint}`,
  );
  const choices = endpoints.map((endpoint, i) => `${i} : goto endpoint-${endpoint}`);
  const pick = `${picker(port, family, list.length)} vmap { ${choices.join(', ')} }`;
  facts.objects.set(name, { kind: 'chain', rules: [...remembered, pick] });
}

/**
 * Contributes a list's chain and endpoints and returns the chain to go to. `keys` are the destinations
 * (`address . port`, or `port`) under which a generic list's endpoints are found.
 */
export function renderList(
  facts: Facts,
  desired: DesiredPort,
  family: Family,
  which: 'cluster' | 'local',
  at: { kind: ListKind; keys: readonly string[] },
): string {
  const { port } = desired;
  const list = desired[which];
  const own = `${shortHash(`${port.id} ${which}`)}-${label(port)}`;
  if (port.affinitySeconds !== undefined) {
    stickyChain(facts, port, family, `sticky-${own}`, list);
    return `sticky-${own}`;
  }
  if (port.algorithm === 'round-robin') {
    rotatingChain(facts, port, family, `rotate-${own}`, list);
    return `rotate-${own}`;
  }
  const map = endpointMap(at.kind, l4(port.protocol));
  for (const key of at.keys) {
    for (const [i, target] of list.entries()) addElement(facts, map, `${key} . ${i}`, targetText(target));
  }
  return genericChain(facts, port, family, at.kind, list.length);
}
