import { afterAll, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { silentLogger, systemClock } from '#base';
import type { IptablesBackend } from '#host';
import type { NodeSettings, Proxier } from '../../src/proxy/contract.js';
import { IptablesProxier } from '../../src/proxy/iptables/proxier.js';
import { NftablesProxier } from '../../src/proxy/nftables/proxier.js';
import type { Family } from '../../src/proxy/state/addresses.js';
import { parseAddress, parseCidr } from '../../src/proxy/state/addresses.js';
import { TestCluster } from '../../src/proxy/testing/cluster.js';
import type { FlowTable, ModeFlow } from '../../src/proxy/testing/flow-table.js';
import { flowTables } from '../../src/proxy/testing/flow-tables.js';
import { desiredOf, expectation, type Flow, NODE_IP } from '../../src/proxy/testing/flows.js';
import { policyFlowTables } from '../../src/proxy/testing/policy-flow-tables.js';
import { FlowLab } from './proxy-flows-lab.js';

interface Variant {
  language: string;
  mode: 'nftables' | 'iptables';
  backend?: IptablesBackend;
  family: Family;
  /** Whether TCP and UDP change places in the tables. */
  swapped: boolean;
}
const rules = [
  { language: 'nftables', mode: 'nftables' },
  { language: 'iptables-nft', mode: 'iptables', backend: 'nft' },
  { language: 'iptables-legacy', mode: 'iptables', backend: 'legacy' },
] as const;
const variants: Variant[] = rules.flatMap((rule) =>
  (['IPv4', 'IPv6'] as const).flatMap((family) =>
    [false, true].map((swapped) => ({ ...rule, family, swapped })),
  ),
);

/** The tables' IPv4 addresses in the family: IPv6 ones end in the same 32 bits. */
function translate(text: string, family: Family): string {
  if (family === 'IPv4') return text;
  return text.replace(/\b(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?\b/g, (_, a, b, c, d, bits) => {
    const hex = [a, b, c, d].map((part) => Number(part).toString(16).padStart(2, '0'));
    const address = parseAddress(`fd00::${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`)!.text;
    if (bits === undefined) return address;
    return Number(bits) === 0 ? '::/0' : `${address}/${96 + Number(bits)}`;
  });
}

const swap = (protocol: string) => (protocol === 'TCP' ? 'UDP' : protocol === 'UDP' ? 'TCP' : protocol);

/** A table's objects in the variant's family and protocols. */
function clusterFor(cluster: TestCluster, { family, swapped }: Variant): TestCluster {
  const objects = [...cluster.services.values(), ...cluster.slicesByName.values()];
  const copies = JSON.parse(translate(JSON.stringify(objects), family)) as (
    | core.Service
    | discovery.EndpointSlice
  )[];
  for (const copy of copies) {
    const ports = 'addressType' in copy ? copy.ports : copy.spec?.ports;
    for (const port of ports ?? []) {
      port.protocol = swapped ? swap(port.protocol ?? 'TCP') : (port.protocol ?? 'TCP');
    }
    if ('addressType' in copy) copy.addressType = family;
  }
  return new TestCluster().add(...copies);
}

function settingsFor(settings: NodeSettings, { family }: Variant): NodeSettings {
  const { nodePortAddresses, localDetector, nodeIP } = settings;
  const detector =
    localDetector?.kind === 'cidr'
      ? {
          ...localDetector,
          cidrs: localDetector.cidrs.map(({ text }) => parseCidr(translate(text, family))!),
        }
      : localDetector;
  return {
    ...settings,
    family,
    nodeIP: nodeIP && translate(nodeIP, family),
    nodePortAddresses:
      nodePortAddresses === 'all' ? 'all' : nodePortAddresses.map((ip) => translate(ip, family)),
    serviceCIDRs: settings.serviceCIDRs.map((cidr) => translate(cidr, family)),
    localDetector: detector,
    localhostNodePorts: settings.localhostNodePorts && family === 'IPv4',
  };
}

/** Node has no SCTP sockets; a stranger cannot send to loopback addresses without help; IPv6 has one spelling. */
function canBeSent({ protocol, source, destination }: Flow, title: string, { family }: Variant): boolean {
  const isLoopback = destination.startsWith('127.');
  if (protocol === 'sctp' || (isLoopback && source !== destination)) return false;
  return family === 'IPv4' || !(isLoopback || title === 'address spelling');
}

function endpointsOf(cluster: TestCluster): [string, number][] {
  return [...cluster.slicesByName.values()].flatMap((slice) =>
    (slice.endpoints ?? []).flatMap(({ addresses }) =>
      (slice.ports ?? []).map((port): [string, number] => [parseAddress(addresses[0]!)!.text, port.port!]),
    ),
  );
}

function expected(flow: ModeFlow, { mode, family }: Variant) {
  const own = mode === 'iptables' ? flow.iptables : undefined;
  const differs = typeof own === 'string' ? { output: own } : own && { masq: false, ...own };
  const { output, masq } = expectation({ ...flow, ...differs });
  const ends = translate(output, family).split(', ').sort().join(', ');
  // Nobody sees the source of what did not arrive.
  return { name: flow.name, output: ends, masq: output !== 'DROP' && output !== 'REJECT' && masq };
}

function proxierFor({ mode, backend, family }: Variant, lab: FlowLab): Proxier {
  const options = { family, programs: lab.node.programs, logger: silentLogger, clock: systemClock };
  if (mode === 'nftables') return new NftablesProxier(options);
  return new IptablesProxier({ ...options, syncPeriodMs: 30_000, backend });
}

/** Sends one table's flows; returns what came of them and what should have. */
async function replay(
  { title, cluster, flows, settings }: FlowTable,
  variant: Variant,
  lab: FlowLab,
  proxier: Proxier,
) {
  const { family, swapped } = variant;
  const mine = clusterFor(cluster, variant);
  const state = await desiredOf(mine, family);
  await proxier.resync(state.owned(), settingsFor(settings, variant));
  const sendable = flows.filter((flow) => canBeSent(flow, title, variant));
  const sent = sendable.map(({ source, destination, port, protocol = 'tcp' }) => ({
    family: family === 'IPv4' ? (4 as const) : (6 as const),
    source: translate(source, family),
    destination: translate(destination, family),
    port,
    protocol: swapped ? swap(protocol.toUpperCase()).toLowerCase() : protocol,
  }));
  const outcomes = await lab.send({ flows: sent, endpoints: endpointsOf(mine) });
  return {
    received: outcomes.map((outcome, i) => ({ name: sendable[i]!.name, ...outcome })),
    wanted: sendable.map((flow) => expected(flow, variant)),
  };
}

const labs: FlowLab[] = [];
afterAll(async () => {
  for (const lab of labs) await lab.destroy();
});

it.concurrent.each(variants)(
  'every flow of the tables ends as packets where upstream’s does ($language, $family, UDP for TCP: $swapped)',
  async (variant) => {
    const lab = await FlowLab.create(variant.family === 'IPv4' ? 4 : 6, NODE_IP, (ip) =>
      translate(ip, variant.family),
    );
    labs.push(lab);
    const proxier = proxierFor(variant, lab);
    const received: Record<string, unknown> = {};
    const wanted: Record<string, unknown> = {};
    for (const table of [...flowTables, ...policyFlowTables]) {
      const result = await replay(table, variant, lab, proxier);
      received[table.title] = result.received;
      wanted[table.title] = result.wanted;
    }
    await lab.destroy();
    expect(received).toEqual(wanted);
  },
  180_000,
);
