import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import type { Logger } from '#base';
import { check, type Programs } from '#host';
import type { SandboxNetwork } from '../runtime.js';
import { PodAddresses } from './pod-addresses.js';

export interface PodNetworkOptions {
  programs: Programs;
  logger: Logger;
  /** Default `cni0`. */
  bridge?: string;
  /** Default 1500. */
  mtu?: number;
}

/** Interface names have at most 15 characters; the pod's uid makes it unique on the node. */
export function hostInterfaceName(podUid: string): string {
  return `veth${createHash('sha1').update(podUid).digest('hex').slice(0, 11)}`;
}

function writeSysctl(path: string, value: string, logger: Logger): void {
  const file = `/proc/sys/${path}`;
  if (!existsSync(file)) return;
  try {
    writeFileSync(file, value);
  } catch (error) {
    logger.warn('cannot set a sysctl of the node namespace', { sysctl: path, value, err: error });
  }
}

/** The node's side of the pod network: a bridge with the first address of each podCIDR, and forwarding. */
export class PodNetwork {
  readonly #options: Required<PodNetworkOptions>;
  #addresses: PodAddresses | undefined;

  constructor(options: PodNetworkOptions) {
    this.#options = { bridge: 'cni0', mtu: 1500, ...options };
  }

  /** Creates the bridge (or takes over the one that is there). Rejects with ProgramError. */
  async start(podCIDRs: string[]): Promise<void> {
    const { programs, bridge, mtu, logger } = this.#options;
    const addresses = new PodAddresses(podCIDRs);
    writeSysctl('net/ipv4/ip_forward', '1', logger);
    if (podCIDRs.some((cidr) => cidr.includes(':'))) writeSysctl('net/ipv6/conf/all/forwarding', '1', logger);
    const exists = existsSync(`/proc/sys/net/ipv4/conf/${bridge}`);
    const commands = [
      'link set lo up',
      ...(exists ? [] : [`link add ${bridge} mtu ${mtu} type bridge`]),
      ...addresses.gateways.map(
        ({ address, prefixLength }) =>
          `address replace ${address}/${prefixLength} dev ${bridge}${address.includes(':') ? ' nodad' : ''}`,
      ),
      `link set ${bridge} up`,
    ];
    await check(programs, 'ip', ['-batch', '-'], { input: `${commands.join('\n')}\n` });
    this.#addresses = addresses;
  }

  /** Addresses and link for a pod. Throws AddressesExhaustedError, or Error before `start`. */
  attach(podUid: string): SandboxNetwork {
    if (this.#addresses === undefined) throw new Error('the node has no pod network yet');
    const { bridge, mtu } = this.#options;
    return { hostInterface: hostInterfaceName(podUid), bridge, mtu, addresses: this.#addresses.take(podUid) };
  }

  /** Keeps a stored pod's addresses for it. */
  reserve(podUid: string, ips: string[]): void {
    this.#addresses?.reserve(podUid, ips);
  }

  /** Frees a pod's addresses; its link went with its namespace. */
  detach(podUid: string): void {
    this.#addresses?.release(podUid);
  }
}
