import { afterEach, describe, expect, it } from 'vitest';
import type { core, networking, rbac } from '#api';
import { createAllocators, type RangeAllocation, rangeAllocationKind } from '../allocators/index.js';
import { builtInKind, FakeObjectStore, fakeDeps } from '../testing/fake-object-store.js';
import { ClusterIPRepair } from './cluster-ip-repair.js';
import { createBootstrap } from './index.js';
import { KubernetesService } from './kubernetes-service.js';
import { NodePortRepair } from './node-port-repair.js';
import { createServiceCIDR } from './objects.js';
import { bootstrapPolicy } from './rbac-policy.js';
import { reconcilePolicy } from './rbac-reconcile.js';

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0)) await part.stop();
});

async function world() {
  const store = new FakeObjectStore();
  const deps = fakeDeps(store);
  const allocators = createAllocators({ serviceCIDRs: ['10.96.0.0/24'] }, deps);
  await allocators.start();
  started.push(allocators);
  return { store, deps, allocators };
}

function service(name: string, spec: core.ServiceSpec): core.Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

async function events(store: FakeObjectStore): Promise<string[]> {
  const list = await store.list<core.Event>(builtInKind('core.v1.Event'));
  return list.map((event) => `${event.reason}: ${event.message}`);
}

describe('the policy', () => {
  const policy = bootstrapPolicy();

  it('binds only roles that it holds, and names no rule without verbs', () => {
    const roles = new Set(policy.clusterRoles.map((role) => role.metadata.name));
    for (const binding of policy.clusterRoleBindings) expect(roles).toContain(binding.roleRef.name);
    for (const binding of policy.roleBindings) {
      expect(policy.roles.map((r) => `${r.metadata.namespace}/${r.metadata.name}`)).toContain(
        `${binding.metadata.namespace}/${binding.roleRef.name}`,
      );
    }
    for (const role of [...policy.clusterRoles, ...policy.roles]) {
      for (const rule of role.rules ?? []) {
        expect(rule.verbs.every((verb) => /^(\*|[a-z]+)$/.test(verb))).toBe(true);
        expect((rule.resources ?? rule.nonResourceURLs ?? []).length).toBeGreaterThan(0);
      }
    }
  });

  it('is completed where something is missing, and left alone where it says so', async () => {
    const { store, deps } = await world();
    const kind = builtInKind('rbac.v1.ClusterRole');
    const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' };
    await store.create<rbac.ClusterRole>(kind, {
      metadata: { name: 'system:kube-dns' },
      rules: [{ verbs: ['get'], apiGroups: ['x'], resources: ['y'] }],
    });
    await store.create<rbac.ClusterRole>(kind, {
      metadata: { name: 'system:node-proxier', annotations },
      rules: [],
    });
    await reconcilePolicy(deps);
    const dns = await store.get<rbac.ClusterRole>(kind, '', 'system:kube-dns');
    expect(dns!.rules!.length).toBeGreaterThan(1);
    expect(dns!.rules![0]).toEqual({ verbs: ['get'], apiGroups: ['x'], resources: ['y'] });
    expect((await store.get<rbac.ClusterRole>(kind, '', 'system:node-proxier'))!.rules).toEqual([]);
  });

  it('costs no write when it is there', async () => {
    const { store, deps } = await world();
    await reconcilePolicy(deps);
    const before = JSON.stringify([...store.writes]);
    await reconcilePolicy(deps);
    expect(JSON.stringify([...store.writes])).toBe(before);
  });
});

describe('a start', () => {
  it('makes namespaces, classes, range, policy and default/kubernetes; a second one writes nothing', async () => {
    const { store, deps, allocators } = await world();
    const options = {
      serviceCIDRs: ['10.96.0.0/24'],
      advertiseAddress: '192.0.2.1',
      advertisePort: 6443,
      clientCA: 'PEM',
      shared: false,
    };
    const first = createBootstrap(options, deps, allocators);
    await first.start();
    await first.stop();
    const names = async (message: string) =>
      (await store.list(builtInKind(message))).map(({ metadata }) => metadata.name).sort();
    expect(await names('core.v1.Namespace')).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ]);
    expect(await names('scheduling.v1.PriorityClass')).toEqual([
      'system-cluster-critical',
      'system-node-critical',
    ]);
    expect(await names('core.v1.Endpoints')).toEqual(['kubernetes']);
    const range = await store.get<networking.ServiceCIDR>(
      builtInKind('networking.v1.ServiceCIDR'),
      '',
      'kubernetes',
    );
    expect([range!.spec!.cidrs, range!.status!.conditions![0]!.status]).toEqual([['10.96.0.0/24'], 'True']);
    const before = JSON.stringify([...store.writes]);
    const second = createBootstrap(options, deps, allocators);
    await second.start();
    await second.stop();
    expect(JSON.stringify([...store.writes])).toBe(before);
  });
});

it('a second family that is configured later joins the range `kubernetes`; another range does not replace it', async () => {
  const { store, deps } = await world();
  const cidrs = async () =>
    (await store.get<networking.ServiceCIDR>(builtInKind('networking.v1.ServiceCIDR'), '', 'kubernetes'))!
      .spec!.cidrs;
  await createServiceCIDR(deps, ['10.96.0.0/24']);
  await createServiceCIDR(deps, ['10.96.0.0/24', 'fd00::/112']);
  expect(await cidrs()).toEqual(['10.96.0.0/24', 'fd00::/112']);
  await createServiceCIDR(deps, ['10.97.0.0/24']);
  expect(await cidrs()).toEqual(['10.96.0.0/24', 'fd00::/112']);
});

describe('default/kubernetes with several API servers', () => {
  const server = (deps: ReturnType<typeof fakeDeps>, address: string) =>
    new KubernetesService(deps, {
      serviceCIDR: '10.96.0.0/24',
      advertiseAddress: address,
      securePort: 6443,
      shared: true,
    });
  const addresses = async (store: FakeObjectStore) => {
    const slice = await store.get<{ metadata: object; endpoints: { addresses: string[] }[] }>(
      builtInKind('discovery.v1.EndpointSlice'),
      'default',
      'kubernetes',
    );
    return slice!.endpoints.flatMap((endpoint) => endpoint.addresses);
  };

  it('lists those that are alive, and forgets one that is silent for 15 s or says good-bye', async () => {
    const { store, deps } = await world();
    const [a, b] = [server(deps, '192.0.2.1'), server(deps, '192.0.2.2')];
    await a.reconcile();
    await b.reconcile();
    expect(await addresses(store)).toEqual(['192.0.2.1', '192.0.2.2']);
    deps.clock.advance(16_000);
    await b.reconcile();
    expect(await addresses(store)).toEqual(['192.0.2.2']);
    await a.reconcile();
    await b.withdraw();
    expect(await addresses(store)).toEqual(['192.0.2.1']);
  });
});

describe('the repair of ClusterIPs', () => {
  it('recreates what is missing, corrects references and labels, reports conflicts, frees orphans after 60 s', async () => {
    const { store, deps, allocators } = await world();
    const services = builtInKind('core.v1.Service');
    const kind = builtInKind('networking.v1.IPAddress');
    const address = (
      name: string,
      owner: string,
      labels: Record<string, string> = {
        'ipaddress.kubernetes.io/ip-family': 'IPv4',
        'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
      },
    ): networking.IPAddress => ({
      metadata: { name, labels, creationTimestamp: new Date(deps.clock.now()).toISOString() },
      spec: { parentRef: { resource: 'services', namespace: 'default', name: owner } },
    });
    await store.create(services, service('missing', { clusterIPs: ['10.96.0.10'] }));
    await store.create(services, service('wrong', { clusterIPs: ['10.96.0.11'] }));
    await store.create(services, service('twin-a', { clusterIPs: ['10.96.0.12'] }));
    await store.create(services, service('twin-b', { clusterIPs: ['10.96.0.12'] }));
    await store.create(services, service('outside', { clusterIPs: ['10.1.0.1'] }));
    await store.create(services, service('labels', { clusterIPs: ['10.96.0.13'] }));
    await store.create(kind, address('10.96.0.11', 'gone'));
    await store.create(kind, address('10.96.0.12', 'twin-a'));
    await store.create(kind, address('10.96.0.13', 'labels', {}));
    await store.create(kind, address('10.96.0.99', 'orphan'));
    const repair = new ClusterIPRepair(deps, allocators.clusterIPs);
    await repair.run();
    const owners = async () =>
      new Map(
        (await store.list<networking.IPAddress>(kind)).map((a) => [a.metadata.name, a.spec!.parentRef.name]),
      );
    expect(await owners()).toEqual(
      new Map([
        ['10.96.0.10', 'missing'],
        ['10.96.0.11', 'wrong'],
        ['10.96.0.12', 'twin-a'],
        ['10.96.0.13', 'labels'],
        ['10.96.0.99', 'orphan'],
      ]),
    );
    expect((await events(store)).sort()).toEqual([
      'ClusterIPAlreadyAllocated: Cluster IP [IPv4]: 10.96.0.12 was assigned to multiple services; please recreate service',
      'ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.10 is not allocated; repairing',
      'ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.11 has a wrong reference; repairing',
      'ClusterIPOutOfRange: Cluster IP [IPv4]: 10.1.0.1 is not within any configured Service CIDR; please recreate service',
    ]);
    deps.clock.advance(61_000);
    await repair.run();
    expect((await owners()).has('10.96.0.99')).toBe(false);
    expect((await store.get(kind, '', '10.96.0.13'))!.metadata.labels).toHaveProperty([
      'ipaddress.kubernetes.io/managed-by',
    ]);
  });
});

it('an address that is deleted under a living Service comes back by itself', async () => {
  const { store, deps, allocators } = await world();
  const kind = builtInKind('networking.v1.IPAddress');
  const repair = new ClusterIPRepair(deps, allocators.clusterIPs);
  await repair.start();
  started.push(repair);
  const owner = { namespace: 'default', name: 'alive' };
  await store.create(kind, allocators.clusterIPs.claim('10.96.0.20', owner).object);
  await store.create(builtInKind('core.v1.Service'), service('alive', { clusterIPs: ['10.96.0.20'] }));
  await store.delete(kind, '', '10.96.0.20');
  deps.clock.advance(600);
  await expect.poll(() => store.get(kind, '', '10.96.0.20')).toBeDefined();
  expect(await events(store)).toEqual([
    'ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.20 is not allocated; repairing',
  ]);
  await repair.stop();
  await store.delete(kind, '', '10.96.0.20');
  expect(deps.clock.pending).toBe(0);
});

describe('the repair of node ports', () => {
  const bits = async (store: FakeObjectStore) =>
    (await store.get<RangeAllocation>(rangeAllocationKind, '', 'servicenodeports'))?.data;

  it('marks used ports at once and frees leaked ones on the third pass', async () => {
    const { store, deps, allocators } = await world();
    const kind = builtInKind('core.v1.Service');
    await allocators.nodePorts.transact((ports) => ports.allocate(30005));
    await store.create(kind, service('used', { type: 'NodePort', ports: [{ port: 1, nodePort: 30007 }] }));
    await store.create(kind, service('twin', { type: 'NodePort', ports: [{ port: 1, nodePort: 30007 }] }));
    await store.create(kind, service('outside', { type: 'NodePort', ports: [{ port: 1, nodePort: 80 }] }));
    const repair = new NodePortRepair(deps, allocators.nodePorts);
    await repair.run();
    expect([...(await allocators.nodePorts.taken())].sort()).toEqual([30005, 30007]);
    expect((await events(store)).sort()).toEqual([
      'PortAlreadyAllocated: Port 30007 was assigned to multiple services; please recreate service',
      'PortNotAllocated: Port 30007 is not allocated; repairing',
      'PortOutOfRange: Port 80 is not within the port range 30000-32767; please recreate service',
    ]);
    await repair.run();
    expect((await allocators.nodePorts.taken()).has(30005)).toBe(true);
    await repair.run();
    expect([...(await allocators.nodePorts.taken())]).toEqual([30007]);
    const before = await bits(store);
    await repair.run();
    expect(await bits(store)).toBe(before);
  });
});
