import type { DesiredPort, DesiredService } from './desired.js';

/** A destination that one service port may own: `address protocol port`, or `* protocol nodePort`. */
export function destinationKey(address: string, protocol: string, port: number): string {
  return `${address} ${protocol} ${port}`;
}

function destinations(desired: DesiredPort): string[] {
  const { port } = desired;
  const addresses = new Set([port.clusterIP, ...port.externalIPs, ...port.loadBalancerVIPs]);
  const keys = [...addresses].map((address) => destinationKey(address, port.protocol, port.port));
  if (port.nodePort !== 0) keys.push(destinationKey('*', port.protocol, port.nodePort));
  return keys;
}

/**
 * Two Services may ask for one destination (the same external IP and port). The kernel's maps hold one value per
 * key, so the Service whose key sorts first owns it, whatever the order in which they arrived; when it lets go,
 * the next one takes over.
 */
export class Claims {
  /** The common case is one claimant: a plain string; contested destinations hold a sorted list. */
  readonly #claimants = new Map<string, string | string[]>();

  owner(key: string): string | undefined {
    const held = this.#claimants.get(key);
    return typeof held === 'string' ? held : held?.[0];
  }

  /** Moves a Service's claims from `before` to `after`; returns other Services whose ownership changed. */
  update(
    service: string,
    before: DesiredService | undefined,
    after: DesiredService | undefined,
  ): Set<string> {
    const affected = new Set<string>();
    const old = new Set(before?.ports.flatMap(destinations));
    const wanted = new Set(after?.ports.flatMap(destinations));
    for (const key of old) if (!wanted.has(key)) this.#release(key, service, affected);
    for (const key of wanted) if (!old.has(key)) this.#claim(key, service, affected);
    affected.delete(service);
    return affected;
  }

  #claim(key: string, service: string, affected: Set<string>): void {
    const held = this.#claimants.get(key);
    if (held === undefined || held === service) {
      this.#claimants.set(key, service);
      return;
    }
    const all = [...new Set([...(typeof held === 'string' ? [held] : held), service])].sort();
    if (all[0] === service) affected.add(all[1]!);
    this.#claimants.set(key, all);
  }

  #release(key: string, service: string, affected: Set<string>): void {
    const held = this.#claimants.get(key);
    if (held === undefined || held === service) {
      this.#claimants.delete(key);
      return;
    }
    if (typeof held === 'string') return;
    const rest = held.filter((claimant) => claimant !== service);
    if (held[0] === service) affected.add(rest[0]!);
    this.#claimants.set(key, rest.length === 1 ? rest[0]! : rest);
  }
}

/** The port without the destinations that belong to another Service. */
export function ownedPort(desired: DesiredPort, claims: Claims): DesiredPort {
  const { port } = desired;
  const mine = (address: string, at: number) =>
    claims.owner(destinationKey(address, port.protocol, at)) === port.service;
  const externalIPs = port.externalIPs.filter((ip) => mine(ip, port.port));
  const loadBalancerVIPs = port.loadBalancerVIPs.filter((ip) => mine(ip, port.port));
  const clusterIP = mine(port.clusterIP, port.port) ? port.clusterIP : '';
  const nodePort = port.nodePort !== 0 && mine('*', port.nodePort) ? port.nodePort : 0;
  const whole =
    clusterIP === port.clusterIP &&
    nodePort === port.nodePort &&
    externalIPs.length === port.externalIPs.length &&
    loadBalancerVIPs.length === port.loadBalancerVIPs.length;
  if (whole) return desired;
  return { ...desired, port: { ...port, externalIPs, loadBalancerVIPs, clusterIP, nodePort } };
}
