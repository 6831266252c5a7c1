import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { repackSubsets } from './repack.js';

const port = (number: number): core.EndpointPort => ({ port: number, protocol: 'TCP', name: `p${number}` });
const address = (n: number): core.EndpointAddress => ({ ip: `10.0.0.${n}` });

describe('the canonical form of Endpoints', () => {
  it('joins subsets of the same ports and of the same addresses, and sorts', () => {
    const subsets = [
      { addresses: [address(2)], ports: [port(80)] },
      { addresses: [address(1)], ports: [port(80)] },
      { addresses: [address(2), address(1)], ports: [port(443)] },
    ];
    expect(repackSubsets(subsets)).toEqual([
      { addresses: [address(1), address(2)], ports: [port(443), port(80)] },
    ]);
  });

  it('lets not ready trump ready, and keeps addresses without ports', () => {
    const subsets = [
      { addresses: [address(1), address(2)], ports: [port(80)] },
      { notReadyAddresses: [address(1)], ports: [port(80)] },
      { addresses: [address(3)] },
    ];
    expect(repackSubsets(subsets)).toEqual([
      { addresses: [address(3)] },
      { addresses: [address(2)], notReadyAddresses: [address(1)], ports: [port(80)] },
    ]);
  });

  it('says the same as before, once for each address and port, and is itself canonical', () => {
    const addresses = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 });
    const subset = fc.record({
      addresses,
      notReady: addresses,
      ports: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    });
    const readiness = (subsets: core.EndpointSubset[]) => {
      const found = new Map<string, boolean>();
      for (const { addresses: ready = [], notReadyAddresses = [], ports = [] } of subsets)
        for (const { name } of ports) {
          for (const { ip } of ready) found.set(`${ip}:${name}`, found.get(`${ip}:${name}`) ?? true);
          for (const { ip } of notReadyAddresses) found.set(`${ip}:${name}`, false);
        }
      return Object.fromEntries([...found].sort());
    };
    fc.assert(
      fc.property(fc.array(subset, { maxLength: 5 }), (parts) => {
        const subsets = parts.map(({ addresses: ready, notReady, ports }) => ({
          addresses: ready.map(address),
          notReadyAddresses: notReady.map(address),
          ports: ports.map(port),
        }));
        const packed = repackSubsets(subsets);
        expect(readiness(packed)).toEqual(readiness(subsets));
        expect(repackSubsets(packed)).toEqual(packed);
        const count = packed.reduce(
          (sum, each) =>
            sum +
            ((each.addresses ?? []).length + (each.notReadyAddresses ?? []).length) *
              (each.ports ?? []).length,
          0,
        );
        expect(count).toBe(Object.keys(readiness(subsets)).length);
      }),
    );
  });
});
