import { networkInterfaces } from 'node:os';
import { parseIp } from '#base';

/**
 * The address that default/kubernetes points to when none was given: the bind address, or the first address of
 * the machine when that one is loopback or unspecified (which Endpoints cannot hold). Throws RangeError when the
 * network namespace has no usable address.
 */
export function defaultAdvertiseAddress(bindAddress: string): string {
  if (isUsable(bindAddress)) return bindAddress;
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, internal, scopeid } of addresses ?? []) {
      if (!internal && !scopeid && isUsable(address)) return address;
    }
  }
  throw new RangeError('no address to advertise: give --advertise-address');
}

function isUsable(address: string): boolean {
  const ip = parseIp(address);
  if (ip === undefined || ip.value === 0n) return false;
  return ip.family === 4 ? ip.value >> 24n !== 127n && ip.value >> 16n !== 0xa9fen : ip.value !== 1n;
}
