import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { cidrAddress, cidrContains, cidrSubnet, cidrsOverlap, formatIp, parseCidr, parseIp } from './ip.js';

describe('IP addresses', () => {
  it.each(['010.0.0.1', '0x7f.1', '1', '1.2.3', '256.0.0.1', '::1%eth0', ':::', '', ' 1.2.3.4'])(
    'refuses %j',
    (text) => {
      expect(parseIp(text)).toBeUndefined();
    },
  );

  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0:0::1', 'fd00::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::', '::'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ])('prints %s as %s', (input, output) => {
    expect(parseIp(input)!.text).toBe(output);
  });

  it('agrees with an independent parser on every 128-bit value', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, (1n << 128n) - 1n), (value) => {
        const text = formatIp(6, value);
        expect(parseIp(text)!.value).toBe(value);
        expect(
          ipaddr
            .parse(text)
            .toByteArray()
            .reduce((v, b) => (v << 8n) | BigInt(b), 0n),
        ).toBe(value);
      }),
    );
  });
});

describe('CIDRs', () => {
  it('masks host bits and refuses malformed prefixes', () => {
    expect(parseCidr('10.1.2.3/8')!.text).toBe('10.0.0.0/8');
    for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', 'x/8', 'fd00::/129']) {
      expect(parseCidr(bad)).toBeUndefined();
    }
  });

  it('knows containment, overlap, addresses and subnets', () => {
    const cidr = parseCidr('10.244.0.0/16')!;
    expect(cidrContains(cidr, parseIp('10.244.255.255')!)).toBe(true);
    expect(cidrContains(cidr, parseIp('10.245.0.0')!)).toBe(false);
    expect(cidrContains(cidr, parseIp('::1')!)).toBe(false);
    expect(cidrsOverlap(cidr, parseCidr('10.0.0.0/8')!)).toBe(true);
    expect(cidrAddress(cidr, 10)).toBe('10.244.0.10');
    expect(cidrSubnet(cidr, 24, 3).text).toBe('10.244.3.0/24');
    expect(() => cidrAddress(cidr, 65536)).toThrow(RangeError);
  });
});
