import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type core, isStatus, type KubeObject, type networking, StatusError } from '#api';
import { createAllocators } from '../../allocators/index.js';
import { builtInKind, FakeObjectStore, fakeDeps } from '../../testing/fake-object-store.js';
import { admin, startTestServer, type TestServer } from '../../testing/in-process-server.js';
import { serviceStrategy } from './strategy.js';

type Spec = Partial<core.ServiceSpec>;
const SERVICES = '/api/v1/namespaces/default/services';
const port = (more: Partial<core.ServicePort> = {}): core.ServicePort => ({ port: 80, ...more });

let count = 0;
const fresh = () => `svc-${++count}`;

function manifest(spec: Spec, name = fresh()): core.Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

async function create(
  server: TestServer,
  spec: Spec,
  query = '',
): Promise<core.Service & { spec: core.ServiceSpec }> {
  return server.call('POST', `${SERVICES}${query}`, manifest(spec));
}

/** PATCH (merge) of the spec. */
async function change(server: TestServer, service: core.Service, spec: object, query = '') {
  return server.call<core.Service & { spec: core.ServiceSpec }>(
    'PATCH',
    `${SERVICES}/${service.metadata.name}${query}`,
    { spec },
  );
}

async function failure(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StatusError)) throw new Error(`expected a Status, got ${String(error)}`);
  return error;
}

const causes = (error: StatusError) =>
  (error.status.details?.causes ?? []).map(({ reason, field, message }) => `${reason} ${field}: ${message}`);

async function ips(server: TestServer): Promise<string[]> {
  const list = await server.call<{ items: networking.IPAddress[] }>(
    'GET',
    '/apis/networking.k8s.io/v1/ipaddresses',
  );
  return list.items.map((item) => item.metadata.name!);
}

describe('Services on a single-stack cluster', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());

  it('get a ClusterIP, one family and the defaults', async () => {
    const service = await create(server, { ports: [port()] });
    expect(service.spec).toMatchObject({
      type: 'ClusterIP',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    });
    expect(service.spec.clusterIPs).toEqual([service.spec.clusterIP]);
    expect(service.status).toEqual({ loadBalancer: {} });
    expect(service.metadata.generation).toBeUndefined();
    expect(await ips(server)).toContain(service.spec.clusterIP);
  });

  it.each<[string, Spec, string[]]>([
    [
      'an address outside the range',
      { clusterIP: '10.1.0.1' },
      [
        'FieldValueInvalid spec.clusterIPs: Invalid value: ["10.1.0.1"]: failed to allocate IP 10.1.0.1: the provided network does not match the current range',
      ],
    ],
    [
      'an address in use',
      { clusterIP: '10.96.0.1' },
      [
        'FieldValueInvalid spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
      ],
    ],
    [
      'two families',
      { ipFamilyPolicy: 'RequireDualStack' },
      [
        'FieldValueInvalid spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ],
    [
      'a family that the cluster has not',
      { ipFamilies: ['IPv6'] },
      ['FieldValueInvalid spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    ],
    [
      'an address of such a family',
      { clusterIP: 'fd00::1' },
      [
        'FieldValueInvalid spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
      ],
    ],
    [
      'an unknown policy',
      { ipFamilyPolicy: 'Both' },
      [
        'FieldValueNotSupported spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      ],
    ],
    [
      'two addresses without a policy',
      { clusterIP: '10.96.9.1', clusterIPs: ['10.96.9.1', 'fd00::1'] },
      [
        "FieldValueInvalid spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified",
        'FieldValueInvalid spec.clusterIPs[1]: Invalid value: ["10.96.9.1","fd00::1"]: IPv6 is not configured on this cluster',
      ],
    ],
    [
      'lists that disagree',
      { clusterIP: '10.96.9.1', clusterIPs: ['10.96.9.2'] },
      ['FieldValueInvalid spec.clusterIPs: Invalid value: ["10.96.9.2"]: first value must match `clusterIP`'],
    ],
    [
      'leading zeros',
      { clusterIP: '10.96.009.1' },
      [
        'FieldValueInvalid spec.clusterIPs[0]: Invalid value: "10.96.009.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'None together with an address',
      { clusterIP: 'None', clusterIPs: ['None', '10.96.9.1'] },
      [
        'FieldValueInvalid spec.clusterIPs: Invalid value: ["None","10.96.9.1"]: \'None\' must be the first and only value',
      ],
    ],
    [
      'a node port out of range',
      { type: 'NodePort', ports: [port({ nodePort: 80 })] },
      [
        'FieldValueInvalid spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
      ],
    ],
  ])('are refused with %s, as upstream words it', async (_what, spec, expected) => {
    const error = await failure(create(server, { ports: [port()], ...spec }));
    expect([error.code, causes(error)]).toEqual([422, expected]);
  });

  it('give back what they took when validation refuses them', async () => {
    const before = await ips(server);
    const error = await failure(
      create(server, {
        type: 'NodePort',
        clusterIP: '10.96.77.7',
        ports: [port({ nodePort: 30777, protocol: 'ICMP' })],
      }),
    );
    expect(error.code).toBe(422);
    expect(await ips(server)).toEqual(before);
    await create(server, { type: 'NodePort', clusterIP: '10.96.77.7', ports: [port({ nodePort: 30777 })] });
  });

  it('headless without selector are dual-stack even here; with a selector they are not', async () => {
    const without = await create(server, { clusterIP: 'None', ports: [port()] });
    expect(without.spec).toMatchObject({
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    const selecting = await create(server, { clusterIP: 'None', selector: { app: 'x' }, ports: [port()] });
    expect(selecting.spec).toMatchObject({ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
  });

  it('of type ExternalName have neither address nor families', async () => {
    const service = await create(server, { type: 'ExternalName', externalName: 'example.com' });
    expect(service.spec.clusterIP ?? '').toBe('');
    expect(service.spec.clusterIPs).toBeUndefined();
    expect(service.spec.ipFamilies).toBeUndefined();
  });

  it('share a node port between protocols of one port number on create, and not on update', async () => {
    const both = [
      port({ name: 't', protocol: 'TCP', port: 53 }),
      port({ name: 'u', protocol: 'UDP', port: 53 }),
    ];
    const service = await create(server, { type: 'NodePort', ports: both });
    const [t, u] = service.spec.ports!;
    expect(t!.nodePort).toBeGreaterThanOrEqual(30086);
    expect(u!.nodePort).toBe(t!.nodePort);
    const plain = await create(server, { ports: both });
    const changed = await change(server, plain, { type: 'NodePort' });
    expect(changed.spec.ports![0]!.nodePort).not.toBe(changed.spec.ports![1]!.nodePort);
  });

  it('keep address and node ports over a PUT that omits them, by port name', async () => {
    const ports = [port({ name: 'a' }), port({ name: 'b', port: 81 })];
    const service = await create(server, { type: 'NodePort', ports });
    const put = manifest(
      { type: 'NodePort', ports: [port({ name: 'b', port: 8181 }), port({ name: 'a' })] },
      service.metadata.name,
    );
    const after = await server.call<core.Service>('PUT', `${SERVICES}/${service.metadata.name}`, put);
    expect(after.spec!.clusterIP).toBe(service.spec.clusterIP);
    expect(after.spec!.ports!.map((p) => p.nodePort)).toEqual([
      service.spec.ports![1]!.nodePort,
      service.spec.ports![0]!.nodePort,
    ]);
  });

  it('lose address, families and node ports on the way to ExternalName, and get new ones on the way back', async () => {
    const service = await create(server, {
      type: 'NodePort',
      clusterIP: '10.96.50.5',
      ports: [port({ nodePort: 30055 })],
    });
    const external = await change(server, service, { type: 'ExternalName', externalName: 'example.com' });
    expect(external.spec.clusterIP ?? '').toBe('');
    expect(external.spec.ipFamilyPolicy).toBeUndefined();
    expect(external.spec.ports![0]!.nodePort).toBeUndefined();
    expect(await ips(server)).not.toContain('10.96.50.5');
    await create(server, { type: 'NodePort', clusterIP: '10.96.50.5', ports: [port({ nodePort: 30055 })] });
    const back = await change(server, service, { type: 'ClusterIP' });
    expect(back.spec.clusterIP).toMatch(/^10\.96\./);
    expect(back.spec.externalName).toBe('example.com');
    expect(server.warnings).toEqual(['spec.externalName is ignored when spec.type is not "ExternalName"']);
  });

  it('release node ports on the way to ClusterIP unless new ones are asked for', async () => {
    const service = await create(server, {
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      ports: [port({ nodePort: 30061 })],
    });
    const error = await failure(
      change(server, service, { type: 'ClusterIP', ports: [port({ nodePort: 30062 })] }),
    );
    expect(causes(error).join()).toContain('FieldValueForbidden spec.ports[0].nodePort');
    const changed = await change(server, service, { type: 'ClusterIP' });
    expect(changed.spec.ports![0]!.nodePort).toBeUndefined();
    expect(changed.spec.externalTrafficPolicy).toBeUndefined();
    await create(server, { type: 'NodePort', ports: [port({ nodePort: 30061 })] });
    await create(server, { type: 'NodePort', ports: [port({ nodePort: 30062 })] });
  });

  it('of type LoadBalancer with Local policy hold a health check port until they leave', async () => {
    const service = await create(server, {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: [port()],
    });
    const health = service.spec.healthCheckNodePort!;
    expect(health).toBeGreaterThanOrEqual(30086);
    expect(service.spec.allocateLoadBalancerNodePorts).toBe(true);
    const taken = await failure(create(server, { type: 'NodePort', ports: [port({ nodePort: health })] }));
    expect(taken.message).toContain('provided port is already allocated');
    const changed = await change(server, service, { type: 'ClusterIP' });
    expect(changed.spec).not.toHaveProperty('healthCheckNodePort');
    expect(changed.spec).not.toHaveProperty('allocateLoadBalancerNodePorts');
    await create(server, { type: 'NodePort', ports: [port({ nodePort: health })] });
  });

  it('without allocateLoadBalancerNodePorts take only the node ports that they name', async () => {
    const ports = [port({ name: 'a', nodePort: 30071 }), port({ name: 'b', port: 81 })];
    const service = await create(server, {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      ports,
    });
    expect(service.spec.ports!.map((p) => p.nodePort)).toEqual([30071, undefined]);
  });

  it('cannot change their address', async () => {
    const service = await create(server, { ports: [port()] });
    const error = await failure(
      change(server, service, { clusterIP: '10.96.200.200', clusterIPs: ['10.96.200.200'] }),
    );
    expect(causes(error)).toEqual([
      'FieldValueInvalid spec.clusterIPs[0]: Invalid value: ["10.96.200.200"]: may not change once set',
    ]);
  });

  it('in a dry run get impossible values and allocate nothing', async () => {
    const before = await ips(server);
    const dry = await create(server, { type: 'NodePort', ports: [port()] }, '?dryRun=All');
    expect([dry.spec.clusterIP, dry.spec.ports![0]!.nodePort]).toEqual(['10.96.0.0', 32769]);
    const plain = await create(server, { ports: [port()] });
    const changed = await change(server, plain, { type: 'NodePort' }, '?dryRun=All');
    expect(changed.spec.ports![0]!.nodePort).toBe(32769);
    expect((await ips(server)).length).toBe(before.length + 1);
  });

  it('free everything and take their Endpoints along when they are deleted', async () => {
    const service = await create(server, {
      type: 'NodePort',
      clusterIP: '10.96.88.8',
      ports: [port({ nodePort: 30088 })],
    });
    const { name } = service.metadata;
    const endpoints = '/api/v1/namespaces/default/endpoints';
    await server.call('POST', endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name } });
    expect(server.warnings).toEqual([
      'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    ]);
    const deleted = await server.call<KubeObject>('DELETE', `${SERVICES}/${name}`);
    expect(deleted.kind).toBe('Service');
    expect((await failure(server.call('GET', `${endpoints}/${name}`))).code).toBe(404);
    await create(server, { type: 'NodePort', clusterIP: '10.96.88.8', ports: [port({ nodePort: 30088 })] });
  });

  it('let a status write change metadata and status, and lose LB status with the type', async () => {
    const service = await create(server, { type: 'LoadBalancer', ports: [port()] });
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } };
    const body = { metadata: { annotations: { a: 'b' } }, spec: { externalIPs: ['192.0.2.9'] }, status };
    const written = await server.call<core.Service>(
      'PATCH',
      `${SERVICES}/${service.metadata.name}/status`,
      body,
    );
    expect(written.spec!.externalIPs).toBeUndefined();
    expect(written.metadata.annotations).toEqual({ a: 'b' });
    expect(written.status!.loadBalancer!.ingress).toEqual([{ ip: '192.0.2.7', ipMode: 'VIP' }]);
    const changed = await change(server, service, { type: 'NodePort' });
    expect(changed.status).toEqual({ loadBalancer: {} });
  });

  it.each<[Spec, string[]]>([
    [
      { externalIPs: ['192.0.2.9'] },
      ['spec.externalIPs is deprecated and may no longer be implemented in some clusters'],
    ],
    [
      { trafficDistribution: 'PreferClose' },
      ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
    ],
    [{ externalName: 'x.example' }, ['spec.externalName is ignored when spec.type is not "ExternalName"']],
    [
      { clusterIP: 'None', sessionAffinity: 'ClientIP' },
      ['spec.SessionAffinity is ignored for headless services'],
    ],
  ])('warn about %j', async (spec, warnings) => {
    await create(server, { ports: [port()], ...spec });
    expect(server.warnings).toEqual(warnings);
  });

  it('are created by PUT, and hold the `kubernetes` Service with the first address', async () => {
    const put = manifest({ ports: [port()] });
    const made = await server.call<core.Service>('PUT', `${SERVICES}/${put.metadata.name}`, put);
    expect(made.spec!.clusterIP).toMatch(/^10\.96\./);
    const kubernetes = await server.call<core.Service>('GET', `${SERVICES}/kubernetes`);
    expect(kubernetes.spec).toMatchObject({
      clusterIP: '10.96.0.1',
      ports: [{ name: 'https', port: 443, targetPort: 6443 }],
    });
    const slice = await server.call(
      'GET',
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
    );
    expect(slice).toMatchObject({ endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ port: 6443 }] });
  });

  it.each<[core.ServiceSpec, Partial<core.ServiceSpec>]>([
    [
      { clusterIP: '10.96.123.4' },
      { clusterIPs: ['10.96.123.4'], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    ],
    [
      { clusterIP: 'None', selector: { a: 'b' } },
      { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    ],
    [{ clusterIP: 'None' }, { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack' }],
    [
      { type: 'ExternalName', externalName: 'x.example', internalTrafficPolicy: 'Cluster' },
      { type: 'ExternalName' },
    ],
  ])('that an older server stored as %j read as %j and can be changed', async (spec, expected) => {
    const name = fresh();
    const old = { ...manifest({ type: 'ClusterIP', ports: [{ port: 80 }], ...spec }, name) };
    old.metadata = { name, namespace: 'default', uid: name, creationTimestamp: '2020-01-01T00:00:00Z' };
    const key = `/registry/services/specs/default/${name}`;
    await server.store.txn([], [{ op: 'put', key, value: Buffer.from(JSON.stringify(old)) }]);
    const read = await server.call<core.Service>('GET', `${SERVICES}/${name}`);
    expect(read.spec).toMatchObject(expected);
    if (spec.type === 'ExternalName') expect(read.spec).not.toHaveProperty('internalTrafficPolicy');
    const put = { ...read, metadata: { ...read.metadata, labels: { changed: 'yes' } } };
    const after = await server.call<core.Service>('PUT', `${SERVICES}/${name}`, put);
    expect(after.spec).toMatchObject(expected);
  });

  it('answer 409 for a name that exists, and leave its allocations alone', async () => {
    const service = await create(server, { ports: [port()] });
    const before = await ips(server);
    const again = server.call('POST', SERVICES, manifest({ ports: [port()] }, service.metadata.name));
    expect(isStatus(await failure(again), 'AlreadyExists')).toBe(true);
    expect((await ips(server)).sort()).toEqual(before.sort());
  });
});

describe('Services on a dual-stack cluster', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ serviceClusterIPRange: ['10.96.0.0/16', 'fd00:10:96::/112'] });
  });
  afterAll(() => server.stop());

  it.each<[Spec, string[], string]>([
    [{}, ['IPv4'], 'SingleStack'],
    [{ ipFamilies: ['IPv6'] }, ['IPv6'], 'SingleStack'],
    [{ ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6'], 'PreferDualStack'],
    [{ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6'] }, ['IPv6', 'IPv4'], 'RequireDualStack'],
    [{ clusterIP: 'fd00:10:96::77' }, ['IPv6'], 'SingleStack'],
    [{ ipFamilyPolicy: 'PreferDualStack', clusterIP: 'fd00:10:96::78' }, ['IPv6', 'IPv4'], 'PreferDualStack'],
  ])('settle %j to the families %j with policy %s', async (spec, families, policy) => {
    const service = await create(server, { ports: [port()], ...spec });
    expect(service.spec.ipFamilies).toEqual(families);
    expect(service.spec.ipFamilyPolicy).toBe(policy);
    expect(service.spec.clusterIPs!.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))).toEqual(families);
  });

  it('are upgraded and downgraded by policy; the second address comes and goes', async () => {
    const service = await create(server, { ports: [port()] });
    const up = await change(server, service, { ipFamilyPolicy: 'RequireDualStack' });
    expect(up.spec.clusterIPs).toHaveLength(2);
    expect(up.spec.clusterIP).toBe(service.spec.clusterIP);
    const second = up.spec.clusterIPs![1]!;
    expect(await ips(server)).toContain(second);
    const down = await change(server, service, { ipFamilyPolicy: 'SingleStack' });
    expect(down.spec).toMatchObject({ clusterIPs: [service.spec.clusterIP], ipFamilies: ['IPv4'] });
    expect(await ips(server)).not.toContain(second);
  });

  it('refuse shorter lists without SingleStack', async () => {
    const service = await create(server, { ipFamilyPolicy: 'RequireDualStack', ports: [port()] });
    const error = await failure(
      change(server, service, { clusterIPs: [service.spec.clusterIP], ipFamilies: ['IPv4'] }),
    );
    expect(causes(error)).toEqual([
      'FieldValueInvalid spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary cluster IP',
      'FieldValueInvalid spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be \'SingleStack\' to release the secondary IP family',
    ]);
  });

  it('give the first address back when the second cannot be had', async () => {
    await create(server, { clusterIP: 'fd00:10:96::99', ports: [port()] });
    const before = await ips(server);
    const wanted = {
      clusterIP: '10.96.44.4',
      clusterIPs: ['10.96.44.4', 'fd00:10:96::99'],
      ipFamilyPolicy: 'RequireDualStack',
    };
    const error = await failure(create(server, { ...wanted, ports: [port()] }));
    expect(error.message).toContain('failed to allocate IP fd00:10:96::99: provided IP is already allocated');
    expect((await ips(server)).sort()).toEqual(before.sort());
  });
});

it('a deleted Service gives its addresses back even when its Endpoints cannot be removed', async () => {
  const store = new FakeObjectStore();
  const deps = fakeDeps(store);
  const allocators = createAllocators({ serviceCIDRs: ['10.96.0.0/24'] }, deps);
  await allocators.start();
  const strategy = serviceStrategy(deps, allocators);
  const context = { user: admin, dryRun: false, subresource: '', warn() {} };
  const service: core.Service = {
    metadata: { name: 's', namespace: 'default' },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  };
  const { claims } = await strategy.beginCreate!(context, service);
  for (const { kind, object } of claims!()) await store.create(kind, object);
  expect(await store.list(builtInKind('networking.v1.IPAddress'))).toHaveLength(1);
  await store.create(builtInKind('core.v1.Endpoints'), { metadata: { name: 's', namespace: 'default' } });
  store.beforeWrite = (message) => {
    if (message === 'core.v1.Endpoints') throw new Error('the store is unhappy');
  };
  await strategy.afterDelete!(context, service);
  expect(await store.list(builtInKind('networking.v1.IPAddress'))).toEqual([]);
  expect((await allocators.nodePorts.taken()).size).toBe(0);
});
