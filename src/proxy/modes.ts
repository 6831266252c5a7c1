import type { Logger } from '#base';
import { ProgramError, type Programs } from '#host';
import type { ProxyConfig } from './config/types.js';
import type { Proxier, ProxyMode } from './contract.js';
import { cleanupIptables, IptablesProxier } from './iptables/proxier.js';
import { cleanupNftables, NftablesProxier } from './nftables/proxier.js';
import type { Family } from './state/addresses.js';

export interface ModeOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  config: ProxyConfig;
}

/** A mode that this build does not offer; the message says which ones it does. */
export class UnsupportedModeError extends Error {
  constructor(mode: ProxyMode) {
    super(`proxy mode "${mode}" is not available in this version; use "nftables" or "iptables"`);
    this.name = 'UnsupportedModeError';
  }
}

export function createProxier(mode: ProxyMode, options: ModeOptions): Proxier {
  if (mode === 'nftables') return new NftablesProxier(options);
  if (mode === 'iptables') return new IptablesProxier(options);
  throw new UnsupportedModeError(mode);
}

/** Removes every rule that any mode of this proxy has left in the network namespace of the process. */
export async function cleanupProxy(programs: Programs): Promise<void> {
  await cleanupNftables(programs);
  await cleanupIptablesEverywhere(programs);
}

/** Removes what another mode of ours left, so that two sets of NAT rules never compete (the first DNAT wins). */
export async function cleanupOtherModes(mode: ProxyMode, programs: Programs): Promise<void> {
  if (mode !== 'nftables') await cleanupNftables(programs);
  if (mode !== 'iptables') await cleanupIptablesEverywhere(programs);
}

/** Both back ends; one that is not installed has left nothing. */
async function cleanupIptablesEverywhere(programs: Programs): Promise<void> {
  for (const backend of ['nft', 'legacy'] as const) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      try {
        await cleanupIptables(programs, family, backend);
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
      }
    }
  }
}
