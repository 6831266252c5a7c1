import type { LocalDetector, NodeSettings } from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { NamedObject } from './facts.js';
import { endpointMap, LIST_KINDS } from './lists.js';
import { type Generation, nftFamily } from './names.js';

/** A chain of the table's skeleton; `hook` is set for base chains. */
export interface BaseObject {
  name: string;
  object: NamedObject;
  hook: string;
}

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

/**
 * Elements count the packets that find them, which in NAT chains are the first ones of connections: metrics for two
 * additions per connection, without a rule of their own.
 */
const COUNTED = 'counter ;';

function endpointMaps(family: Family, generation: Generation): BaseObject[] {
  const ip = nftFamily(family);
  return PROTOCOLS.flatMap((protocol) =>
    LIST_KINDS.map((kind) => {
      const destination = kind.startsWith('vip') ? `${ip} daddr . ${protocol} dport` : `${protocol} dport`;
      const data = `${ip} daddr . ${protocol} dport`;
      return map(
        endpointMap(kind, protocol, generation),
        `typeof ${destination} . numgen random mod 65536 : ${data} ; ${COUNTED}`,
      );
    }),
  );
}

function setsAndMaps(family: Family, generation: Generation): BaseObject[] {
  const ip = nftFamily(family);
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const byAddress = `typeof ${ip} daddr . meta l4proto . th dport : verdict ;`;
  const byPort = 'typeof meta l4proto . th dport : verdict ;';
  const objects = [
    set('cluster-ips', `type ${address} ;`),
    set('nodeport-ips', `type ${address} ;`),
    set('service-cidrs', `type ${address} ; flags interval ;`),
    set('hairpin-connections', `typeof ${ip} saddr . ${ip} daddr . meta l4proto . th dport ;`),
    map('service-ips', `${byAddress} ${COUNTED}`),
    ...['external-lists', 'local-lists', 'no-endpoint-services', 'firewall-ips'].map((name) =>
      map(name, byAddress),
    ),
    map('service-nodeports', `${byPort} ${COUNTED}`),
    ...['nodeport-lists', 'nodeport-local-lists', 'no-endpoint-nodeports'].map((name) => map(name, byPort)),
  ];
  return [
    ...objects.map((object) => ({ ...object, name: object.name + generation })),
    ...endpointMaps(family, generation),
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

/** The node's settings, and the generation of sets and maps that rules refer to. */
interface Skeleton extends NodeSettings {
  readonly generation: Generation;
}

const lookup = ({ family, generation }: Skeleton, name: string) =>
  `${nftFamily(family)} daddr . meta l4proto . th dport vmap @${name}${generation}`;
const portLookup = ({ generation }: Skeleton, name: string) =>
  `meta l4proto . th dport vmap @${name}${generation}`;

/** NodePorts answer on chosen addresses, or on every local one but loopback (that would need route_localnet). */
function nodePortMatch(settings: Skeleton): string {
  const ip = nftFamily(settings.family);
  if (settings.nodePortAddresses !== 'all') return `${ip} daddr @nodeport-ips${settings.generation}`;
  const loopback = settings.family === 'IPv4' ? '127.0.0.0/8' : '::1';
  return `fib daddr type local ${ip} daddr != ${loopback}`;
}

function dispatchRules(settings: Skeleton): string[] {
  const ip = nftFamily(settings.family);
  const source = sourceMatches(settings.localDetector, settings.family);
  const rules: string[] = [];
  if (settings.masqueradeAll)
    rules.push(`${ip} daddr @cluster-ips${settings.generation} jump mark-for-masquerade`);
  else if (source !== undefined) {
    rules.push(
      `${ip} daddr @cluster-ips${settings.generation} ${source.isNotLocal} jump mark-for-masquerade`,
    );
  }
  return [
    ...rules,
    lookup(settings, 'service-ips'),
    `${nodePortMatch(settings)} ${portLookup(settings, 'service-nodeports')}`,
  ];
}

/**
 * Policy chains for destinations reached from outside. Cluster: any endpoint, masqueraded since the answer must
 * come back through this node. Local: pods and the node itself go to any endpoint, as if they had gone out to
 * the load balancer and come back to a node with endpoints; everybody else only to endpoints here.
 */
function policyChains(settings: Skeleton): BaseObject[] {
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
    ...pair('external', lookup(settings, 'external-lists'), lookup(settings, 'local-lists')),
    ...pair('nodeport', portLookup(settings, 'nodeport-lists'), portLookup(settings, 'nodeport-local-lists')),
  ];
}

function masqueradeRules(settings: Skeleton): string[] {
  const ip = nftFamily(settings.family);
  const mark = hex(settings.masqueradeMark);
  return [
    // The bit is cleared again: an IPsec or tunnel packet passes here a second time and keeps its mark.
    `meta mark & ${mark} != 0 meta mark set meta mark ^ ${mark} masquerade fully-random`,
    `${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections${settings.generation} masquerade fully-random`,
  ];
}

function helperChains(settings: Skeleton): BaseObject[] {
  const ip = nftFamily(settings.family);
  return [
    chain('reject-chain', ['reject']),
    chain('mark-for-masquerade', [`meta mark set meta mark | ${hex(settings.masqueradeMark)}`]),
    chain('masquerading', masqueradeRules(settings)),
    chain('firewall-check', [lookup(settings, 'firewall-ips')]),
    chain('service-endpoints-check', [lookup(settings, 'no-endpoint-services')]),
    chain('nodeport-endpoints-check', [
      `${nodePortMatch(settings)} ${portLookup(settings, 'no-endpoint-nodeports')}`,
    ]),
    chain('cluster-ips-check', [
      `${ip} daddr @cluster-ips${settings.generation} reject`,
      `${ip} daddr @service-cidrs${settings.generation} drop`,
    ]),
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
export function baseObjects(settings: NodeSettings, generation: Generation): BaseObject[] {
  const chains = helperChains({ ...settings, generation });
  return [...setsAndMaps(settings.family, generation), ...chains, ...baseChains()];
}

/** Elements that come from the node's settings. */
export function settingsElements(
  settings: NodeSettings,
  generation: Generation,
): { container: string; key: string }[] {
  const addresses = settings.nodePortAddresses === 'all' ? [] : settings.nodePortAddresses;
  return [
    ...addresses.map((key) => ({ container: `nodeport-ips${generation}`, key })),
    ...settings.serviceCIDRs.map((key) => ({ container: `service-cidrs${generation}`, key })),
  ];
}
