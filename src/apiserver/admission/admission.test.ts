import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type core, type networking, StatusError } from '#api';
import { startTestServer, type TestServer } from '../testing/in-process-server.js';

let server: TestServer;
const PODS = '/api/v1/namespaces/default/pods';

async function refusal(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StatusError)) throw new Error(`expected a Status, got ${String(error)}`);
  return error;
}

let count = 0;
function pod(spec: Partial<core.PodSpec> = {}): core.Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${++count}` },
    spec: { containers: [{ name: 'c', image: 'host' }], ...spec },
  };
}
const create = (object: core.Pod): Promise<core.Pod> => server.call('POST', PODS, object);

beforeAll(async () => {
  server = await startTestServer();
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
});
afterAll(() => server.stop());

describe('NamespaceLifecycle', () => {
  it('answers 404 for a namespace that does not exist', async () => {
    const error = await refusal(
      server.call('POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'x' } }),
    );
    expect([error.code, error.message]).toEqual([404, 'namespaces "nowhere" not found']);
  });

  it.each(['default', 'kube-system', 'kube-public'])('keeps %s', async (name) => {
    const error = await refusal(server.call('DELETE', `/api/v1/namespaces/${name}`));
    expect([error.code, error.message]).toEqual([
      403,
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    ]);
  });

  it('refuses new content while a namespace goes, and lets it go when it is finalized', async () => {
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'going' } });
    const maps = '/api/v1/namespaces/going/configmaps';
    await server.call('POST', maps, { metadata: { name: 'before' } });
    const marked = await server.call<core.Namespace>('DELETE', '/api/v1/namespaces/going');
    expect([marked.status!.phase, marked.spec!.finalizers]).toEqual(['Terminating', ['kubernetes']]);
    const error = await refusal(server.call('POST', maps, { metadata: { name: 'after' } }));
    expect(error.code).toBe(403);
    expect(error.message).toBe(
      'configmaps "after" is forbidden: unable to create new content in namespace going because it is being terminated',
    );
    expect(error.status.details!.causes).toEqual([
      {
        reason: 'NamespaceTerminating',
        message: 'namespace going is being terminated',
        field: 'metadata.namespace',
      },
    ]);
    await server.call('PATCH', `${maps}/before`, { data: { still: 'editable' } });
    await server.call('PUT', '/api/v1/namespaces/going/finalize', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'going' },
      spec: {},
    });
    expect((await refusal(server.call('GET', '/api/v1/namespaces/going'))).code).toBe(404);
  });
});

describe('Pods are completed', () => {
  it('with account, token volume, tolerations, priority and class', async () => {
    const { spec, status } = await create(pod());
    expect(spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    const [volume] = spec!.volumes!;
    expect(volume!.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume!.projected).toEqual({
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    });
    expect(spec!.containers[0]!.volumeMounts).toEqual([
      { name: volume!.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
    ]);
    expect(spec!.tolerations).toEqual([
      {
        key: 'node.kubernetes.io/not-ready',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      },
      {
        key: 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      },
    ]);
    expect(status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  it('without a token volume when the Pod or its account declines', async () => {
    expect((await create(pod({ automountServiceAccountToken: false }))).spec!.volumes).toBeUndefined();
    await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', {
      metadata: { name: 'bare' },
      automountServiceAccountToken: false,
      imagePullSecrets: [{ name: 'registry' }],
    });
    const { spec } = await create(pod({ serviceAccountName: 'bare' }));
    expect([spec!.volumes, spec!.imagePullSecrets]).toEqual([undefined, [{ name: 'registry' }]]);
    expect(
      (await create(pod({ serviceAccountName: 'bare', automountServiceAccountToken: true }))).spec!.volumes,
    ).toHaveLength(1);
  });

  it('not when their account does not exist', async () => {
    const error = await refusal(create(pod({ serviceAccountName: 'ghost' })));
    expect(error.message).toContain(
      'error looking up service account default/ghost: serviceaccount "ghost" not found',
    );
    expect(error.code).toBe(403);
  });

  it.each<[object | undefined, string]>([
    [undefined, 'BestEffort'],
    [{ requests: { cpu: '100m' } }, 'Burstable'],
    [{ limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }, 'Guaranteed'],
    [{ limits: { cpu: '1' } }, 'Burstable'],
  ])('with the class of their resources %j: %s', async (resources, qosClass) => {
    const containers = [{ name: 'c', image: 'host', ...(resources === undefined ? {} : { resources }) }];
    expect((await create(pod({ containers }))).status!.qosClass).toBe(qosClass);
  });

  it('with the value of their PriorityClass, and not with another', async () => {
    const { spec } = await create(pod({ priorityClassName: 'system-node-critical' }));
    expect(spec!.priority).toBe(2000001000);
    expect((await refusal(create(pod({ priorityClassName: 'none' })))).message).toContain(
      'no PriorityClass with name none was found',
    );
    expect((await refusal(create(pod({ priority: 7 })))).message).toContain(
      'the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0',
    );
  });
});

describe('LimitRanger', () => {
  const inLimits = (resources?: object) =>
    server.call<core.Pod>('POST', '/api/v1/namespaces/limited/pods', {
      metadata: { generateName: 'p-' },
      spec: { containers: [{ name: 'c', image: 'host', ...(resources === undefined ? {} : { resources }) }] },
    });
  beforeAll(async () => {
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'limited' } });
    await server.call('POST', '/api/v1/namespaces/limited/serviceaccounts', {
      metadata: { name: 'default' },
    });
    const item = {
      type: 'Container',
      min: { cpu: '100m' },
      max: { cpu: '1' },
      default: { cpu: '500m' },
      defaultRequest: { cpu: '250m' },
      maxLimitRequestRatio: { cpu: '4' },
    };
    await server.call('POST', '/api/v1/namespaces/limited/limitranges', {
      metadata: { name: 'l' },
      spec: { limits: [item] },
    });
  });

  it('fills in what containers leave out, and says so', async () => {
    const filled = await inLimits();
    expect(filled.spec!.containers[0]!.resources).toEqual({
      limits: { cpu: '500m' },
      requests: { cpu: '250m' },
    });
    expect(filled.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
    });
  });

  it.each([
    [{ requests: { cpu: '50m' } }, 'minimum cpu usage per Container is 100m, but request is 50m'],
    [
      { limits: { cpu: '2' }, requests: { cpu: '1' } },
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    [
      { limits: { cpu: '1' }, requests: { cpu: '100m' } },
      'cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000',
    ],
  ])('refuses %j', async (resources, text) => {
    const error = await refusal(inLimits(resources));
    expect([error.code, error.message]).toEqual([403, expect.stringContaining(text)]);
  });
});

describe('ResourceQuota', () => {
  const base = '/api/v1/namespaces/counted';
  beforeAll(async () => {
    await server.call('POST', '/api/v1/namespaces', { metadata: { name: 'counted' } });
    await server.call('POST', `${base}/serviceaccounts`, { metadata: { name: 'default' } });
    const hard = {
      configmaps: '2',
      'services.nodeports': '1',
      'requests.cpu': '1',
      'count/deployments.apps': '0',
    };
    await server.call('POST', `${base}/resourcequotas`, { metadata: { name: 'q' }, spec: { hard } });
  });

  it('holds under concurrent creations, and deletions make room', async () => {
    const create = (name: string) => server.call('POST', `${base}/configmaps`, { metadata: { name } });
    await expect
      .poll(() =>
        refusal(
          server.call('POST', '/apis/apps/v1/namespaces/counted/deployments?dryRun=All', deployment),
        ).then((e) => e.message),
      )
      .toContain(
        'exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
      );
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map(create));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const error = await refusal(create('e'));
    expect(error.message).toBe(
      'configmaps "e" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=2, limited: configmaps=2',
    );
    await server.call('DELETE', `${base}/configmaps/a`);
    await create('f');
  });

  it('wants to know what Pods ask for, and counts node ports', async () => {
    const error = await refusal(server.call('POST', `${base}/pods`, pod()));
    expect(error.message).toContain('failed quota: q: must specify requests.cpu for: c');
    const spec = {
      type: 'NodePort',
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    };
    const ports = await refusal(server.call('POST', `${base}/services`, { metadata: { name: 's' }, spec }));
    expect(ports.message).toContain(
      'requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
    );
    await server.call('POST', `${base}/services`, {
      metadata: { name: 'grows' },
      spec: { ports: spec.ports },
    });
    const grown = await refusal(
      server.call('PATCH', `${base}/services/grows`, { spec: { type: 'NodePort' } }),
    );
    expect(grown.message).toContain('exceeded quota: q, requested: services.nodeports=2');
    await server.call('PATCH', `${base}/services/grows`, { metadata: { labels: { a: 'b' } } });
  });
});

const deployment = {
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'host' }] } },
  },
};

describe('Deletion of Pods', () => {
  it('is immediate where no node runs them', async () => {
    const { metadata } = await create(pod());
    await server.call('DELETE', `${PODS}/${metadata.name}`);
    expect((await refusal(server.call('GET', `${PODS}/${metadata.name}`))).code).toBe(404);
  });

  it('marks them first where a node does, and the grace only shrinks', async () => {
    const { metadata } = await create(pod({ nodeName: 'n1' }));
    const path = `${PODS}/${metadata.name}`;
    const marked = await server.call<core.Pod>('DELETE', path);
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(marked.metadata.generation).toBe(2);
    await server.call('DELETE', path, { gracePeriodSeconds: 60 });
    expect((await server.call<core.Pod>('GET', path)).metadata.deletionGracePeriodSeconds).toBe(30);
    await server.call('DELETE', path, { gracePeriodSeconds: 5 });
    expect((await server.call<core.Pod>('GET', path)).metadata.deletionGracePeriodSeconds).toBe(5);
    await server.call('DELETE', path, { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } });
    expect((await refusal(server.call('GET', path))).code).toBe(404);
  });
});

describe('other kinds', () => {
  it('nodes start tainted until they are ready, and keep the status they register with', async () => {
    const node = await server.call<core.Node>('POST', '/api/v1/nodes', {
      metadata: { name: 'new' },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.5' }] },
    });
    expect(node.spec!.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
    expect(node.status!.addresses).toHaveLength(1);
  });

  it('an Ingress without class gets the default one', async () => {
    const classes = '/apis/networking.k8s.io/v1/ingressclasses';
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };
    await server.call('POST', classes, {
      metadata: { name: 'main', annotations },
      spec: { controller: 'example.com/x' },
    });
    const spec = { defaultBackend: { service: { name: 's', port: { number: 80 } } } };
    const ingress = await server.call<networking.Ingress>(
      'POST',
      '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
      { metadata: { name: 'i' }, spec },
    );
    expect(ingress.spec!.ingressClassName).toBe('main');
  });

  it('Secrets take stringData into data', async () => {
    const secret = await server.call<core.Secret>('POST', '/api/v1/namespaces/default/secrets', {
      metadata: { name: 's' },
      stringData: { a: 'b' },
    });
    expect([secret.data, secret.stringData, secret.type]).toEqual([{ a: 'Yg==' }, undefined, 'Opaque']);
  });

  it('namespaces carry their name as a label and the finalizer', async () => {
    const namespace = await server.call<core.Namespace>('POST', '/api/v1/namespaces', {
      metadata: { name: 'fresh' },
    });
    expect(namespace.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': 'fresh' });
    expect(namespace.spec!.finalizers).toEqual(['kubernetes']);
    expect(namespace.status).toEqual({ phase: 'Active' });
  });

  it('EndpointSlices count changes of labels as generations, and others not twice', async () => {
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const made = await server.call<core.Pod>('POST', slices, {
      metadata: { name: 'e' },
      addressType: 'IPv4',
      endpoints: [],
    });
    expect(made.metadata.generation).toBe(1);
    const labelled = await server.call<core.Pod>('PATCH', `${slices}/e`, {
      metadata: { labels: { a: 'b' } },
    });
    expect(labelled.metadata.generation).toBe(2);
    const annotated = await server.call<core.Pod>('PATCH', `${slices}/e`, {
      metadata: { annotations: { a: 'b' } },
    });
    expect(annotated.metadata.generation).toBe(2);
    const filled = await server.call<core.Pod>('PATCH', `${slices}/e`, {
      endpoints: [{ addresses: ['192.0.2.1'] }],
    });
    expect(filled.metadata.generation).toBe(3);
  });
});
