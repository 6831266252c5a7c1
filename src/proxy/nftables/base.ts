import type { LocalDetector, NodeSettings } from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { NamedObject } from './facts.js';
import { endpointMap, type ListKind } from './lists.js';
import { nftFamily } from './names.js';

/** A chain of the table's skeleton; `hook` is set for base chains. */
export interface BaseObject {
  name: string;
  object: NamedObject;
  hook: string;
}

const LIST_KINDS: readonly ListKind[] = ['vip', 'vip-local', 'nodeport', 'nodeport-local'];
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

function set(name: string, definition: string): BaseObject {
  return { name, object: { kind: 'set', definition }, hook: '' };
}

function map(name: string, definition: string): BaseObject {
  return { name, object: { kind: 'map', definition }, hook: '' };
}

function chain(name: string, rules: string[], hook = ''): BaseObject {
  return { name, object: { kind: 'chain', rules }, hook };
}

function endpointMaps(family: Family): BaseObject[] {
  const ip = nftFamily(family);
  return PROTOCOLS.flatMap((protocol) =>
    LIST_KINDS.map((kind) => {
      const destination = kind.startsWith('vip') ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
      const data = `${ip} daddr . ${protocol} dport`;
      return map(endpointMap(kind, protocol), `typeof ${destination} . numgen random mod 65536 : ${data} ;`);
    }),
  );
}

function setsAndMaps(family: Family): BaseObject[] {
  const ip = nftFamily(family);
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const byAddress = `typeof ${ip} daddr . meta l4proto . th dport : verdict ;`;
  const byPort = 'typeof meta l4proto . th dport : verdict ;';
  return [
    set('cluster-ips', `type ${address} ;`),
    set('nodeport-ips', `type ${address} ;`),
    set('service-cidrs', `type ${address} ; flags interval ;`),
    set('hairpin-connections', `typeof ${ip} saddr . ${ip} daddr . meta l4proto . th dport ;`),
    ...['service-ips', 'external-lists', 'local-lists', 'no-endpoint-services', 'firewall-ips'].map((name) =>
      map(name, byAddress),
    ),
    ...['service-nodeports', 'nodeport-lists', 'nodeport-local-lists', 'no-endpoint-nodeports'].map((name) =>
      map(name, byPort),
    ),
    ...endpointMaps(family),
  ];
}

/** Matches for "comes from a pod of this node" and its opposite; undefined without a detector for the family. */
function sourceMatches(
  detector: LocalDetector | undefined,
  family: Family,
): { isLocal: string; isNotLocal: string } | undefined {
  const match = (field: string, value: string) => ({
    isLocal: `${field} ${value}`,
    isNotLocal: `${field} != ${value}`,
  });
  if (detector?.kind === 'bridge') return match('iifname', `"${detector.name}"`);
  if (detector?.kind === 'prefix') return match('iifname', `"${detector.prefix}*"`);
  const cidrs = detector?.cidrs.filter((cidr) => cidr.family === family) ?? [];
  if (cidrs.length === 0) return undefined;
  const texts = cidrs.map((cidr) => cidr.text);
  return match(`${nftFamily(family)} saddr`, texts.length === 1 ? texts[0]! : `{ ${texts.join(', ')} }`);
}

const lookup = (ip: string, name: string) => `${ip} daddr . meta l4proto . th dport vmap @${name}`;
const portLookup = (name: string) => `meta l4proto . th dport vmap @${name}`;

/** NodePorts answer on chosen addresses, or on every local one but loopback (that would need route_localnet). */
function nodePortMatch(settings: NodeSettings): string {
  const ip = nftFamily(settings.family);
  if (settings.nodePortAddresses !== 'all') return `${ip} daddr @nodeport-ips`;
  const loopback = settings.family === 'IPv4' ? '127.0.0.0/8' : '::1';
  return `fib daddr type local ${ip} daddr != ${loopback}`;
}

function dispatchRules(settings: NodeSettings): string[] {
  const ip = nftFamily(settings.family);
  const source = sourceMatches(settings.localDetector, settings.family);
  const rules: string[] = [];
  if (settings.masqueradeAll) rules.push(`${ip} daddr @cluster-ips jump mark-for-masquerade`);
  else if (source !== undefined) {
    rules.push(`${ip} daddr @cluster-ips ${source.isNotLocal} jump mark-for-masquerade`);
  }
  return [
    ...rules,
    lookup(ip, 'service-ips'),
    `${nodePortMatch(settings)} ${portLookup('service-nodeports')}`,
  ];
}

/**
 * Policy chains for destinations reached from outside. Cluster: any endpoint, masqueraded since the answer must
 * come back through this node. Local: pods and the node itself go to any endpoint, as if they had gone out to
 * the load balancer and come back to a node with endpoints; everybody else only to endpoints here.
 */
function policyChains(settings: NodeSettings): BaseObject[] {
  const ip = nftFamily(settings.family);
  const source = sourceMatches(settings.localDetector, settings.family);
  const pair = (name: string, cluster: string, local: string) => [
    chain(`${name}-cluster`, ['jump mark-for-masquerade', cluster]),
    chain(`${name}-short-circuit`, [cluster]),
    chain(`${name}-local`, [
      ...(source === undefined ? [] : [`${source.isLocal} goto ${name}-short-circuit`]),
      'fib saddr type local jump mark-for-masquerade',
      `fib saddr type local goto ${name}-short-circuit`,
      local,
    ]),
  ];
  return [
    ...pair('external', lookup(ip, 'external-lists'), lookup(ip, 'local-lists')),
    ...pair('nodeport', portLookup('nodeport-lists'), portLookup('nodeport-local-lists')),
  ];
}

function masqueradeRules(settings: NodeSettings): string[] {
  const ip = nftFamily(settings.family);
  const mark = hex(settings.masqueradeMark);
  return [
    // The bit is cleared again: an IPsec or tunnel packet passes here a second time and keeps its mark.
    `meta mark & ${mark} != 0 meta mark set meta mark ^ ${mark} masquerade fully-random`,
    `${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`,
  ];
}

function helperChains(settings: NodeSettings): BaseObject[] {
  const ip = nftFamily(settings.family);
  return [
    chain('reject-chain', ['reject']),
    chain('mark-for-masquerade', [`meta mark set meta mark | ${hex(settings.masqueradeMark)}`]),
    chain('masquerading', masqueradeRules(settings)),
    chain('firewall-check', [lookup(ip, 'firewall-ips')]),
    chain('service-endpoints-check', [lookup(ip, 'no-endpoint-services')]),
    chain('nodeport-endpoints-check', [`${nodePortMatch(settings)} ${portLookup('no-endpoint-nodeports')}`]),
    chain('cluster-ips-check', [`${ip} daddr @cluster-ips reject`, `${ip} daddr @service-cidrs drop`]),
    ...policyChains(settings),
    chain('services', dispatchRules(settings)),
  ];
}

const hook = (type: string, name: string, priority: number) =>
  `type ${type} hook ${name} priority ${priority} ; policy accept ;`;

function baseChains(): BaseObject[] {
  const isNew = (target: string) => `ct state new jump ${target}`;
  return [
    // Before DNAT: the firewall judges the destination that the client asked for.
    chain('filter-prerouting-pre-dnat', [isNew('firewall-check')], hook('filter', 'prerouting', -110)),
    chain('filter-output-pre-dnat', [isNew('firewall-check')], hook('filter', 'output', -110)),
    chain('nat-prerouting', ['jump services'], hook('nat', 'prerouting', -100)),
    chain('nat-output', ['jump services'], hook('nat', 'output', -100)),
    chain('nat-postrouting', ['jump masquerading'], hook('nat', 'postrouting', 100)),
    chain(
      'filter-input',
      [isNew('nodeport-endpoints-check'), isNew('service-endpoints-check')],
      hook('filter', 'input', 0),
    ),
    chain(
      'filter-forward',
      [isNew('service-endpoints-check'), isNew('cluster-ips-check')],
      hook('filter', 'forward', 0),
    ),
    chain(
      'filter-output',
      [isNew('service-endpoints-check'), isNew('cluster-ips-check')],
      hook('filter', 'output', 0),
    ),
  ];
}

/** The table's skeleton for these settings: everything that does not belong to a single Service. */
export function baseObjects(settings: NodeSettings): BaseObject[] {
  return [...setsAndMaps(settings.family), ...helperChains(settings), ...baseChains()];
}

/** Elements that come from the node's settings, as `container key`. */
export function settingsElements(settings: NodeSettings): string[] {
  const addresses = settings.nodePortAddresses === 'all' ? [] : settings.nodePortAddresses;
  return [
    ...addresses.map((address) => `nodeport-ips ${address}`),
    ...settings.serviceCIDRs.map((cidr) => `service-cidrs ${cidr}`),
  ];
}
