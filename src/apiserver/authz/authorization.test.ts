import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type authorization, type core, type rbac, StatusError } from '#api';
import type { UserInfo } from '../contracts.js';
import { admin, startTestServer, type TestServer } from '../testing/in-process-server.js';

const POD = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'host' }], ...spec },
});

const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const plain: UserInfo = {
  name: 'system:serviceaccount:default:plain',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
};
const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };

let server: TestServer;

async function may(user: UserInfo, verb: string, path: string): Promise<boolean> {
  const spec: authorization.SubjectAccessReviewSpec = {
    user: user.name,
    groups: user.groups,
    ...attributes(verb, path),
  };
  const review = await server.call<authorization.SubjectAccessReview>(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec },
  );
  return review.status!.allowed;
}

/** `group/resource[/subresource][@namespace][#name]`, or `/path`. */
function attributes(verb: string, text: string): Partial<authorization.SubjectAccessReviewSpec> {
  if (text.startsWith('/')) return { nonResourceAttributes: { path: text, verb } };
  const [, group, resource, subresource, namespace, name] =
    /^([^/]*)\/([^/@#]+)(?:\/([^@#]+))?(?:@([^#]+))?(?:#(.+))?$/.exec(text)!;
  return {
    resourceAttributes: {
      verb,
      ...(group === 'core' ? {} : { group }),
      resource,
      ...(subresource === undefined ? {} : { subresource }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    },
  };
}

async function refusal(promise: Promise<unknown>): Promise<StatusError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StatusError)) throw new Error(`expected a Status, got ${String(error)}`);
  return error;
}

beforeAll(async () => {
  server = await startTestServer();
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'default' },
  });
  await server.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  const volumes = [{ name: 's', secret: { secretName: 'mine' } }];
  await server.call('POST', '/api/v1/namespaces/default/pods', POD('here', { nodeName: 'n1', volumes }));
  await server.call('POST', '/api/v1/namespaces/default/pods', POD('there', { nodeName: 'n2' }));
});
afterAll(() => server.stop());

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];

describe('who may do what', () => {
  it.each(VERBS)('%s of Pods and Secrets is for administrators only, without bindings', async (verb) => {
    for (const resource of ['core/pods@default', 'core/secrets@default', 'apps/deployments@default']) {
      expect(await may(admin, verb, resource)).toBe(true);
      expect(await may(anonymous, verb, resource)).toBe(false);
      expect(await may(plain, verb, resource)).toBe(false);
    }
  });

  it.each<[string, UserInfo, boolean]>([
    ['/healthz', anonymous, true],
    ['/readyz', anonymous, true],
    ['/version', anonymous, true],
    ['/api', anonymous, false],
    ['/metrics', anonymous, false],
    ['/api', plain, true],
    ['/openapi/v3/api/v1', plain, true],
    ['/openid/v1/jwks', plain, true],
    ['/metrics', plain, false],
    ['/metrics', { name: 'prometheus', groups: ['system:monitoring'] }, true],
  ])('get %s by %o: %s', async (path, user, allowed) => {
    expect(await may(user, 'get', path)).toBe(allowed);
  });

  it.each<[string, string, boolean]>([
    ['get', 'core/nodes#n1', true],
    ['get', 'core/nodes#n2', false],
    ['patch', 'core/nodes/status#n1', true],
    ['get', 'core/pods@default#here', true],
    ['get', 'core/pods@default#there', false],
    ['update', 'core/pods/status@default#here', true],
    ['get', 'core/secrets@default#mine', true],
    ['get', 'core/secrets@default#other', false],
    ['list', 'core/secrets@default', false],
    ['update', 'core/secrets@default#mine', false],
    ['get', 'core/configmaps@default#kube-root-ca.crt', true],
    ['create', 'core/serviceaccounts/token@default#default', true],
    ['create', 'core/serviceaccounts/token@default#other', false],
    ['get', 'core/serviceaccounts@default#default', false],
    ['update', 'coordination.k8s.io/leases@kube-node-lease#n1', true],
    ['update', 'coordination.k8s.io/leases@kube-node-lease#n2', false],
    ['get', 'coordination.k8s.io/leases@kube-system#n1', false],
    ['watch', 'core/services', true],
    ['watch', 'discovery.k8s.io/endpointslices', true],
    ['create', 'core/events@default', true],
    ['create', 'authentication.k8s.io/tokenreviews', true],
    ['delete', 'core/namespaces#default', false],
    ['create', 'rbac.authorization.k8s.io/clusterrolebindings', false],
  ])('a node may %s %s: %s', async (verb, what, allowed) => {
    expect(await may(node, verb, what)).toBe(allowed);
  });

  it('refuses with upstream’s sentence', async () => {
    const error = await refusal(
      server.call('GET', '/api/v1/namespaces/default/pods', undefined, { user: plain }),
    );
    expect([error.code, error.message]).toEqual([
      403,
      'pods is forbidden: User "system:serviceaccount:default:plain" cannot list resource "pods" in API group "" in the namespace "default"',
    ]);
    const cluster = await refusal(server.call('GET', '/api/v1/nodes', undefined, { user: plain }));
    expect(cluster.message).toBe(
      'nodes is forbidden: User "system:serviceaccount:default:plain" cannot list resource "nodes" in API group "" at the cluster scope',
    );
  });

  it('follows bindings as they come and go, and aggregation', async () => {
    const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings';
    await server.call('POST', bindings, {
      metadata: { name: 'viewer' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'plain', namespace: 'default' }],
    });
    await expect.poll(() => may(plain, 'list', 'core/pods@default')).toBe(true);
    expect(await may(plain, 'list', 'core/pods@kube-system')).toBe(false);
    expect(await may(plain, 'list', 'core/secrets@default')).toBe(false);
    await server.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      metadata: { name: 'more', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
      rules: [{ apiGroups: ['example.com'], resources: ['things'], verbs: ['get'] }],
    });
    await expect.poll(() => may(plain, 'get', 'example.com/things@default')).toBe(true);
    await expect
      .poll(async () =>
        JSON.stringify(
          await server.call<rbac.ClusterRole>('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/view'),
        ),
      )
      .toContain('example.com');
    await server.call('DELETE', `${bindings}/viewer`);
    await expect.poll(() => may(plain, 'list', 'core/pods@default')).toBe(false);
  });

  it('lets nobody grant what they do not have, unless they may escalate or bind', async () => {
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
    const manager: UserInfo = { name: 'manager', groups: ['system:authenticated'] };
    const rules = [
      { apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['create', 'update', 'get'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
    ];
    await server.call('POST', roles, { metadata: { name: 'manager' }, rules });
    const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
    const subjects = [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'manager' }];
    await server.call('POST', bindings, {
      metadata: { name: 'manager' },
      roleRef: roleRef('manager'),
      subjects,
    });
    await expect.poll(() => may(manager, 'create', 'rbac.authorization.k8s.io/clusterroles')).toBe(true);
    const own = {
      metadata: { name: 'own' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    };
    await server.call('POST', roles, own, { user: manager });
    const secrets = {
      metadata: { name: 'secrets' },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
    };
    const error = await refusal(server.call('POST', roles, secrets, { user: manager }));
    expect(error.message).toContain(
      'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    );
    const root = { metadata: { name: 'root' }, roleRef: roleRef('cluster-admin'), subjects };
    expect((await refusal(server.call('POST', bindings, root, { user: manager }))).code).toBe(403);
  });

  it('keeps a node from touching other nodes, their Pods and reserved labels', async () => {
    const as = { user: node };
    const other = { metadata: { name: 'n2' } };
    expect((await refusal(server.call('POST', '/api/v1/nodes', other, as))).message).toContain(
      'node "n1" is not allowed to modify node "n2"',
    );
    const label = { metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } } };
    expect((await refusal(server.call('PATCH', '/api/v1/nodes/n1', label, as))).message).toContain(
      'is not allowed to modify the following labels: node-restriction.kubernetes.io/x',
    );
    const taints = { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } };
    expect((await refusal(server.call('PATCH', '/api/v1/nodes/n1', taints, as))).message).toContain(
      'node "n1" is not allowed to modify taints',
    );
    const there = '/api/v1/namespaces/default/pods/there';
    expect((await refusal(server.call('DELETE', there, undefined, as))).message).toContain(
      'node "n1" can only delete pods with spec.nodeName set to itself',
    );
    const status = { status: { phase: 'Running' } };
    expect((await refusal(server.call('PATCH', `${there}/status`, status, as))).message).toContain(
      'node "n1" can only update pod status for pods with spec.nodeName set to itself',
    );
    const mine = await server.call<core.Pod>(
      'PATCH',
      '/api/v1/namespaces/default/pods/here/status',
      status,
      as,
    );
    expect(mine.status!.phase).toBe('Running');
  });
});
