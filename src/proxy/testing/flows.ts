import type { LocalDetector, NodeSettings } from '../contract.js';
import { renderIptables } from '../iptables/proxier.js';
import { renderIpvs } from '../ipvs/render.js';
import { renderNftables } from '../nftables/render.js';
import { type Family, parseCidr } from '../state/addresses.js';
import { DesiredState } from '../state/desired-state.js';
import { IptTables } from '../trace/ipt-table.js';
import { traceIptables } from '../trace/ipt-trace.js';
import { IpvsKernel } from '../trace/ipvs-kernel.js';
import { traceIpvs } from '../trace/ipvs-trace.js';
import { NftTable } from '../trace/nft-table.js';
import { traceNft } from '../trace/nft-trace.js';
import type { Outcome, Packet, TraceNode } from '../trace/packet.js';
import type { TestCluster } from './cluster.js';
import { NODE_NAME } from './objects.js';

/** The addresses of upstream's packet flow tests. */
export const NODE_IP = '192.168.0.2';
/** Another address of the node. */
export const SECOND_NODE_IP = '192.168.1.2';
const POD_CIDR = '10.0.0.0/8';
export const EXTERNAL_CLIENT = '203.0.113.2';
/** Outside the ranges that the tests admit. */
export const BLOCKED_CLIENT = '203.0.113.130';

export interface Flow {
  name: string;
  source: string;
  protocol?: 'tcp' | 'udp' | 'sctp';
  destination: string;
  port: number;
  /** Every reachable `ip:port`, sorted and joined by ", "; or DROP, REJECT; or empty when untouched. */
  output: string;
  masq?: boolean;
}

export function testSettings(overrides: Partial<NodeSettings> = {}): NodeSettings {
  const detector: LocalDetector = { kind: 'cidr', cidrs: [parseCidr(POD_CIDR)!] };
  return {
    family: 'IPv4',
    nodePortAddresses: [NODE_IP],
    nodeIP: NODE_IP,
    serviceCIDRs: ['172.30.0.0/16'],
    localDetector: detector,
    masqueradeAll: false,
    masqueradeMark: 0x4000,
    localhostNodePorts: false,
    dropInvalid: true,
    ...overrides,
  };
}

export async function desiredOf(
  cluster: TestCluster,
  family: Family = 'IPv4',
  zone?: string,
): Promise<DesiredState> {
  const state = new DesiredState(family, cluster);
  const topology = { nodeName: NODE_NAME, zone };
  for (const _ of state.recomputeAll({ family, topology, algorithm: 'random' }));
  return state;
}

/** Modes whose rules a tracer understands. */
export const tracedModes = ['nftables', 'iptables', 'ipvs'] as const;
export type TracedMode = (typeof tracedModes)[number];

/** Rules of some mode, ready to trace through. */
export type Trace = (packet: Packet, node: TraceNode) => Outcome[];

/** What a fresh proxy of the mode would write for this cluster. */
export async function rulesFor(
  mode: TracedMode,
  cluster: TestCluster,
  settings = testSettings(),
): Promise<Trace> {
  if (mode === 'nftables') {
    const table = await nftTableFor(cluster, settings);
    return (packet, node) => traceNft(table, packet, node);
  }
  const state = await desiredOf(cluster, settings.family);
  if (mode === 'ipvs') {
    const kernel = new IpvsKernel();
    kernel.load(renderIpvs(state.owned(), { ...settings, scheduler: 'rr', ownAddresses: [NODE_IP] }));
    return (packet, node) => traceIpvs(kernel, packet, node);
  }
  const tables = new IptTables();
  tables.restore(renderIptables(state.owned(), settings));
  return (packet, node) => traceIptables(tables, packet, node);
}

/** The table that a fresh proxy would write for this cluster. */
async function nftTableFor(cluster: TestCluster, settings = testSettings()): Promise<NftTable> {
  const state = await desiredOf(cluster, settings.family);
  const table = new NftTable();
  table.load(renderNftables(state.owned(), settings));
  return table;
}

function packetOf(flow: Flow): Packet {
  const isOwn = flow.source === NODE_IP || flow.source === '127.0.0.1';
  return {
    family: flow.source.includes(':') ? 'IPv6' : 'IPv4',
    source: flow.source,
    destination: flow.destination,
    protocol: flow.protocol ?? 'tcp',
    destinationPort: flow.port,
    inputInterface: isOwn ? '' : 'eth0',
    mark: 0,
    masqueraded: false,
  };
}

/** Sums up outcomes the way flow tables write them. */
export function summarize(outcomes: Outcome[], packet: Packet): { output: string; masq: boolean } {
  const refused = outcomes.find(({ verdict }) => verdict !== 'ACCEPT');
  if (refused !== undefined) return { output: refused.verdict, masq: false };
  const ends = new Set<string>();
  for (const { packet: sent } of outcomes) {
    const isUntouched =
      sent.destination === packet.destination && sent.destinationPort === packet.destinationPort;
    if (!isUntouched) ends.add(`${sent.destination}:${sent.destinationPort}`);
  }
  return { output: [...ends].sort().join(', '), masq: outcomes.some(({ packet: sent }) => sent.masqueraded) };
}

const LOCAL_ADDRESSES = [NODE_IP, SECOND_NODE_IP, '127.0.0.1'];

export function runFlow(trace: Trace, flow: Flow) {
  const packet = packetOf(flow);
  return summarize(trace(packet, { isLocal: (ip) => LOCAL_ADDRESSES.includes(ip) }), packet);
}

export function expectation(flow: Flow): { output: string; masq: boolean } {
  return { output: flow.output, masq: flow.masq ?? false };
}
