import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAlreadyExists, type networking, validateObject } from '#api';
import { builtInKind, FakeObjectStore, fakeDeps } from '../testing/fake-object-store.js';
import {
  type ClusterIPs,
  createAllocators,
  parsePortRange,
  type RangeAllocation,
  rangeAllocationKind,
} from './index.js';
import { PortBitmap } from './port-bitmap.js';

const owner = (name: string) => ({ namespace: 'default', name });

async function allocators(store: FakeObjectStore, serviceCIDRs: string[], nodePortRange = '30000-32767') {
  const made = createAllocators({ serviceCIDRs, nodePortRange }, fakeDeps(store));
  await made.start();
  return made;
}

/** Takes an address as the registry does: the claim decides. */
async function take(store: FakeObjectStore, clusterIPs: ClusterIPs, name: string, wanted?: string) {
  for (;;) {
    if (wanted !== undefined) await clusterIPs.reserve(wanted);
    const ip = wanted ?? clusterIPs.pick('IPv4');
    const { kind, object } = clusterIPs.claim(ip, owner(name));
    try {
      await store.create(kind, object);
      return ip;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

async function addresses(store: FakeObjectStore): Promise<networking.IPAddress[]> {
  return store.list<networking.IPAddress>(builtInKind('networking.v1.IPAddress'));
}

describe('ClusterIPs', () => {
  it('picks from the upper band until it is full, then from the lower one, and never network or broadcast', async () => {
    const store = new FakeObjectStore();
    const { clusterIPs } = await allocators(store, ['10.0.0.0/27']);
    const picked: number[] = [];
    for (let i = 0; i < 30; i++) {
      picked.push(Number(clusterIPs.pick('IPv4').split('.')[3]));
    }
    // 32 addresses: offset min(max(16, 2), 256) = 16, so .17 to .30 come first.
    expect(picked.slice(0, 14).every((last) => last >= 17)).toBe(true);
    expect([...picked].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(() => clusterIPs.pick('IPv4')).toThrow('range is full');
    clusterIPs.forget(`10.0.0.${picked[0]}`);
    expect(clusterIPs.pick('IPv4')).toBe(`10.0.0.${picked[0]}`);
  });

  it('claims each address with an IPAddress with labels and parent as kube-apiserver does', async () => {
    const store = new FakeObjectStore();
    const { clusterIPs } = await allocators(store, ['fd00::/112']);
    const { object } = clusterIPs.claim('fd00::00ff', owner('web'));
    expect(validateObject(builtInKind('networking.v1.IPAddress'), object)).toEqual([]);
    expect(object).toMatchObject({
      metadata: {
        name: 'fd00::ff',
        labels: {
          'ipaddress.kubernetes.io/ip-family': 'IPv6',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'web' } },
    });
  });

  it.each([
    ['10.1.0.5', 'the provided network does not match the current range'],
    [
      '10.0.0.0',
      'the provided IP (10.0.0.0) is not in the valid range. The range of valid IPs is 10.0.0.0/24',
    ],
    [
      '10.0.0.255',
      'the provided IP (10.0.0.255) is not in the valid range. The range of valid IPs is 10.0.0.0/24',
    ],
    ['10.0.0.9', 'provided IP is already allocated'],
  ])('refuses %s with upstream’s words', async (ip, message) => {
    const store = new FakeObjectStore();
    const { clusterIPs } = await allocators(store, ['10.0.0.0/24']);
    await take(store, clusterIPs, 'first', '10.0.0.9');
    await expect(clusterIPs.reserve(ip)).rejects.toThrow(message);
    await expect(clusterIPs.dryReserve(ip)).rejects.toThrow(message);
  });

  it('serves from every ready ServiceCIDR and not from one that is going or not ready', async () => {
    const store = new FakeObjectStore();
    const { clusterIPs } = await allocators(store, ['10.0.0.0/30']);
    const kind = builtInKind('networking.v1.ServiceCIDR');
    await store.create<networking.ServiceCIDR>(kind, {
      metadata: { name: 'kubernetes' },
      spec: { cidrs: ['10.0.0.0/30'] },
    });
    clusterIPs.pick('IPv4');
    clusterIPs.pick('IPv4');
    expect(() => clusterIPs.pick('IPv4')).toThrow('range is full');
    await store.create<networking.ServiceCIDR>(kind, {
      metadata: { name: 'more' },
      spec: { cidrs: ['10.7.0.0/24'] },
    });
    expect(clusterIPs.pick('IPv4')).toMatch(/^10\.7\.0\./);
    await store.update<networking.ServiceCIDR>(kind, '', 'more', (object) => ({
      ...object,
      status: {
        conditions: [{ type: 'Ready', status: 'False', reason: '', message: '', lastTransitionTime: '' }],
      },
    }));
    expect(() => clusterIPs.pick('IPv4')).toThrow('range is full');
  });

  it('releases only addresses that still belong to the Service', async () => {
    const store = new FakeObjectStore();
    const { clusterIPs } = await allocators(store, ['10.0.0.0/24']);
    await take(store, clusterIPs, 'mine', '10.0.0.9');
    await clusterIPs.release('10.0.0.9', owner('other'));
    expect(await addresses(store)).toHaveLength(1);
    await clusterIPs.release('10.0.0.9', owner('mine'));
    expect(await addresses(store)).toHaveLength(0);
  });

  it('never gives one address to two owners, whatever several servers do at once', async () => {
    const step = fc.record({
      server: fc.nat(1),
      action: fc.constantFrom('next', 'ask', 'release'),
      pick: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 }), async (rounds) => {
        const store = new FakeObjectStore();
        const servers = [await allocators(store, ['10.0.0.0/28']), await allocators(store, ['10.0.0.0/28'])];
        const held = new Map<string, string>();
        let count = 0;
        for (const round of rounds) {
          const outcomes = round.map(async ({ server, action, pick }) => {
            const { clusterIPs } = servers[server]!;
            const name = `svc-${count++}`;
            const wanted = `10.0.0.${1 + (pick % 14)}`;
            if (action === 'release') {
              const [ip, who] = [...held][pick % Math.max(held.size, 1)] ?? [];
              if (ip === undefined) return;
              held.delete(ip);
              return clusterIPs.release(ip, owner(who!));
            }
            try {
              const ip = await take(store, clusterIPs, name, action === 'ask' ? wanted : undefined);
              if (held.has(ip)) throw new Error(`two owners of ${ip}`);
              held.set(ip, name);
            } catch (error) {
              if (!/full|already allocated/.test(String(error))) throw error;
            }
          });
          await Promise.all(outcomes);
          const stored = (await addresses(store)).map((a) => [a.metadata.name!, a.spec!.parentRef.name]);
          expect(new Map(stored as [string, string][])).toEqual(held);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('PortBitmap', () => {
  it('keeps the lower band of the default range, 86 ports, for requested ports', () => {
    const bitmap = new PortBitmap(parsePortRange('30000-32767'));
    for (let i = 0; i < 2768 - 86; i++)
      expect(bitmap.allocateNext(Math.random)).toBeGreaterThanOrEqual(30086);
    expect(bitmap.allocateNext(Math.random)).toBeLessThan(30086);
  });

  it('writes bytes as Go’s big.Int does: bit n is port base+n, no leading zeros', () => {
    const bitmap = new PortBitmap(parsePortRange('30000-32767'));
    bitmap.allocate(30000);
    bitmap.allocate(30009);
    expect([...bitmap.snapshot()]).toEqual([0b10, 0b1]);
    const restored = new PortBitmap(bitmap.range, bitmap.snapshot());
    expect([...restored.ports()]).toEqual([30000, 30009]);
  });

  it.each(['', '0-5', '30000', '5-1', '70000-70001', 'a-b', '65000-66000'])(
    'refuses the range %j',
    (text) => {
      expect(() => parsePortRange(text)).toThrow(RangeError);
    },
  );
});

describe('NodePorts', () => {
  it('rolls a failed transaction back without a trace', async () => {
    const store = new FakeObjectStore();
    const { nodePorts } = await allocators(store, ['10.0.0.0/24']);
    const failing = nodePorts.transact((ports) => {
      ports.allocate(30001);
      ports.allocateNext();
      ports.allocate(40000);
    });
    await expect(failing).rejects.toThrow(
      'provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
    expect((await nodePorts.taken()).size).toBe(0);
  });

  it('writes once for many requests that wait together', async () => {
    const store = new FakeObjectStore();
    const { nodePorts } = await allocators(store, ['10.0.0.0/24']);
    await nodePorts.transact((ports) => ports.allocateNext());
    const before = store.writes.get(rangeAllocationKind.message)!;
    await Promise.all(Array.from({ length: 50 }, () => nodePorts.transact((ports) => ports.allocateNext())));
    expect(store.writes.get(rangeAllocationKind.message)! - before).toBeLessThanOrEqual(2);
    expect((await nodePorts.taken()).size).toBe(51);
  });

  it('is counted under kube-apiserver’s metric names', async () => {
    const deps = fakeDeps(new FakeObjectStore());
    const { nodePorts, clusterIPs, start } = createAllocators({ serviceCIDRs: ['10.0.0.0/24'] }, deps);
    await start();
    await nodePorts.transact((ports) => [ports.allocate(30001), ports.allocateNext()]);
    await expect(nodePorts.transact((ports) => ports.allocate(1))).rejects.toThrow();
    clusterIPs.pick('IPv4');
    const { body } = await deps.metrics.scrape();
    for (const line of [
      'kube_apiserver_nodeport_allocator_allocated_ports 2',
      'kube_apiserver_nodeport_allocator_available_ports 2766',
      'kube_apiserver_nodeport_allocator_allocation_total{scope="dynamic"} 1',
      'kube_apiserver_nodeport_allocator_allocation_errors_total{scope="static"} 1',
      'kube_apiserver_clusterip_allocator_allocated_ips{cidr="10.0.0.0/24"} 1',
      'kube_apiserver_clusterip_allocator_available_ips{cidr="10.0.0.0/24"} 253',
      'kube_apiserver_clusterip_allocator_allocation_total{cidr="10.0.0.0/24",scope="dynamic"} 1',
    ]) {
      expect(body).toContain(line);
    }
  });

  it('answers dry runs with ports that cannot exist and checks requested ones', async () => {
    const store = new FakeObjectStore();
    const { nodePorts } = await allocators(store, ['10.0.0.0/24']);
    await nodePorts.transact((ports) => ports.allocate(30100));
    expect(await nodePorts.dryRun((ports) => [ports.allocateNext(), ports.allocateNext()])).toEqual([
      32769, 32770,
    ]);
    await expect(nodePorts.dryRun((ports) => ports.allocate(30100))).rejects.toThrow(
      'provided port is already allocated',
    );
    expect((await nodePorts.taken()).size).toBe(1);
  });

  it('keeps ports when the range is moved, as far as they are inside', async () => {
    const store = new FakeObjectStore();
    const first = await allocators(store, ['10.0.0.0/24'], '30000-30099');
    await first.nodePorts.transact((ports) => [ports.allocate(30010), ports.allocate(30090)]);
    const second = await allocators(store, ['10.0.0.0/24'], '30050-30149');
    expect([...(await second.nodePorts.taken())]).toEqual([30090]);
  });

  it('never gives one port to two owners and leaks none, over several servers and lost writes', async () => {
    const step = fc.record({
      server: fc.nat(1),
      action: fc.constantFrom('next', 'ask', 'release', 'fail'),
      pick: fc.nat(40),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 10 }), async (rounds) => {
        const store = new FakeObjectStore();
        const range = '30000-30031';
        const servers = [
          await allocators(store, ['10.0.0.0/24'], range),
          await allocators(store, ['10.0.0.0/24'], range),
        ];
        const held = new Set<number>();
        for (const round of rounds) {
          const outcomes = round.map(async ({ server, action, pick }) => {
            const { nodePorts } = servers[server]!;
            if (action === 'release') {
              const port = [...held][pick % Math.max(held.size, 1)];
              if (port === undefined) return;
              held.delete(port);
              return nodePorts.release([port]);
            }
            try {
              const port = await nodePorts.transact((ports) => {
                if (action === 'next') return ports.allocateNext();
                ports.allocate(30000 + (pick % 32));
                if (action === 'fail') throw new Error('full: the caller gave up');
                return 30000 + (pick % 32);
              });
              if (held.has(port)) throw new Error(`two owners of ${port}`);
              held.add(port);
            } catch (error) {
              if (!/full|already allocated/.test(String(error))) throw error;
            }
          });
          await Promise.all(outcomes);
          expect(await servers[0]!.nodePorts.taken()).toEqual(held);
        }
        const stored = await store.get<RangeAllocation>(rangeAllocationKind, '', 'servicenodeports');
        expect(stored?.range ?? range).toBe(range);
      }),
      { numRuns: 60 },
    );
  });
});
