import type { NodeSettings } from '../contract.js';
import type { DesiredPort, DesiredService } from '../state/desired.js';
import type { FrontKind } from './policy.js';

/** One address and port to listen on for one service port. */
export interface Front {
  /** `protocol address port`: no two fronts have the same, since contested destinations have one owner. */
  readonly key: string;
  readonly kind: FrontKind;
  readonly protocol: 'TCP' | 'UDP';
  readonly address: string;
  readonly port: number;
  readonly desired: DesiredPort;
}

/** Addresses that shall be local to the node: whoever asks for one that nobody serves is refused at once. */
export function virtualAddresses(service: DesiredService): string[] {
  return service.ports.flatMap((port) => [...addressesOf(port).keys()]);
}

function addressesOf({ port }: DesiredPort): Map<string, FrontKind> {
  const kinds = new Map<string, FrontKind>();
  for (const ip of port.externalIPs) kinds.set(ip, 'externalIP');
  for (const ip of port.loadBalancerVIPs) kinds.set(ip, 'loadBalancer');
  if (port.clusterIP !== '') kinds.set(port.clusterIP, 'clusterIP');
  return kinds;
}

/**
 * Where a Service shall be listened for. A port that nobody in the cluster serves has no front: the kernel then
 * refuses connections by itself. There are no SCTP sockets in this runtime.
 */
export function frontsOf(service: DesiredService, settings: NodeSettings): Front[] {
  const fronts = new Map<string, Front>();
  const add = (desired: DesiredPort, kind: FrontKind, address: string, port: number) => {
    const { protocol } = desired.port;
    if (protocol === 'SCTP') return;
    const key = `${protocol} ${address} ${port}`;
    // An address that is also the node's is reached as what the Service says first, as in the other modes.
    if (!fronts.has(key)) fronts.set(key, { key, kind, protocol, address, port, desired });
  };
  for (const desired of service.ports) {
    if (!desired.hasAny) continue;
    const { port } = desired;
    for (const [address, kind] of addressesOf(desired)) add(desired, kind, address, port.port);
    if (port.nodePort === 0) continue;
    const wildcard = settings.family === 'IPv4' ? ['0.0.0.0'] : ['::'];
    const nodes = settings.nodePortAddresses === 'all' ? wildcard : settings.nodePortAddresses;
    for (const address of nodes) add(desired, 'nodePort', address, port.nodePort);
  }
  return [...fronts.values()];
}

/** Where clients of a front go, by its algorithm, on one line. */
export function describeFront({ protocol, address, port, kind, desired }: Front): string {
  const list = (targets: DesiredPort['cluster']) =>
    targets.map((target) => `${target.ip} ${target.port}`).join(', ');
  const isLocal = kind === 'clusterIP' ? desired.port.internalLocal : desired.port.externalLocal;
  const targets = isLocal ? `local [${list(desired.local)}]` : `cluster [${list(desired.cluster)}]`;
  return `${protocol.toLowerCase()} ${address} ${port} (${kind}) -> ${targets} ${desired.port.algorithm}`;
}

/** One line per address that is listened on (`--dry-run`). */
export function* describeFronts(
  services: Iterable<DesiredService>,
  settings: NodeSettings,
): Generator<string> {
  for (const service of services) for (const front of frontsOf(service, settings)) yield describeFront(front);
}
