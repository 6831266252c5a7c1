import type { Logger } from '#base';
import type { Programs } from '#host';
import type { ProxyConfig } from './config/types.js';
import type { Proxier, ProxyMode } from './contract.js';
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
    super(`proxy mode "${mode}" is not available in this version; use "nftables"`);
    this.name = 'UnsupportedModeError';
  }
}

export function createProxier(mode: ProxyMode, options: ModeOptions): Proxier {
  if (mode === 'nftables') return new NftablesProxier(options);
  throw new UnsupportedModeError(mode);
}

/** Removes every rule that any mode of this proxy has left in the network namespace of the process. */
export async function cleanupProxy(programs: Programs): Promise<void> {
  await cleanupNftables(programs);
}
