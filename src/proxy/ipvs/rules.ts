import type { NodeSettings } from '../contract.js';
import { localMatch } from '../iptables/service-rules.js';
import type { Family } from '../state/addresses.js';
import { CHAIN, SETS, type SetName, setName } from './names.js';

type Table = 'nat' | 'filter';

/** A rule in a built-in chain that leads to ours. */
export interface Jump {
  readonly table: Table;
  readonly chain: string;
  readonly rule: string;
}

const jump = (table: Table, chain: string, to: string, comment: string): Jump => ({
  table,
  chain,
  rule: `-m comment --comment "${comment}" -j ${to}`,
});

/** In the order in which they are inserted, each at the top of its chain: the last one is met first. */
export const jumps: readonly Jump[] = [
  jump('nat', 'OUTPUT', CHAIN.services, 'kubernetes service portals'),
  jump('nat', 'PREROUTING', CHAIN.services, 'kubernetes service portals'),
  jump('nat', 'POSTROUTING', CHAIN.postrouting, 'kubernetes postrouting rules'),
  jump('filter', 'FORWARD', CHAIN.forward, 'kubernetes forwarding rules'),
  jump('filter', 'INPUT', CHAIN.nodePort, 'kubernetes health check rules'),
  jump('filter', 'INPUT', CHAIN.firewall, 'kube-proxy firewall rules'),
  jump('filter', 'FORWARD', CHAIN.firewall, 'kube-proxy firewall rules'),
  jump('filter', 'INPUT', CHAIN.filter, 'kubernetes ipvs access filter'),
  jump('filter', 'OUTPUT', CHAIN.outFilter, 'kubernetes ipvs access filter'),
];

/** Our chains per table; KUBE-NODE-PORT exists in both. */
export const chains: Record<Table, readonly string[]> = {
  nat: [CHAIN.services, CHAIN.postrouting, CHAIN.nodePort, CHAIN.loadBalancer, CHAIN.markMasquerade],
  filter: [CHAIN.forward, CHAIN.nodePort, CHAIN.firewall, CHAIN.sourceRanges, CHAIN.filter, CHAIN.outFilter],
};

/**
 * Every rule of our chains, as `-A chain …`, by table. Services are in the sets that the rules ask for, so that rules stay
 * as they are whatever the Services do, except for `outFilter`. Upstream leaves out rules of sets that are empty,
 * which decides nothing.
 */
export function fixedRules(
  settings: NodeSettings,
  outFilter: Iterable<string>,
): Record<Table, readonly string[]> {
  return { nat: natRules(settings), filter: filterRules(settings, outFilter) };
}

const MASQUERADE = `-j ${CHAIN.markMasquerade}`;

function matcher(family: Family) {
  const match = (set: SetName, fields: string) => `-m set --match-set ${setName(set, family)} ${fields}`;
  const named = (set: SetName, fields: string) =>
    `-m comment --comment "${SETS[set].comment}" ${match(set, fields)}`;
  return { match, named };
}

function natRules(settings: NodeSettings): string[] {
  const { family, masqueradeMark } = settings;
  const { match, named } = matcher(family);
  const bit = `0x${masqueradeMark.toString(16)}`;
  const services = (rule: string) => `-A ${CHAIN.services} ${rule}`;
  return [
    services(`-s ${family === 'IPv4' ? '127.0.0.0/8' : '::1/128'} -j RETURN`),
    `-A ${CHAIN.postrouting} ${named('KUBE-LOOP-BACK', 'dst,dst,src')} -j MASQUERADE`,
    services(`${named('KUBE-LOAD-BALANCER', 'dst,dst')} -j ${CHAIN.loadBalancer}`),
    `-A ${CHAIN.loadBalancer} ${named('KUBE-LOAD-BALANCER-LOCAL', 'dst,dst')} -j RETURN`,
    ...nodePortRules(family),
    services(`${clusterIPMatch(settings)} ${MASQUERADE}`),
    services(`${named('KUBE-EXTERNAL-IP', 'dst,dst')} ${MASQUERADE}`),
    ...externalRules(family, 'KUBE-EXTERNAL-IP'),
    ...externalRules(family, 'KUBE-EXTERNAL-IP-LOCAL'),
    services(`-m addrtype --dst-type LOCAL -j ${CHAIN.nodePort}`),
    `-A ${CHAIN.loadBalancer} ${MASQUERADE}`,
    services(`${match('KUBE-CLUSTER-IP', 'dst,dst')} -j ACCEPT`),
    services(`${match('KUBE-LOAD-BALANCER', 'dst,dst')} -j ACCEPT`),
    `-A ${CHAIN.postrouting} -m mark ! --mark ${bit}/${bit} -j RETURN`,
    `-A ${CHAIN.postrouting} -j MARK --xor-mark ${bit}`,
    `-A ${CHAIN.postrouting} -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully`,
    `-A ${CHAIN.markMasquerade} -j MARK --or-mark ${bit}`,
  ];
}

function nodePortRules(family: Family): string[] {
  const { named } = matcher(family);
  const rules = (protocol: string, fields: string, all: SetName, local: SetName) => [
    `-A ${CHAIN.nodePort} -p ${protocol} ${named(local, fields)} -j RETURN`,
    `-A ${CHAIN.nodePort} -p ${protocol} ${named(all, fields)} ${MASQUERADE}`,
  ];
  return [
    ...rules('tcp', 'dst', 'KUBE-NODE-PORT-TCP', 'KUBE-NODE-PORT-LOCAL-TCP'),
    ...rules('udp', 'dst', 'KUBE-NODE-PORT-UDP', 'KUBE-NODE-PORT-LOCAL-UDP'),
    ...rules('sctp', 'dst,dst', 'KUBE-NODE-PORT-SCTP-HASH', 'KUBE-NODE-PORT-LOCAL-SCTP-HASH'),
  ];
}

/** Which connections to cluster IPs are masqueraded. */
function clusterIPMatch(settings: NodeSettings): string {
  const { named } = matcher(settings.family);
  if (settings.masqueradeAll) return named('KUBE-CLUSTER-IP', 'dst,dst');
  const source = localMatch(settings);
  if (source !== undefined) return `${named('KUBE-CLUSTER-IP', 'dst,dst')} ${source.isNotLocal}`;
  // The node reaches a cluster IP from that very address, as it is bound here; the endpoint could not answer it.
  return named('KUBE-CLUSTER-IP', 'src,dst');
}

/** From off the machine, or to an address that the machine has otherwise: nothing more to decide. */
function externalRules(family: Family, set: SetName): string[] {
  const { named } = matcher(family);
  const accept = (rest: string) => `-A ${CHAIN.services} ${named(set, 'dst,dst')} -m ${rest} -j ACCEPT`;
  return [
    accept('physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL'),
    accept('addrtype --dst-type LOCAL'),
  ];
}

function filterRules(settings: NodeSettings, outFilter: Iterable<string>): string[] {
  const { family, masqueradeMark } = settings;
  const { match, named } = matcher(family);
  const bit = `0x${masqueradeMark.toString(16)}`;
  const passes = (set: SetName, fields: string) => `-A ${CHAIN.filter} ${match(set, fields)} -j RETURN`;
  return [
    `-A ${CHAIN.firewall} ${named('KUBE-LOAD-BALANCER-FW', 'dst,dst')} -j ${CHAIN.sourceRanges}`,
    `-A ${CHAIN.sourceRanges} ${named('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src')} -j RETURN`,
    `-A ${CHAIN.sourceRanges} ${named('KUBE-LOAD-BALANCER-SOURCE-IP', 'dst,dst,src')} -j RETURN`,
    `-A ${CHAIN.sourceRanges} -j DROP`,
    ...[...outFilter].sort().map((rule) => `-A ${CHAIN.outFilter} ${rule}`),
    `-A ${CHAIN.forward} -m comment --comment "kubernetes forwarding rules" -m mark --mark ${bit}/${bit} -j ACCEPT`,
    `-A ${CHAIN.forward} -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
    `-A ${CHAIN.nodePort} ${named('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j ACCEPT`,
    // Ports of the node itself stay out of reach through the addresses that it holds for Services.
    passes('KUBE-LOAD-BALANCER', 'dst,dst'),
    passes('KUBE-CLUSTER-IP', 'dst,dst'),
    passes('KUBE-EXTERNAL-IP', 'dst,dst'),
    passes('KUBE-EXTERNAL-IP-LOCAL', 'dst,dst'),
    passes('KUBE-HEALTH-CHECK-NODE-PORT', 'dst'),
    `-A ${CHAIN.filter} -m conntrack --ctstate NEW ${match('KUBE-IPVS-IPS', 'dst')} -j REJECT`,
  ];
}

/** The input of iptables-restore: declaring a chain empties it. `missing` are jumps that are not there yet. */
export function restoreText(rules: Record<Table, readonly string[]>, missing: readonly Jump[]): string {
  const lines = (['nat', 'filter'] as const).flatMap((table) => [
    `*${table}`,
    ...chains[table].map((name) => `:${name} - [0:0]`),
    ...rules[table],
    ...missing.filter((each) => each.table === table).map(({ chain, rule }) => `-I ${chain} 1 ${rule}`),
    'COMMIT',
  ]);
  return `${lines.join('\n')}\n`;
}
