import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { node, service } from '../testing/objects.js';
import type { SlicePlan } from './pack.js';
import { TopologyCache, topologyHintsEnabled } from './topology.js';

function endpoint(zone: string, i: number): discovery.Endpoint {
  return { addresses: [`10.0.${i >> 8}.${i & 255}`], conditions: { ready: true }, zone };
}
function planOf(zones: string[]): SlicePlan {
  const slice: discovery.EndpointSlice = {
    metadata: { name: 's' },
    addressType: 'IPv4',
    endpoints: zones.map(endpoint),
  };
  return { create: [slice], update: [], remove: [], unchanged: [], added: 0, removed: 0 };
}
function cacheOf(...nodes: core.Node[]): TopologyCache {
  const cache = new TopologyCache();
  cache.setNodes(nodes);
  return cache;
}
const zoneNode = (zone: string, cpu: string, i = 0) => node(`${zone}-${i}`, { zone, cpu });
function hintsOf(plan: SlicePlan): string[] {
  return plan.create[0]!.endpoints!.map((e) => e.hints?.forZones?.[0]?.name ?? '-');
}

describe('topology-mode Auto', () => {
  it('hints endpoints in proportion to the CPU of the zones, moving as few as possible', () => {
    const cache = cacheOf(zoneNode('a', '2'), zoneNode('b', '2'));
    const { plan, event } = cache.addHints('ns/web', 'IPv4', planOf(['a', 'a', 'a', 'b']));
    expect(hintsOf(plan)).toEqual(['b', 'a', 'a', 'b']);
    expect(event).toMatchObject({ type: 'Normal', reason: 'TopologyAwareHintsEnabled' });
    expect(cache.addHints('ns/web', 'IPv4', planOf(['a', 'a', 'b', 'b'])).event).toBeUndefined();
  });

  it.each<[string, core.Node[], string[], RegExp]>([
    ['nodes of one zone only', [zoneNode('a', '2')], ['a', 'a'], /Insufficient Node information/],
    ['a node without zone', [zoneNode('a', '2'), node('x')], ['a', 'a'], /Insufficient Node information/],
    [
      'a node without CPU',
      [zoneNode('a', '2'), zoneNode('b', '0')],
      ['a', 'b'],
      /Insufficient Node information/,
    ],
    [
      'fewer endpoints than zones',
      [zoneNode('a', '2'), zoneNode('b', '2')],
      ['a'],
      /Insufficient number of endpoints \(1 endpoints, 2 zones\)/,
    ],
    [
      'an endpoint without zone',
      [zoneNode('a', '2'), zoneNode('b', '2')],
      ['a', ''],
      /do not have a zone specified/,
    ],
    [
      'no fair split',
      [zoneNode('a', '10'), zoneNode('b', '1'), zoneNode('c', '1')],
      ['a', 'b', 'c'],
      /minimum required endpoints/,
    ],
  ])('gives no hints, and says why, for %s', (_, nodes, zones, message) => {
    const { plan, event } = cacheOf(...nodes).addHints('ns/web', 'IPv4', planOf(zones));
    expect(new Set(hintsOf(plan))).toEqual(new Set(['-']));
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'TopologyAwareHintsDisabled',
      message: expect.stringMatching(message),
    });
    expect(event!.message).toMatch(/, addressType: IPv4$/);
  });

  it('ignores nodes that are not ready or belong to the control plane', () => {
    const unready = zoneNode('c', '64');
    unready.status!.conditions = [{ type: 'Ready', status: 'False' }];
    const control = node('cp', {
      zone: 'd',
      cpu: '64',
      labels: { 'node-role.kubernetes.io/control-plane': '' },
    });
    const cache = cacheOf(zoneNode('a', '2'), zoneNode('b', '2'), unready, control);
    expect(hintsOf(cache.addHints('ns/web', 'IPv4', planOf(['a', 'b'])).plan)).toEqual(['a', 'b']);
  });

  it('names Services that a change of nodes has made unfair', () => {
    const cache = cacheOf(zoneNode('a', '2'), zoneNode('b', '2'));
    cache.addHints('ns/web', 'IPv4', planOf(['a', 'a', 'b', 'b']));
    expect(cache.overloadedServices()).toEqual([]);
    cache.setNodes([zoneNode('a', '2'), zoneNode('b', '20')]);
    expect(cache.overloadedServices()).toEqual(['ns/web']);
  });

  it('keeps valid hints of unchanged slices as they are', () => {
    const cache = cacheOf(zoneNode('a', '2'), zoneNode('b', '2'));
    const first = cache.addHints('ns/web', 'IPv4', planOf(['a', 'a', 'b', 'b'])).plan.create[0]!;
    const again = { ...planOf([]), create: [], unchanged: [first] };
    const { plan } = cache.addHints('ns/web', 'IPv4', again);
    expect([plan.create.length, plan.update.length, plan.unchanged]).toEqual([0, 0, [first]]);
  });

  it('never gives a zone less than its fair share minus the overload threshold', () => {
    const zone = fc.constantFrom('a', 'b', 'c');
    const cpus = fc.tuple(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(fc.array(zone, { minLength: 3, maxLength: 60 }), cpus, (zones, [a, b, c]) => {
        const shares = { a, b, c };
        const cache = cacheOf(...Object.entries(shares).map(([name, cpu]) => zoneNode(name, String(cpu))));
        const { plan, event } = cache.addHints('ns/web', 'IPv4', planOf(zones));
        const hints = hintsOf(plan);
        if (event?.reason === 'TopologyAwareHintsDisabled') {
          expect(new Set(hints)).toEqual(new Set(['-']));
          return;
        }
        expect(hints).not.toContain('-');
        for (const [name, cpu] of Object.entries(shares)) {
          const share = (zones.length * cpu) / (a + b + c);
          // Whole endpoints cannot match a share exactly: half an endpoint of rounding stays.
          expect(hints.filter((hint) => hint === name).length).toBeGreaterThanOrEqual(
            Math.floor(share / 1.2) - 1,
          );
        }
      }),
    );
  });

  it.each([
    [{ 'service.kubernetes.io/topology-mode': 'Auto' }, true],
    [{ 'service.kubernetes.io/topology-mode': 'auto' }, true],
    [{ 'service.kubernetes.io/topology-mode': 'Disabled' }, false],
    [{ 'service.kubernetes.io/topology-aware-hints': 'Auto' }, true],
    [
      { 'service.kubernetes.io/topology-aware-hints': 'off', 'service.kubernetes.io/topology-mode': 'Auto' },
      false,
    ],
    [{}, false],
  ])('is asked for by annotation %j: %s', (annotations, expected) => {
    expect(topologyHintsEnabled(service('web', { annotations }))).toBe(expected);
  });
});
