import type { Address, Family } from '../state/addresses.js';
import { parseAddress } from '../state/addresses.js';
import type { DesiredPort, DesiredService } from '../state/desired.js';
import { admits, type ServicePort } from '../state/service-port.js';
import { addElement, emptyFacts, type Facts } from './facts.js';
import { renderList } from './lists.js';
import { l4, nftFamily, shortHash } from './names.js';

/** Settings that a Service's own facts depend on. */
export interface RenderContext {
  family: Family;
  nodeIP: string | undefined;
}

const REJECT = 'goto reject-chain';

/** What becomes of connections that no chain has dispatched; undefined when the policy has endpoints here. */
function leftover(desired: DesiredPort, isLocalPolicy: boolean): string | undefined {
  if (!desired.hasAny) return REJECT;
  return isLocalPolicy && desired.local.length === 0 ? 'drop' : undefined;
}

function renderClusterIP(facts: Facts, desired: DesiredPort, family: Family): void {
  const { port } = desired;
  if (port.clusterIP === '') return;
  addElement(facts, 'cluster-ips', port.clusterIP);
  const key = `${port.clusterIP} . ${l4(port.protocol)} . ${port.port}`;
  const verdict = leftover(desired, port.internalLocal);
  if (verdict !== undefined) {
    addElement(facts, 'no-endpoint-services', key, verdict);
    return;
  }
  const which = port.internalLocal ? 'local' : 'cluster';
  const at = { kind: 'vip', keys: [`${port.clusterIP} . ${port.port}`] } as const;
  addElement(facts, 'service-ips', key, `goto ${renderList(facts, desired, family, which, at)}`);
}

interface ExternalMaps {
  dispatch: string;
  chain: 'external' | 'nodeport';
  lists: string;
  localLists: string;
  leftovers: string;
}

const VIP_MAPS: ExternalMaps = {
  dispatch: 'service-ips',
  chain: 'external',
  lists: 'external-lists',
  localLists: 'local-lists',
  leftovers: 'no-endpoint-services',
};
const NODEPORT_MAPS: ExternalMaps = {
  dispatch: 'service-nodeports',
  chain: 'nodeport',
  lists: 'nodeport-lists',
  localLists: 'nodeport-local-lists',
  leftovers: 'no-endpoint-nodeports',
};

/** Destinations that are reached from outside: the policy chains look the lists up under the same keys. */
function renderExternal(
  facts: Facts,
  desired: DesiredPort,
  family: Family,
  maps: ExternalMaps,
  destinations: { key: string; listKey: string }[],
): void {
  const { port } = desired;
  const verdict = leftover(desired, port.externalLocal);
  const kind = maps.chain === 'external' ? 'vip' : 'nodeport';
  const listKeys = destinations.map(({ listKey }) => listKey);
  const lists: [string, string][] = [];
  if (desired.hasAny && desired.cluster.length > 0) {
    lists.push([maps.lists, renderList(facts, desired, family, 'cluster', { kind, keys: listKeys })]);
  }
  if (port.externalLocal && desired.local.length > 0) {
    const at = { kind: `${kind}-local`, keys: listKeys } as const;
    lists.push([maps.localLists, renderList(facts, desired, family, 'local', at)]);
  }
  for (const { key } of destinations) {
    if (verdict !== undefined) addElement(facts, maps.leftovers, key, verdict);
    if (!desired.hasAny) continue;
    addElement(facts, maps.dispatch, key, `goto ${maps.chain}-${port.externalLocal ? 'local' : 'cluster'}`);
    for (const [map, chain] of lists) addElement(facts, map, key, `goto ${chain}`);
  }
}

/**
 * The load balancer's firewall. A node that the ranges admit may also come from the load balancer's address
 * itself: it is often a local address, and then it is the source that the kernel picks.
 */
function renderFirewall(facts: Facts, port: ServicePort, context: RenderContext): void {
  if (port.sourceRanges === undefined || port.loadBalancerVIPs.length === 0) return;
  const name = `firewall-${shortHash(port.id)}-${port.service}/${l4(port.protocol)}/${port.portName}`.slice(
    0,
    110,
  );
  const nodeIP: Address | undefined = context.nodeIP === undefined ? undefined : parseAddress(context.nodeIP);
  const admitted = port.sourceRanges.map((range) => range.text);
  if (nodeIP !== undefined && admits(port.sourceRanges, nodeIP)) admitted.push(...port.loadBalancerVIPs);
  const rules = admitted.map((source) => `${nftFamily(context.family)} saddr ${source} return`);
  facts.objects.set(name, { kind: 'chain', rules: [...rules, 'drop'] });
  for (const ip of port.loadBalancerVIPs) {
    addElement(facts, 'firewall-ips', `${ip} . ${l4(port.protocol)} . ${port.port}`, `goto ${name}`);
  }
}

function renderPort(facts: Facts, desired: DesiredPort, context: RenderContext): void {
  const { port } = desired;
  const protocol = l4(port.protocol);
  renderClusterIP(facts, desired, context.family);
  const vips = new Set([...port.externalIPs, ...port.loadBalancerVIPs]);
  vips.delete(port.clusterIP);
  const external = [...vips].map((ip) => ({
    key: `${ip} . ${protocol} . ${port.port}`,
    listKey: `${ip} . ${port.port}`,
  }));
  if (external.length > 0) renderExternal(facts, desired, context.family, VIP_MAPS, external);
  if (port.nodePort !== 0) {
    const destination = { key: `${protocol} . ${port.nodePort}`, listKey: String(port.nodePort) };
    renderExternal(facts, desired, context.family, NODEPORT_MAPS, [destination]);
  }
  renderFirewall(facts, port, context);
  for (const target of desired.hairpin) {
    addElement(facts, 'hairpin-connections', `${target.ip} . ${target.ip} . ${protocol} . ${target.port}`);
  }
}

/** Everything that a Service contributes to the table. Pure: the same service gives the same facts. */
export function serviceFacts(service: DesiredService, context: RenderContext): Facts {
  const facts = emptyFacts();
  for (const desired of service.ports) renderPort(facts, desired, context);
  return facts;
}
