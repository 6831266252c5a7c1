import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SubnetAllocator } from './allocator.js';

describe('SubnetAllocator', () => {
  it('hands out the lowest free subnetworks and takes released ones again', () => {
    const allocator = new SubnetAllocator('10.244.0.0/16', 24);
    allocator.occupy('10.244.1.0/24');
    expect([allocator.allocate(), allocator.allocate()]).toEqual(['10.244.0.0/24', '10.244.2.0/24']);
    allocator.release('10.244.0.0/24');
    expect([allocator.allocate(), allocator.allocate()]).toEqual(['10.244.0.0/24', '10.244.3.0/24']);
  });

  it('treats a wider network of a Node as all the subnetworks it covers', () => {
    const allocator = new SubnetAllocator('fd00::/62', 64);
    allocator.occupy('fd00::/63');
    expect([allocator.allocate(), allocator.allocate(), allocator.allocate()]).toEqual([
      'fd00:0:0:2::/64',
      'fd00:0:0:3::/64',
      undefined,
    ]);
  });

  it.each([
    ['10.0.0.0/24', 16],
    ['10.0.0.0/8', 30],
    ['nonsense', 24],
  ])('refuses %s with /%i', (cidr, mask) => {
    expect(() => new SubnetAllocator(cidr, mask)).toThrow(RangeError);
  });

  it('never gives one subnetwork to two owners, whatever is taken and released', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (steps) => {
        const allocator = new SubnetAllocator('10.0.0.0/20', 24);
        const held: string[] = [];
        for (const step of steps) {
          if (step < 12) {
            const cidr = allocator.allocate();
            if (held.length === 16) expect(cidr).toBeUndefined();
            else {
              expect(cidr).toBeDefined();
              expect(held).not.toContain(cidr);
              held.push(cidr!);
            }
          } else if (held.length > 0) allocator.release(held.splice(step % held.length, 1)[0]!);
        }
      }),
    );
  });
});
