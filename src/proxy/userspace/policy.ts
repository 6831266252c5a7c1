import type { NodeSettings } from '../contract.js';
import { cidrContains, parseAddress } from '../state/addresses.js';
import type { DesiredPort, Target } from '../state/desired.js';
import { admits } from '../state/service-port.js';
import type { ListName } from './balancer.js';

/** Through which of a port's addresses a client comes. */
export type FrontKind = 'clusterIP' | 'externalIP' | 'loadBalancer' | 'nodePort';

/** Tells where connections come from. Interfaces cannot be seen from here: only CIDR detectors work. */
export class Sources {
  readonly #settings: NodeSettings;
  readonly #own: ReadonlySet<string>;

  /** @param own canonical addresses of the node's interfaces */
  constructor(settings: NodeSettings, own: readonly string[]) {
    this.#settings = settings;
    const { nodeIP } = settings;
    this.#own = new Set(nodeIP === undefined ? own : [...own, nodeIP]);
  }

  /** The address as the cluster knows it: whoever comes over loopback is the node. */
  identify(address: string): string {
    return address.startsWith('127.') || address === '::1' ? (this.#settings.nodeIP ?? address) : address;
  }

  isNode(address: string): boolean {
    return this.#own.has(address) || address.startsWith('127.') || address === '::1';
  }

  isPod(address: string): boolean {
    const detector = this.#settings.localDetector;
    if (detector?.kind !== 'cidr') return false;
    const parsed = parseAddress(address);
    return parsed !== undefined && detector.cidrs.some((cidr) => cidrContains(cidr, parsed));
  }

  /** A node within the ranges may also come from the load balancer's own addresses, as in the other modes. */
  isAdmitted({ port }: DesiredPort, address: string): boolean {
    const { sourceRanges, loadBalancerVIPs } = port;
    if (sourceRanges === undefined) return true;
    const asNode = loadBalancerVIPs.includes(address) ? this.#settings.nodeIP : undefined;
    return [address, asNode].some((text) => {
      const parsed = text === undefined ? undefined : parseAddress(text);
      return parsed !== undefined && admits(sourceRanges, parsed);
    });
  }
}

/** The endpoints that a client may use; an empty list means that the policy drops it. */
export interface Route {
  list: ListName;
  shares: readonly Target[];
}

/** Upstream's policies, decided per connection. `front` is the address that the client asked for. */
export function routeFor(
  desired: DesiredPort,
  kind: FrontKind,
  front: string,
  source: string,
  sources: Sources,
): Route {
  const { port, cluster, local } = desired;
  const address = sources.identify(source);
  if (kind === 'loadBalancer' && !sources.isAdmitted(desired, address)) {
    return { list: 'local', shares: [] };
  }
  const isLocal =
    kind === 'clusterIP'
      ? port.internalLocal
      : port.externalLocal && !sources.isPod(address) && !sources.isNode(address) && address !== front;
  return isLocal ? { list: 'local', shares: local } : { list: 'cluster', shares: cluster };
}
