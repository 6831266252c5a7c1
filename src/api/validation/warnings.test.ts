import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../object.js';
import { warningsFor } from './index.js';
import {
  container,
  deployment,
  edit,
  endpoints,
  kindOf,
  pod,
  service,
  withContainer,
} from './testing/judge.js';

describe('warnings', () => {
  const warn = (message: string, object: object): string[] =>
    warningsFor(kindOf(message), object as KubeObject);
  it.each<[string, string, object, string]>([
    [
      'Endpoints',
      'core.v1.Endpoints',
      endpoints,
      'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    ],
    [
      'an ignored externalName',
      'core.v1.Service',
      edit(service, { 'spec.externalName': 'x' }),
      'spec.externalName is ignored when spec.type is not "ExternalName"',
    ],
    [
      'an address in another form',
      'core.v1.Service',
      edit(service, { 'spec.externalIPs': ['FD00::1'] }),
      'spec.externalIPs[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    ],
    [
      'externalIPs',
      'core.v1.Service',
      edit(service, { 'spec.externalIPs': ['1.2.3.4'] }),
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
    ],
    [
      'PreferClose',
      'core.v1.Service',
      edit(service, { 'spec.trafficDistribution': 'PreferClose' }),
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
    [
      'a range with host bits',
      'core.v1.Service',
      edit(service, { 'spec.loadBalancerSourceRanges': ['10.1.2.3/8'] }),
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.1.2.3/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.1.2.3/32"?)',
    ],
    [
      'affinity of a headless Service',
      'core.v1.Service',
      edit(service, {
        'spec.clusterIP': 'None',
        'spec.clusterIPs': ['None'],
        'spec.sessionAffinity': 'ClientIP',
      }),
      'spec.SessionAffinity is ignored for headless services',
    ],
    [
      'a doubled port',
      'core.v1.Pod',
      edit(pod, {
        'spec.containers': [
          { ...container, ports: [{ containerPort: 1, protocol: 'TCP' }] },
          { ...container, name: 'd', ports: [{ containerPort: 1, protocol: 'TCP' }] },
        ],
      }),
      'spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]',
    ],
    [
      'half a byte',
      'core.v1.Pod',
      edit(pod, withContainer({ resources: { limits: { memory: '100m' } } }) as Record<string, unknown>),
      'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    ],
    [
      'an old node label',
      'apps.v1.Deployment',
      edit(deployment, { 'spec.template.spec.nodeSelector': { 'beta.kubernetes.io/os': 'linux' } }),
      'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ],
    [
      'a pod name with dots',
      'core.v1.Pod',
      edit(pod, { 'metadata.name': 'a.b' }),
      "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ],
    [
      'a hidden variable',
      'core.v1.Pod',
      edit(pod, withContainer({ env: [{ name: 'A' }, { name: 'A' }] }) as Record<string, unknown>),
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    ],
  ])('say so of %s', (_, message, object, expected) => {
    expect(warn(message, object)).toContain(expected);
  });

  it('stay silent about plain objects', () => {
    expect(warn('core.v1.Service', service)).toEqual([]);
    expect(warn('core.v1.Pod', pod)).toEqual([]);
    expect(warn('apps.v1.Deployment', deployment)).toEqual([]);
  });
});
