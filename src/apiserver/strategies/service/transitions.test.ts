import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type core, type networking, StatusError } from '#api';
import { startTestServer, type TestServer } from '../../testing/in-process-server.js';

type Service = core.Service & { spec: core.ServiceSpec };
type Kind = 'ClusterIP' | 'headless' | 'NodePort' | 'LoadBalancer' | 'ExternalName';

const SERVICES = '/api/v1/namespaces/default/services';
const KINDS: Kind[] = ['ClusterIP', 'headless', 'NodePort', 'LoadBalancer', 'ExternalName'];

/** A Service of each type with all that its type may have. */
const SPECS: Record<Kind, core.ServiceSpec> = {
  ClusterIP: { type: 'ClusterIP' },
  headless: { type: 'ClusterIP', clusterIP: 'None' },
  NodePort: { type: 'NodePort', externalTrafficPolicy: 'Local' },
  LoadBalancer: {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    loadBalancerClass: 'example.com/lb',
    loadBalancerSourceRanges: ['192.0.2.0/24'],
  },
  ExternalName: { type: 'ExternalName', externalName: 'example.com' },
};

/** What a user changes to get there. */
function patchTo(kind: Kind): object {
  if (kind === 'headless') return { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] };
  if (kind === 'ExternalName') return { type: kind, externalName: 'example.com' };
  return { type: kind };
}

/** `old` and `new` are compared by what the Service had before; `none` is an absent field. */
interface Outcome {
  address: 'old' | 'new' | 'none';
  nodePort: 'old' | 'new' | 'none';
  healthCheckPort: 'old' | 'new' | 'none';
  externalTrafficPolicy: string | undefined;
  loadBalancerClass: string | undefined;
  allocateLoadBalancerNodePorts: boolean | undefined;
  ingress: boolean;
}

const nothing: Outcome = {
  address: 'none',
  nodePort: 'none',
  healthCheckPort: 'none',
  externalTrafficPolicy: undefined,
  loadBalancerClass: undefined,
  allocateLoadBalancerNodePorts: undefined,
  ingress: false,
};
const toNodePort: Outcome = { ...nothing, address: 'old', nodePort: 'new', externalTrafficPolicy: 'Cluster' };
const toBalancer: Outcome = { ...toNodePort, allocateLoadBalancerNodePorts: true };
const noneForNodePort = (type: string) =>
  `FieldValueInvalid spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for ${type} services`;
const mayNotChange = 'FieldValueInvalid spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set';
const rangesLeft =
  "FieldValueForbidden spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'";

/** Rows of upstream's table by old type, then new type: what is left, or the refusal's causes. */
const TABLE: Record<Kind, Record<Exclude<Kind, never>, Outcome | string[] | undefined>> = {
  ClusterIP: {
    ClusterIP: undefined,
    headless: [mayNotChange],
    NodePort: toNodePort,
    LoadBalancer: toBalancer,
    ExternalName: nothing,
  },
  headless: {
    ClusterIP: undefined,
    headless: undefined,
    NodePort: [noneForNodePort('NodePort')],
    LoadBalancer: [noneForNodePort('LoadBalancer')],
    ExternalName: nothing,
  },
  NodePort: {
    ClusterIP: { ...nothing, address: 'old' },
    headless: [mayNotChange],
    NodePort: undefined,
    LoadBalancer: {
      ...toBalancer,
      nodePort: 'old',
      externalTrafficPolicy: 'Local',
      healthCheckPort: 'new',
    },
    ExternalName: nothing,
  },
  LoadBalancer: {
    ClusterIP: { ...nothing, address: 'old' },
    headless: [mayNotChange],
    NodePort: { ...nothing, address: 'old', nodePort: 'old', externalTrafficPolicy: 'Local' },
    LoadBalancer: undefined,
    ExternalName: nothing,
  },
  ExternalName: {
    ClusterIP: { ...nothing, address: 'new' },
    headless: nothing,
    NodePort: { ...toNodePort, address: 'new' },
    LoadBalancer: { ...toBalancer, address: 'new' },
    ExternalName: undefined,
  },
};
const ROWS = KINDS.flatMap((from) =>
  KINDS.flatMap((to) => (TABLE[from][to] === undefined ? [] : [{ from, to, expected: TABLE[from][to] }])),
);

describe('the type of a Service', () => {
  let server: TestServer;
  let count = 0;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());

  async function make(kind: Kind): Promise<Service> {
    const name = `s${++count}`;
    const spec = { selector: { app: 'web' }, ports: [{ port: 80 }], ...SPECS[kind] };
    const made = await server.call<Service>('POST', SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec,
    });
    if (kind !== 'LoadBalancer') return made;
    const ingress = [{ ip: '192.0.2.7', ipMode: 'VIP' }];
    return server.call('PATCH', `${SERVICES}/${name}/status`, { status: { loadBalancer: { ingress } } });
  }

  const patch = (service: Service, spec: object) =>
    server.call<Service>('PATCH', `${SERVICES}/${service.metadata.name}`, { spec });

  function compare(now: unknown, before: unknown): 'old' | 'new' | 'none' {
    if (now === undefined || now === '' || now === 'None') return 'none';
    return now === before ? 'old' : 'new';
  }

  function outcomeOf({ spec, status }: Service, before: Service): Outcome {
    const hadAddress = before.spec.clusterIP === 'None' ? undefined : before.spec.clusterIP;
    return {
      address: compare(spec.clusterIP, hadAddress),
      nodePort: compare(spec.ports![0]!.nodePort, before.spec.ports![0]!.nodePort),
      healthCheckPort: compare(spec.healthCheckNodePort, before.spec.healthCheckNodePort),
      externalTrafficPolicy: spec.externalTrafficPolicy,
      loadBalancerClass: spec.loadBalancerClass,
      allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts,
      ingress: (status?.loadBalancer?.ingress ?? []).length > 0,
    };
  }

  async function addresses(): Promise<string[]> {
    const path = '/apis/networking.k8s.io/v1/ipaddresses';
    const { items } = await server.call<{ items: networking.IPAddress[] }>('GET', path);
    return items.map((item) => item.metadata.name!);
  }

  it.each(ROWS)('changes from $from to $to', async ({ from, to, expected }) => {
    const before = await make(from);
    // Ranges are the user's own and are never cleared: leaving them behind is refused (next test).
    const ranges = from === 'LoadBalancer' ? { loadBalancerSourceRanges: null } : {};
    const changed = await patch(before, { ...patchTo(to), ...ranges }).catch((error: StatusError) => error);
    if (changed instanceof StatusError) {
      const causes = (changed.status.details?.causes ?? []).map(
        (c) => `${c.reason} ${c.field}: ${c.message}`,
      );
      return expect([changed.code, causes]).toEqual([422, expected]);
    }
    expect(outcomeOf(changed, before)).toEqual(expected);
    expect(changed.spec.selector, 'never cleared').toEqual({ app: 'web' });
    const held = before.spec.clusterIP ?? 'None';
    const keeps = changed.spec.clusterIP === held;
    if (held !== 'None') expect((await addresses()).includes(held), 'the address is booked').toBe(keeps);
  });

  it('cannot leave LoadBalancer while it has source ranges', async () => {
    const before = await make('LoadBalancer');
    const error = await patch(before, { type: 'ClusterIP' }).catch((reason: StatusError) => reason);
    const causes = (error as StatusError).status.details?.causes ?? [];
    expect(causes.map((c) => `${c.reason} ${c.field}: ${c.message}`)).toEqual([rangesLeft]);
  });

  it('keeps externalName when it leaves ExternalName', async () => {
    const changed = await patch(await make('ExternalName'), { type: 'ClusterIP' });
    expect(changed.spec.externalName).toBe('example.com');
  });

  it('becomes ExternalName only without values that the user set in the same request', async () => {
    const before = await make('ClusterIP');
    const error = await patch(before, {
      ...patchTo('ExternalName'),
      clusterIP: '10.96.7.7',
      clusterIPs: ['10.96.7.7'],
      ipFamilyPolicy: 'PreferDualStack',
      ipFamilies: ['IPv4', 'IPv6'],
    }).catch((reason: StatusError) => reason);
    const causes = ((error as StatusError).status.details?.causes ?? []).map(
      (c) => `${c.field}: ${c.message}`,
    );
    expect(causes).toEqual([
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    ]);
  });
});

describe('kinds of a Service, written by PUT', () => {
  it.each([
    ['/api/v1/namespaces/default/services/new', { kind: 'Service', spec: { ports: [{ port: 1 }] } }, true],
    ['/api/v1/namespaces/default/endpoints/new', { kind: 'Endpoints' }, true],
    [
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/new',
      { kind: 'EndpointSlice', addressType: 'IPv4', endpoints: [] },
      false,
    ],
  ])('%s: %j is created: %s', async (path, object, created) => {
    const server = await startTestServer();
    try {
      const apiVersion = object.kind === 'EndpointSlice' ? 'discovery.k8s.io/v1' : 'v1';
      const put = server.call('PUT', path, { apiVersion, metadata: { name: 'new' }, ...object });
      const code = await put.then(
        () => 201,
        (error: StatusError) => error.code,
      );
      expect(code).toBe(created ? 201 : 404);
    } finally {
      await server.stop();
    }
  });
});
