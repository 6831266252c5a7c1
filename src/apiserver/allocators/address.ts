import { type Cidr, cidrSize, type IpAddress, parseCidr, parseIp } from '#base';

/** As `spec.ipFamilies` and the IPAddress labels name them. */
export type IPFamily = 'IPv4' | 'IPv6';

export function familyName(of: IpAddress | Cidr): IPFamily {
  return of.family === 4 ? 'IPv4' : 'IPv6';
}

/** The family that an address text is written in, well formed or not. */
export function familyOf(text: string): IPFamily {
  return text.includes(':') ? 'IPv6' : 'IPv4';
}

/** Like `parseCidr`, for what the operator configured: throws RangeError. */
export function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined) throw new RangeError(`invalid Service CIDR ${JSON.stringify(text)}`);
  return cidr;
}

/** The last address of the network: for IPv4 the broadcast address. */
export function lastOf(cidr: Cidr): bigint {
  return cidr.base + cidrSize(cidr) - 1n;
}

export { parseIp };
