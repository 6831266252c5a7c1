import { type core, type discovery, objectKey } from '#api';
import { type Client, Resources } from '#client';
import { isEnabled } from './config/feature-gates.js';
import type { ProxyConfig } from './config/types.js';
import { serviceKeyOf, withoutExternalIPs } from './informers.js';
import { renderIptables } from './iptables/proxier.js';
import { renderIpvs } from './ipvs/render.js';
import { renderNftables } from './nftables/render.js';
import { NodeView } from './node-view.js';
import { type Family, parseAddress } from './state/addresses.js';
import { type ClusterView, DesiredState } from './state/desired-state.js';
import { paced } from './state/paced.js';
import { PROXY_NAME_LABEL } from './state/service-port.js';
import { IptTables } from './trace/ipt-table.js';
import { traceIptables } from './trace/ipt-trace.js';
import { IpvsKernel } from './trace/ipvs-kernel.js';
import { traceIpvs } from './trace/ipvs-trace.js';
import { NftTable } from './trace/nft-table.js';
import { traceNft } from './trace/nft-trace.js';
import type { Outcome, Packet, TraceNode } from './trace/packet.js';
import { describeFronts } from './userspace/fronts.js';
import { createUserspaceTrace } from './userspace/trace.js';

/** The cluster as the API tells it once: what `--dry-run` and `trace` work on. */
export interface ClusterSnapshot {
  services: core.Service[];
  slices: discovery.EndpointSlice[];
  node: core.Node | undefined;
  serviceCIDRs: string[];
}

export interface InspectOptions {
  config: ProxyConfig;
  nodeName: string;
  snapshot: ClusterSnapshot;
  /** Addresses of the node's interfaces; default: those of this network namespace. */
  localAddresses?: () => string[];
}

/** A question to the tracer: the first packet of a connection. */
export interface TraceQuestion {
  from: string;
  to: string;
  port: number;
  protocol?: 'tcp' | 'udp' | 'sctp';
  /** Interface by which it arrives; default: none when it comes from the node itself, else `eth0`. */
  inputInterface?: string;
}

/** One way in which the connection can go; several mean a random choice. */
export interface TraceAnswer {
  verdict: Outcome['verdict'];
  /** Where it ends, `address` and `port` after DNAT. */
  destination: string;
  port: number;
  /** Whether the endpoint sees the node's address instead of the client's. */
  masqueraded: boolean;
  /** The rules that matched, in order, as `chain: rule`. */
  rules: string[];
}

/** Reads what the proxy would watch. A server without ServiceCIDRs counts as having none. */
export async function takeSnapshot(client: Client, nodeName: string): Promise<ClusterSnapshot> {
  const [services, slices, nodes, cidrs] = await Promise.all([
    client.resource(Resources.services).list({ labelSelector: `!${PROXY_NAME_LABEL}` }),
    client.resource(Resources.endpointSlices).list({ labelSelector: '!service.kubernetes.io/headless' }),
    client.resource(Resources.nodes).list({ fieldSelector: `metadata.name=${nodeName}` }),
    client
      .resource(Resources.serviceCIDRs)
      .list()
      .catch(() => ({ items: [] })),
  ]);
  return {
    services: services.items,
    slices: slices.items,
    node: nodes.items[0],
    serviceCIDRs: cidrs.items.flatMap((cidr) => cidr.spec?.cidrs ?? []),
  };
}

function viewOf({ services, slices }: ClusterSnapshot, { featureGates }: ProxyConfig): ClusterView {
  const hasExternalIPs = isEnabled(featureGates, 'AllowServiceExternalIPs');
  const read = hasExternalIPs ? services : services.map(withoutExternalIPs);
  const byKey = new Map(read.map((service) => [objectKey(service), service]));
  const byService = new Map<string, discovery.EndpointSlice[]>();
  for (const slice of slices) {
    const key = serviceKeyOf(slice) ?? '';
    byService.set(key, [...(byService.get(key) ?? []), slice]);
  }
  return {
    service: (key) => byKey.get(key),
    slices: (key) => byService.get(key) ?? [],
    serviceKeys: () => byKey.keys(),
  };
}

function nodeOf({ nodeName, config, snapshot, localAddresses }: InspectOptions): NodeView {
  const node = new NodeView(nodeName, config, localAddresses);
  node.setNode(snapshot.node);
  node.setServiceCIDRs(snapshot.serviceCIDRs);
  return node;
}

async function stateOf(options: InspectOptions, node: NodeView, family: Family): Promise<DesiredState> {
  const state = new DesiredState(family, viewOf(options.snapshot, options.config));
  const { algorithm } = options.config.loadBalancing;
  for await (const _ of paced(state.recomputeAll({ family, topology: node.topology, algorithm })));
  return state;
}

/** What the proxy would write into an empty kernel for this snapshot, in the language of its mode, line by line. */
export async function renderRules(options: InspectOptions, family: Family): Promise<Iterable<string>> {
  const node = nodeOf(options);
  const state = await stateOf(options, node, family);
  const settings = node.settings(family);
  if (options.config.mode === 'nftables') return renderNftables(state.owned(), settings);
  if (options.config.mode === 'iptables')
    return renderIptables(state.owned(), settings).trimEnd().split('\n');
  if (options.config.mode === 'ipvs') {
    const { scheduler } = options.config.ipvs;
    return renderIpvs(state.owned(), { ...settings, scheduler, ownAddresses: [...node.localAddresses()] });
  }
  return describeFronts(state.owned(), settings);
}

/** The rules of the snapshot, loaded into the tracer of their language. */
async function tracerOf(
  options: InspectOptions,
  family: Family,
): Promise<(packet: Packet, at: TraceNode) => Outcome[]> {
  if (options.config.mode === 'userspace') {
    const node = nodeOf(options);
    const state = await stateOf(options, node, family);
    return createUserspaceTrace(state.owned(), node.settings(family), [...node.localAddresses()]);
  }
  const lines = await renderRules(options, family);
  if (options.config.mode === 'iptables') {
    const tables = new IptTables();
    tables.restore([...lines].join('\n'));
    return (packet, at) => traceIptables(tables, packet, at);
  }
  if (options.config.mode === 'ipvs') {
    const kernel = new IpvsKernel();
    kernel.load(lines);
    return (packet, at) => traceIpvs(kernel, packet, at);
  }
  const table = new NftTable();
  table.load(lines);
  return (packet, at) => traceNft(table, packet, at);
}

/** Follows a connection through the rules of this snapshot. Throws RangeError for addresses that are none. */
export async function traceConnection(
  options: InspectOptions,
  question: TraceQuestion,
): Promise<TraceAnswer[]> {
  const source = parseAddress(question.from);
  const destination = parseAddress(question.to);
  if (source === undefined || destination === undefined || source.family !== destination.family) {
    throw new RangeError(`"${question.from}" and "${question.to}" are not two addresses of one family`);
  }
  const node = nodeOf(options);
  const local = new Set(node.localAddresses());
  const own = node.nodeIP(source.family);
  if (own !== undefined) local.add(own);
  const isLocal = (address: string) => local.has(address);
  const trace = await tracerOf(options, source.family);
  const outcomes = trace(
    {
      family: source.family,
      source: source.text,
      destination: destination.text,
      protocol: question.protocol ?? 'tcp',
      destinationPort: question.port,
      inputInterface: question.inputInterface ?? (isLocal(source.text) ? '' : 'eth0'),
      mark: 0,
      masqueraded: false,
    },
    { isLocal },
  );
  return outcomes.map(({ verdict, packet, path }) => ({
    verdict,
    destination: packet.destination,
    port: packet.destinationPort,
    masqueraded: packet.masqueraded,
    rules: path,
  }));
}
