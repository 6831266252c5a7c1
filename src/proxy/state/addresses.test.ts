import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, cidrContains, parseAddress, parseCidr } from './addresses.js';

describe('parseAddress', () => {
  it.each([
    ['172.30.0.041', '172.30.0.41'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    [' 10.0.0.1 ', '10.0.0.1'],
  ])('reads %s as %s', (text, canonical) => expect(parseAddress(text)?.text).toBe(canonical));

  it.each(['', '10.0.0', '10.0.0.256', '10.0.0.1.2', 'example.com', 'fd00::1%eth0', ':::'])(
    'refuses "%s"',
    (text) => {
      expect(parseAddress(text)).toBeUndefined();
    },
  );
});

describe('canonicalAddress', () => {
  it('agrees with the full parser on anything', () => {
    const quad = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '01', '1a')), {
      minLength: 3,
      maxLength: 5,
    });
    const texts = fc.oneof(
      quad.map((parts) => parts.join('.')),
      fc.ipV4(),
      fc.ipV6(),
      fc.string(),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom('IPv4' as const, 'IPv6' as const), (text, family) => {
        const parsed = parseAddress(text);
        expect(canonicalAddress(text, family)).toBe(parsed?.family === family ? parsed.text : undefined);
      }),
    );
  });
});

describe('parseCidr', () => {
  it('clears host bits and leading zeros', () => {
    expect(parseCidr('10.0.0.010/08')?.text).toBe('10.0.0.0/8');
    expect(parseCidr(' fd00::1/64 ')?.text).toBe('fd00::/64');
    expect(parseCidr('10.0.0.0/33')).toBeUndefined();
  });

  it('contains only addresses of its family', () => {
    const all = parseCidr('0.0.0.0/0')!;
    expect(cidrContains(all, parseAddress('10.0.0.1')!)).toBe(true);
    expect(cidrContains(all, parseAddress('fd00::1')!)).toBe(false);
  });
});
