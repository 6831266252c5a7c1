import { parseCidr } from '#base';
import type { Directive } from '../corefile/parse.js';
import type { Name } from '../wire/name.js';
import { nameArgument } from './setup-context.js';

/**
 * A zone name, or the reverse zones of a CIDR (`10.96.0.0/16` becomes `96.10.in-addr.arpa`). A prefix between label
 * borders becomes one zone per covered label, as upstream.
 */
export function zoneNames(text: string, at: Directive): Name[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [nameArgument(text, at)];
  const step = cidr.family === 4 ? 8 : 4;
  const width = cidr.family === 4 ? 32 : 128;
  const whole = Math.ceil(cidr.prefix / step) * step;
  const count = 1 << (whole - cidr.prefix);
  return Array.from({ length: count }, (_, i) => {
    const base = cidr.base + (BigInt(i) << BigInt(width - whole));
    const labels: string[] = [];
    for (let bit = 0; bit < whole; bit += step) {
      const part = Number((base >> BigInt(width - bit - step)) & ((1n << BigInt(step)) - 1n));
      labels.unshift(part.toString(cidr.family === 4 ? 10 : 16));
    }
    return [...labels, cidr.family === 4 ? 'in-addr' : 'ip6', 'arpa'];
  });
}
