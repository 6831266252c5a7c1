import { type IpvsOptions, type IpvsProtocol, ipvsService, socketText } from '#host';
import type { NodeSettings } from '../contract.js';
import { parseAddress } from '../state/addresses.js';
import type { DesiredPort, DesiredService, Target } from '../state/desired.js';
import { admits, type ServicePort } from '../state/service-port.js';
import { nodePortSets, type SetName } from './names.js';

/** A virtual server and where its connections go: `address:port` → weight. */
export interface VirtualServer extends IpvsOptions {
  readonly owner: ServicePort;
  readonly targets: ReadonlyMap<string, number>;
}

/** What one Service asks of the kernel. Different Services may ask for the same entry or address. */
export interface ServiceFacts {
  /** By the words by which ipvsadm addresses it. */
  readonly servers: Map<string, VirtualServer>;
  /** `set entry`. */
  readonly entries: Set<string>;
  /** What the dummy device holds. */
  readonly addresses: Set<string>;
  /** Rules of the output filter: load balancer addresses that the node itself must not reach. */
  readonly outFilter: Set<string>;
}

/** What this mode needs to know besides what all need. */
export interface IpvsSettings extends NodeSettings {
  readonly scheduler: string;
  /** Addresses of the node's other devices: they answer NodePorts, and must not be bound a second time. */
  readonly ownAddresses: readonly string[];
}

/** Each of these gets virtual servers of its own for every NodePort. */
function nodePortAddresses({ nodePortAddresses: chosen, ownAddresses }: IpvsSettings): string[] {
  return (chosen === 'all' ? ownAddresses : chosen).filter((address) => !isLoopback(address));
}

const isLoopback = (address: string) => address === '::1' || address.startsWith('127.');

/** The scheduler's weighted form, for Services whose endpoints have different shares. */
const WEIGHTED: Record<string, string> = { rr: 'wrr', lc: 'wlc' };
/** Without these, `mh` ignores the client's port, and `sh` refuses the clients of a server that drains. */
const FLAGS: Record<string, string> = { mh: 'mh-port', sh: 'sh-fallback' };

function optionsFor(desired: DesiredPort, targets: ReadonlyMap<string, number>, chosen: string): IpvsOptions {
  const { algorithm, affinitySeconds } = desired.port;
  // "random" is the other modes' default; here that is what the configuration says.
  const plain = algorithm === 'round-robin' ? 'rr' : algorithm === 'source-hash' ? 'sh' : chosen;
  const isEven = new Set(targets.values()).size <= 1;
  const scheduler = isEven ? plain : (WEIGHTED[plain] ?? plain);
  return { scheduler, flags: FLAGS[scheduler] ?? '', persistence: affinitySeconds ?? 0 };
}

/** Shares, counted: an endpoint that is listed three times has weight 3. */
function weights(list: readonly Target[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const { ip, port } of list) {
    const key = socketText(ip, port);
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return counted;
}

class Builder {
  readonly facts: ServiceFacts = {
    servers: new Map(),
    entries: new Set(),
    addresses: new Set(),
    outFilter: new Set(),
  };
  readonly #settings: IpvsSettings;

  constructor(settings: IpvsSettings) {
    this.#settings = settings;
  }

  port(desired: DesiredPort): void {
    const { port } = desired;
    const protocol = port.protocol.toLowerCase();
    for (const { ip, port: at } of desired.hairpin) {
      this.#entry('KUBE-LOOP-BACK', `${ip},${protocol}:${at},${ip}`);
    }
    if (port.clusterIP !== '') {
      this.#entry('KUBE-CLUSTER-IP', `${port.clusterIP},${protocol}:${port.port}`);
      this.#bind(port.clusterIP);
      this.#server(desired, port.clusterIP, port.port, port.internalLocal);
    }
    for (const address of port.externalIPs) {
      const set = port.externalLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP';
      this.#entry(set, `${address},${protocol}:${port.port}`);
      this.#virtualAddress(desired, address);
    }
    for (const address of port.loadBalancerVIPs) this.#loadBalancer(desired, address);
    if (port.nodePort !== 0) this.#nodePort(desired);
  }

  healthCheck(port: number): void {
    if (port !== 0) this.#entry('KUBE-HEALTH-CHECK-NODE-PORT', String(port));
  }

  #entry(set: SetName, entry: string): void {
    this.facts.entries.add(`${set} ${entry}`);
  }

  #bind(address: string): void {
    this.facts.addresses.add(address);
    this.#entry('KUBE-IPVS-IPS', address);
  }

  #virtualAddress(desired: DesiredPort, address: string): void {
    if (!this.#settings.ownAddresses.includes(address)) this.#bind(address);
    this.#server(desired, address, desired.port.port, desired.port.externalLocal);
  }

  /**
   * The kernel cannot tell clients apart here: with policy Local everybody gets the local endpoints and, without any, all
   * of them (upstream #97081), so that Pods of the node still reach the Service.
   */
  #server(desired: DesiredPort, address: string, port: number, isLocal: boolean): void {
    const { cluster, local } = desired;
    const targets = weights(isLocal && local.length > 0 ? local : cluster);
    const protocol = desired.port.protocol.toLowerCase() as IpvsProtocol;
    this.facts.servers.set(ipvsService({ protocol, address, port }), {
      ...optionsFor(desired, targets, this.#settings.scheduler),
      owner: desired.port,
      targets,
    });
  }

  #loadBalancer(desired: DesiredPort, address: string): void {
    const { port } = desired;
    const protocol = port.protocol.toLowerCase();
    const socket = `${address},${protocol}:${port.port}`;
    this.#entry('KUBE-LOAD-BALANCER', socket);
    if (port.externalLocal) this.#entry('KUBE-LOAD-BALANCER-LOCAL', socket);
    if (port.sourceRanges !== undefined) this.#ranges(desired, address, socket);
    this.#virtualAddress(desired, address);
  }

  #ranges({ port }: DesiredPort, address: string, socket: string): void {
    const ranges = port.sourceRanges!;
    this.#entry('KUBE-LOAD-BALANCER-FW', socket);
    for (const range of ranges) {
      this.#entry('KUBE-LOAD-BALANCER-SOURCE-CIDR', `${socket},${rangeText(range)}`);
    }
    const node = this.#settings.nodeIP === undefined ? undefined : parseAddress(this.#settings.nodeIP);
    if (node !== undefined && admits(ranges, node)) {
      this.#entry('KUBE-LOAD-BALANCER-SOURCE-IP', `${socket},${address}`);
      return;
    }
    // The node's own connections come from the address itself, which is bound here, and never through the input hook.
    const virtual = `--vaddr ${address} --vproto ${port.protocol.toLowerCase()} --vport ${port.port}`;
    this.facts.outFilter.add(`-s ${address} -m ipvs ${virtual} -j DROP`);
  }

  #nodePort(desired: DesiredPort): void {
    const { port } = desired;
    const addresses = nodePortAddresses(this.#settings);
    const sets = nodePortSets(port.protocol);
    for (const address of addresses) {
      const entry = port.protocol === 'SCTP' ? `${address},sctp:${port.nodePort}` : String(port.nodePort);
      this.#entry(sets.all, entry);
      if (port.externalLocal) this.#entry(sets.local, entry);
      this.#server(desired, address, port.nodePort, port.externalLocal);
    }
  }
}

/** As ipset prints it: a range of one address without its length. */
function rangeText({ family, text, bits }: { family: string; text: string; bits: number }): string {
  return bits === (family === 'IPv4' ? 32 : 128) ? text.slice(0, text.indexOf('/')) : text;
}

/** Everything that a Service needs in the kernel. Pure. */
export function serviceFacts(service: DesiredService, settings: IpvsSettings): ServiceFacts {
  const builder = new Builder(settings);
  for (const desired of service.ports) builder.port(desired);
  builder.healthCheck(service.healthCheckNodePort);
  return builder.facts;
}
