import { describe, expect, it } from 'vitest';
import { kinds } from '../schema/kinds.js';
import { validateObject, validateObjectUpdate, warningsFor } from './index.js';
import { create, metadata, update } from './testing/judge.js';

describe('other kinds', () => {
  const cluster = { metadata: { ...metadata, namespace: undefined } };
  it.each<[string, string, object, string]>([
    [
      'a ConfigMap key',
      'core.v1.ConfigMap',
      { metadata, data: { '..a': '' } },
      'data[..a]: Invalid value: "..a": must not start with \'..\'',
    ],
    [
      'a key in both parts',
      'core.v1.ConfigMap',
      { metadata, data: { a: '' }, binaryData: { a: '' } },
      'data[a]: Invalid value: "a": duplicate of key present in binaryData',
    ],
    [
      'a large ConfigMap',
      'core.v1.ConfigMap',
      { metadata, data: { a: 'x'.repeat(1048577) } },
      ': Too long: may not be more than 1048576 bytes',
    ],
    [
      'a TLS secret',
      'core.v1.Secret',
      { metadata, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
      'data[tls.key]: Required value',
    ],
    [
      'a namespace on a cluster kind',
      'core.v1.Node',
      { metadata },
      'metadata.namespace: Forbidden: not allowed on this type',
    ],
    [
      'a namespace name',
      'core.v1.Namespace',
      { metadata: { ...cluster.metadata, name: 'a.b' } },
      'metadata.name: Invalid value: "a.b": must not contain dots',
    ],
    [
      'a taint',
      'core.v1.Node',
      { ...cluster, spec: { taints: [{ key: 'a', effect: 'X' }] } },
      'metadata.taints[0].effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
    [
      'a lease',
      'coordination.v1.Lease',
      { metadata, spec: { leaseDurationSeconds: 0 } },
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    ],
    [
      'an event elsewhere',
      'core.v1.Event',
      { metadata, involvedObject: { namespace: 'other' } },
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ],
    [
      'an empty ingress',
      'networking.v1.Ingress',
      { metadata, spec: {} },
      'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified',
    ],
    [
      'an ingress host',
      'networking.v1.Ingress',
      { metadata, spec: { rules: [{ host: '1.2.3.4' }] } },
      'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
    ],
    [
      'an ingress path',
      'networking.v1.Ingress',
      {
        metadata,
        spec: {
          rules: [
            {
              http: {
                paths: [
                  { path: 'x', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 1 } } } },
                ],
              },
            },
          ],
        },
      },
      'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
    ],
    [
      'an ingress backend',
      'networking.v1.Ingress',
      { metadata, spec: { defaultBackend: {} } },
      'spec.defaultBackend: Invalid value: "": resource or service backend is required',
    ],
    [
      'an ingress controller',
      'networking.v1.IngressClass',
      { ...cluster, spec: { controller: 'x' } },
      'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      'a policy peer',
      'networking.v1.NetworkPolicy',
      { metadata, spec: { ingress: [{ from: [{}] }] } },
      'spec.ingress[0].from[0]: Required value: must specify a peer',
    ],
    [
      'a policy exception',
      'networking.v1.NetworkPolicy',
      {
        metadata,
        spec: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/16', except: ['10.1.0.0/24'] } }] }] },
      },
      'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "10.1.0.0/24": must be a strict subset of `cidr`',
    ],
    [
      'a policy port range',
      'networking.v1.NetworkPolicy',
      { metadata, spec: { ingress: [{ ports: [{ port: 10, endPort: 5 }] }] } },
      'spec.ingress[0].ports[0].endPort: Invalid value: 5: must be greater than or equal to `port`',
    ],
    [
      'two CIDRs of a family',
      'networking.v1.ServiceCIDR',
      { ...cluster, spec: { cidrs: ['10.0.0.0/24', '10.1.0.0/24'] } },
      'may specify no more than one IP for each IP family',
    ],
    [
      'a CIDR that is not canonical',
      'networking.v1.ServiceCIDR',
      { ...cluster, spec: { cidrs: ['FD00::/64'] } },
      'spec.cidrs[0]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")',
    ],
    [
      'an address name',
      'networking.v1.IPAddress',
      {
        metadata: { ...cluster.metadata, name: '10.0.0.01' },
        spec: { parentRef: { resource: 'services', name: 'a' } },
      },
      'metadata.name: Invalid value: "10.0.0.01": must be a canonical IP address ("10.0.0.1")',
    ],
    [
      'a rule without verbs',
      'rbac.v1.Role',
      { metadata, rules: [{ apiGroups: [''], resources: ['pods'] }] },
      'rules[0].verbs: Required value: verbs must contain at least one value',
    ],
    [
      'URLs in a namespace',
      'rbac.v1.Role',
      { metadata, rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
    [
      'a cluster binding to a Role',
      'rbac.v1.ClusterRoleBinding',
      { ...cluster, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' } },
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ],
    [
      'both budget limits',
      'policy.v1.PodDisruptionBudget',
      { metadata, spec: { minAvailable: 1, maxUnavailable: 1 } },
      'minAvailable and maxUnavailable cannot be both set',
    ],
    [
      'a high priority',
      'scheduling.v1.PriorityClass',
      { ...cluster, value: 1000000001 },
      'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
    ],
    [
      'limits upside down',
      'core.v1.LimitRange',
      { metadata, spec: { limits: [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }] } },
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ],
    [
      'half a pod',
      'core.v1.ResourceQuota',
      { metadata, spec: { hard: { pods: '500m' } } },
      'spec.hard[pods]: Invalid value: "500m": must be an integer',
    ],
  ])('refuse %s', (_, message, object, expected) => {
    expect(create(message, object).join('\n')).toContain(expected);
  });

  it.each<[string, string, object, object, string]>([
    [
      'a frozen ConfigMap',
      'core.v1.ConfigMap',
      { metadata, immutable: true, data: { a: 'b' } },
      { metadata, immutable: true, data: { a: 'c' } },
      'data: Forbidden: field is immutable when `immutable` is set',
    ],
    [
      'the type of a Secret',
      'core.v1.Secret',
      { metadata, type: 'Opaque' },
      { metadata, type: 'x' },
      'type: Invalid value: "x": field is immutable',
    ],
    [
      'a pod CIDR',
      'core.v1.Node',
      { ...cluster, spec: { podCIDRs: ['10.0.0.0/24'] } },
      { ...cluster, spec: { podCIDRs: ['10.1.0.0/24'] } },
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
    ],
    [
      'the role of a binding',
      'rbac.v1.RoleBinding',
      { metadata, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'a' } },
      { metadata, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'b' } },
      'cannot change roleRef',
    ],
    [
      'a service CIDR',
      'networking.v1.ServiceCIDR',
      { ...cluster, spec: { cidrs: ['10.0.0.0/24'] } },
      { ...cluster, spec: { cidrs: ['10.1.0.0/24'] } },
      'spec.cidrs: Invalid value: ["10.1.0.0/24"]: field is immutable',
    ],
  ])('keep %s', (_, message, old, object, expected) => {
    expect(update(message, object, old).join('\n')).toContain(expected);
  });

  it('let a service CIDR gain the second family', () => {
    const single = { ...cluster, spec: { cidrs: ['10.0.0.0/24'] } };
    const dual = { ...cluster, spec: { cidrs: ['10.0.0.0/24', 'fd00::/112'] } };
    expect(update('networking.v1.ServiceCIDR', dual, single)).toEqual([]);
  });

  it('refuse a namespace phase that does not fit', () => {
    const namespace = { ...cluster, status: { phase: 'Terminating' } };
    expect(update('core.v1.Namespace', namespace, namespace, 'status')).toEqual([
      'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
    ]);
  });
});

describe('every kind', () => {
  it('is judged without an exception when all but metadata is missing', () => {
    const judged = [...kinds].filter((kind) => kind.virtual !== true);
    expect(judged.length).toBeGreaterThan(25);
    for (const kind of judged) {
      const bare = { metadata: { name: 'x', ...(kind.namespaced ? { namespace: 'n' } : {}) } };
      expect(() => validateObject(kind, bare), kind.message).not.toThrow();
      expect(() => validateObjectUpdate(kind, bare, bare), kind.message).not.toThrow();
      for (const subresource of kind.subresources) {
        expect(() => validateObjectUpdate(kind, bare, bare, { subresource }), kind.message).not.toThrow();
      }
      expect(() => warningsFor(kind, bare), kind.message).not.toThrow();
    }
  });
});
