import { networkInterfaces } from 'node:os';
import type { core } from '#api';
import { clusterCIDRs } from './config/load.js';
import type { ProxyConfig } from './config/types.js';
import type { LocalDetector, NodeSettings } from './contract.js';
import { type Cidr, cidrContains, type Family, parseAddress, parseCidr } from './state/addresses.js';
import type { Topology } from './state/categorize.js';

const ZONE_LABEL = 'topology.kubernetes.io/zone';
const AUTOSCALER_TAINT = 'ToBeDeletedByClusterAutoscaler';

/** Canonical addresses of this network namespace's interfaces. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((entries) =>
    (entries ?? []).flatMap((entry) => parseAddress(entry.address.split('%')[0]!)?.text ?? []),
  );
}

/** What the proxy knows about its node: from the Node object, the configuration and the interfaces. */
export class NodeView {
  readonly nodeName: string;
  readonly #config: ProxyConfig;
  readonly #addresses: () => string[];
  #node: core.Node | undefined;
  #serviceCIDRs: string[] = [];

  constructor(nodeName: string, config: ProxyConfig, addresses: () => string[] = interfaceAddresses) {
    this.nodeName = nodeName;
    this.#config = config;
    this.#addresses = addresses;
  }

  setNode(node: core.Node | undefined): void {
    this.#node = node;
  }

  setServiceCIDRs(cidrs: readonly string[]): void {
    this.#serviceCIDRs = cidrs.flatMap((cidr) => parseCidr(cidr)?.text ?? []).sort();
  }

  get topology(): Topology {
    return { nodeName: this.nodeName, zone: this.#node?.metadata.labels?.[ZONE_LABEL] };
  }

  /** False while load balancers should not send to this node. */
  get isEligible(): boolean {
    if (this.#node === undefined || this.#node.metadata.deletionTimestamp !== undefined) return false;
    return this.#node.spec?.taints?.some((taint) => taint.key === AUTOSCALER_TAINT) !== true;
  }

  /** The node's primary address: the configured one, else the Node object's first InternalIP of the family. */
  nodeIP(family: Family): string | undefined {
    const override = parseAddress(this.#config.bindAddress);
    if (override?.family === family && override.ip.value !== 0n) return override.text;
    const addresses = this.#node?.status?.addresses ?? [];
    for (const type of ['InternalIP', 'ExternalIP']) {
      for (const entry of addresses) {
        const address = entry.type === type ? parseAddress(entry.address) : undefined;
        if (address?.family === family) return address.text;
      }
    }
    return undefined;
  }

  /** Addresses that answer NodePorts. `primary` (the nftables default) is the node's own address, per family. */
  nodePortAddresses(family: Family): readonly string[] | 'all' {
    const configured = this.#config.nodePortAddresses;
    const isPrimary =
      configured.length === 0 ? this.#config.mode === 'nftables' : configured[0] === 'primary';
    if (isPrimary) {
      const own = this.nodeIP(family);
      return own === undefined ? [] : [own];
    }
    const cidrs = configured.map(parseCidr).filter((cidr) => cidr?.family === family) as Cidr[];
    const isAll = cidrs.length === 0 || cidrs.some((cidr) => cidr.bits === 0);
    // Sockets are bound address by address, so that UDP answers come from the address that was asked; and virtual
    // servers have an address.
    const { mode } = this.#config;
    if (isAll) return mode === 'userspace' || mode === 'ipvs' ? this.#addressesOf(family) : 'all';
    const mine = this.#addresses().filter((text) => {
      const address = parseAddress(text);
      return address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address));
    });
    return [...new Set(mine)].sort();
  }

  #addressesOf(family: Family): string[] {
    const mine = this.#addresses().filter(
      (text) => parseAddress(text)?.family === family && !text.startsWith('fe80:'),
    );
    return [...new Set(mine)].sort();
  }

  /** Every address of the node that a NodePort flow may have been sent to. */
  localAddresses(): ReadonlySet<string> {
    return new Set(this.#addresses());
  }

  /** Everything that rules of these families depend on, as text that differs when any of it does. */
  describe(families: readonly Family[]): string {
    return JSON.stringify([families.map((family) => comparable(this.settings(family))), this.topology]);
  }

  settings(family: Family): NodeSettings {
    // Upstream's ipvs mode masquerades as the iptables section says.
    const rules = this.#config.mode === 'nftables' ? this.#config.nftables : this.#config.iptables;
    return {
      family,
      nodePortAddresses: this.nodePortAddresses(family),
      nodeIP: this.nodeIP(family),
      serviceCIDRs: this.#serviceCIDRs.filter((cidr) => parseCidr(cidr)?.family === family),
      localDetector: this.#detector(),
      masqueradeAll: rules.masqueradeAll,
      masqueradeMark: (1 << rules.masqueradeBit) >>> 0,
      localhostNodePorts: this.#localhostNodePorts(family),
      dropInvalid: this.#config.mode === 'iptables' && !this.#config.conntrack.tcpBeLiberal,
    };
  }

  /** As upstream: where NodePorts are not narrowed to addresses without the IPv4 loopback. */
  #localhostNodePorts(family: Family): boolean {
    const { mode, iptables, nodePortAddresses } = this.#config;
    if (mode !== 'iptables' || family !== 'IPv4' || !iptables.localhostNodePorts) return false;
    const loopback = parseAddress('127.0.0.1')!;
    const cidrs = nodePortAddresses.map(parseCidr);
    return cidrs.length === 0 || cidrs.some((cidr) => cidr !== undefined && cidrContains(cidr, loopback));
  }

  #detector(): LocalDetector | undefined {
    const { detectLocalMode, detectLocal } = this.#config;
    if (detectLocalMode === 'BridgeInterface') return { kind: 'bridge', name: detectLocal.bridgeInterface };
    if (detectLocalMode === 'InterfaceNamePrefix') {
      return { kind: 'prefix', prefix: detectLocal.interfaceNamePrefix };
    }
    const spec = this.#node?.spec;
    const podCIDRs = spec?.podCIDRs?.length
      ? spec.podCIDRs
      : spec?.podCIDR === undefined
        ? []
        : [spec.podCIDR];
    const texts = detectLocalMode === 'NodeCIDR' ? podCIDRs : clusterCIDRs(this.#config);
    const cidrs = texts.map(parseCidr).filter((cidr) => cidr !== undefined);
    return cidrs.length === 0 ? undefined : { kind: 'cidr', cidrs };
  }
}

/** Ranges hold bigints, which JSON refuses; their text says the same. */
function comparable(settings: NodeSettings): unknown {
  const { localDetector } = settings;
  const detector =
    localDetector?.kind === 'cidr' ? localDetector.cidrs.map((cidr) => cidr.text) : localDetector;
  return { ...settings, localDetector: detector };
}
