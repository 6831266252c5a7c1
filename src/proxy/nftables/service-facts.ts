import { type Address, parseAddress } from '../state/addresses.js';
import type { DesiredPort, DesiredService } from '../state/desired.js';
import { admits, type ServicePort } from '../state/service-port.js';
import type { FactSink } from './facts.js';
import { type RenderContext, renderList } from './lists.js';
import { l4, nftFamily, shortHash } from './names.js';

const REJECT = 'goto reject-chain';

/** What becomes of connections that no chain has dispatched; undefined when the policy has endpoints here. */
function leftover(desired: DesiredPort, isLocalPolicy: boolean): string | undefined {
  if (!desired.hasAny) return REJECT;
  return isLocalPolicy && desired.local.length === 0 ? 'drop' : undefined;
}

function renderClusterIP(sink: FactSink, desired: DesiredPort, context: RenderContext): void {
  const { port } = desired;
  const { generation } = context;
  if (port.clusterIP === '') return;
  sink.element(`cluster-ips${generation}`, port.clusterIP, '');
  const key = `${port.clusterIP} . ${l4(port.protocol)} . ${port.port}`;
  const verdict = leftover(desired, port.internalLocal);
  if (verdict !== undefined) {
    sink.element(`no-endpoint-services${generation}`, key, verdict);
    return;
  }
  const which = port.internalLocal ? 'local' : 'cluster';
  const at = { kind: 'vip', keys: [`${port.clusterIP} . ${port.port}`] } as const;
  const chain = renderList(sink, desired, context, which, at);
  sink.element(`service-ips${generation}`, key, `goto ${chain}`);
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
  sink: FactSink,
  desired: DesiredPort,
  context: RenderContext,
  maps: ExternalMaps,
  destinations: { key: string; listKey: string }[],
): void {
  const { port } = desired;
  const { generation } = context;
  const verdict = leftover(desired, port.externalLocal);
  const kind = maps.chain === 'external' ? 'vip' : 'nodeport';
  const listKeys = destinations.map(({ listKey }) => listKey);
  const lists: [string, string][] = [];
  if (desired.hasAny && desired.cluster.length > 0) {
    lists.push([maps.lists, renderList(sink, desired, context, 'cluster', { kind, keys: listKeys })]);
  }
  if (port.externalLocal && desired.local.length > 0) {
    const at = { kind: `${kind}-local`, keys: listKeys } as const;
    lists.push([maps.localLists, renderList(sink, desired, context, 'local', at)]);
  }
  for (const { key } of destinations) {
    if (verdict !== undefined) sink.element(maps.leftovers + generation, key, verdict);
    if (!desired.hasAny) continue;
    const policy = `${maps.chain}-${port.externalLocal ? 'local' : 'cluster'}`;
    sink.element(maps.dispatch + generation, key, `goto ${policy}`);
    for (const [map, chain] of lists) sink.element(map + generation, key, `goto ${chain}`);
  }
}

/**
 * The load balancer's firewall. A node that the ranges admit may also come from the load balancer's address
 * itself: it is often a local address, and then it is the source that the kernel picks.
 */
function renderFirewall(sink: FactSink, port: ServicePort, context: RenderContext): void {
  if (port.sourceRanges === undefined || port.loadBalancerVIPs.length === 0) return;
  const name = `firewall-${shortHash(port.id)}-${port.service}/${l4(port.protocol)}/${port.portName}`.slice(
    0,
    110,
  );
  const nodeIP: Address | undefined = context.nodeIP === undefined ? undefined : parseAddress(context.nodeIP);
  const admitted = port.sourceRanges.map((range) => range.text);
  if (nodeIP !== undefined && admits(port.sourceRanges, nodeIP)) admitted.push(...port.loadBalancerVIPs);
  const rules = admitted.map((source) => `${nftFamily(context.family)} saddr ${source} return`);
  sink.object(name, () => ({ kind: 'chain', rules: [...rules, 'drop'] }));
  for (const ip of port.loadBalancerVIPs) {
    const key = `${ip} . ${l4(port.protocol)} . ${port.port}`;
    sink.element(`firewall-ips${context.generation}`, key, `goto ${name}`);
  }
}

function renderPort(sink: FactSink, desired: DesiredPort, context: RenderContext): void {
  const { port } = desired;
  const protocol = l4(port.protocol);
  renderClusterIP(sink, desired, context);
  const vips = new Set([...port.externalIPs, ...port.loadBalancerVIPs]);
  vips.delete(port.clusterIP);
  const external = [...vips].map((ip) => ({
    key: `${ip} . ${protocol} . ${port.port}`,
    listKey: `${ip} . ${port.port}`,
  }));
  if (external.length > 0) renderExternal(sink, desired, context, VIP_MAPS, external);
  if (port.nodePort !== 0) {
    const destination = { key: `${protocol} . ${port.nodePort}`, listKey: String(port.nodePort) };
    renderExternal(sink, desired, context, NODEPORT_MAPS, [destination]);
  }
  renderFirewall(sink, port, context);
  for (const target of desired.hairpin) {
    const tuple = `${target.ip} . ${target.ip} . ${protocol} . ${target.port}`;
    sink.element(`hairpin-connections${context.generation}`, tuple, '');
  }
}

/** Tells the sink everything that a Service contributes to the table. The same service gives the same facts. */
export function renderService(service: DesiredService, context: RenderContext, sink: FactSink): void {
  for (const desired of service.ports) renderPort(sink, desired, context);
}
