import { describe, expect, it } from 'vitest';
import {
  balancer,
  create,
  edit,
  external,
  LABEL,
  nodePort,
  ports,
  SUBDOMAIN,
  service,
  update,
} from './testing/judge.js';

describe('Service, on create', () => {
  it.each([
    ['a plain one', {}],
    ['a name that starts with a digit', { 'metadata.name': '1a' }],
    [
      'a headless one without ports',
      { 'spec.clusterIP': 'None', 'spec.clusterIPs': ['None'], 'spec.ports': [] },
    ],
    ['an ExternalName with a trailing dot', external],
    ['a load balancer', balancer],
    [
      'ports that differ in protocol only',
      ports(
        { name: 'a', port: 1, protocol: 'TCP', targetPort: 1 },
        { name: 'b', port: 1, protocol: 'UDP', targetPort: 'dns' },
      ),
    ],
  ])('accepts %s', (_, changes) => {
    expect(create('core.v1.Service', edit(service, changes as Record<string, unknown>))).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      'a dotted name',
      { 'metadata.name': 'a.b' },
      'metadata.name: Invalid value: "a.b": must not contain dots',
    ],
    ['an upper-case name', { 'metadata.name': 'A' }, `metadata.name: Invalid value: "A": ${LABEL}`],
    ['no name', { 'metadata.name': '' }, 'metadata.name: Required value: name or generateName is required'],
    ['no ports', { 'spec.ports': [] }, 'spec.ports: Required value'],
    [
      'a missing port name',
      ports(
        { port: 1, protocol: 'TCP', targetPort: 1, name: 'a' },
        { port: 2, protocol: 'TCP', targetPort: 1 },
      ),
      'spec.ports[1].name: Required value',
    ],
    [
      'a doubled port name',
      ports(
        { port: 1, protocol: 'TCP', targetPort: 1, name: 'a' },
        { port: 2, protocol: 'TCP', targetPort: 1, name: 'a' },
      ),
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'a port out of range',
      ports({ port: 65536, protocol: 'TCP', targetPort: 1 }),
      'spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      'an unknown protocol',
      ports({ port: 1, protocol: 'ICMP', targetPort: 1 }),
      'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'a long target port name',
      ports({ port: 1, protocol: 'TCP', targetPort: 'abcdefghijklmnop' }),
      'spec.ports[0].targetPort: Invalid value: "abcdefghijklmnop": must be no more than 15 bytes',
    ],
    [
      'a target port name without letters',
      ports({ port: 1, protocol: 'TCP', targetPort: '80' }),
      'spec.ports[0].targetPort: Invalid value: "80": must contain at least one letter (a-z)',
    ],
    [
      'a doubled port',
      ports(
        { port: 1, protocol: 'TCP', targetPort: 1, name: 'a' },
        { port: 1, protocol: 'TCP', targetPort: 2, name: 'b' },
      ),
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,"TargetPort":0,"NodePort":0}',
    ],
    [
      'a node port on ClusterIP',
      ports({ port: 1, protocol: 'TCP', targetPort: 1, nodePort: 30000 }),
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      'a doubled node port',
      {
        ...nodePort,
        ...ports(
          { port: 1, protocol: 'TCP', targetPort: 1, name: 'a', nodePort: 30000 },
          { port: 2, protocol: 'TCP', targetPort: 2, name: 'b', nodePort: 30000 },
        ),
      },
      'spec.ports[1].nodePort: Duplicate value: 30000',
    ],
    [
      'an unknown type',
      { 'spec.type': 'X' },
      'spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      'an unknown affinity',
      { 'spec.sessionAffinity': 'X' },
      'spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"',
    ],
    [
      'an affinity timeout above a day',
      {
        'spec.sessionAffinity': 'ClientIP',
        'spec.sessionAffinityConfig': { clientIP: { timeoutSeconds: 86401 } },
      },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
    [
      'an affinity configuration without affinity',
      { 'spec.sessionAffinityConfig': {} },
      'spec.sessionAffinityConfig: Forbidden: must not be set when session affinity is None',
    ],
    [
      'clusterIP apart from clusterIPs',
      { 'spec.clusterIP': '10.0.0.2' },
      'spec.clusterIPs: Invalid value: ["10.0.0.1"]: first value must match `clusterIP`',
    ],
    [
      'three cluster addresses',
      { 'spec.clusterIPs': ['10.0.0.1', '::1', '10.0.0.3'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.1","::1","10.0.0.3"]: may only hold up to 2 values',
    ],
    [
      'two addresses of one family',
      { 'spec.clusterIPs': ['10.0.0.1', '10.0.0.2'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
    ],
    [
      'None among addresses',
      { 'spec.clusterIP': 'None', 'spec.clusterIPs': ['None', '10.0.0.1'] },
      'spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value',
    ],
    [
      'leading zeros',
      { 'spec.clusterIP': '10.0.0.01', 'spec.clusterIPs': ['10.0.0.01'] },
      'spec.clusterIPs[0]: Invalid value: "10.0.0.01": must not have leading 0s',
    ],
    [
      'an address that is none',
      { 'spec.clusterIP': 'x', 'spec.clusterIPs': ['x'] },
      'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'an IPv4-mapped address',
      { 'spec.clusterIP': '::ffff:10.0.0.1', 'spec.clusterIPs': ['::ffff:10.0.0.1'] },
      'spec.clusterIPs[0]: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address',
    ],
    [
      'an address of the other family',
      { 'spec.ipFamilies': ['IPv6'] },
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
    [
      'a doubled family',
      { 'spec.ipFamilies': ['IPv4', 'IPv4'] },
      'spec.ipFamilies[1]: Duplicate value: "IPv4"',
    ],
    [
      'an unknown family',
      { 'spec.ipFamilies': ['IPv5'] },
      'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
    ],
    [
      'an unknown family policy',
      { 'spec.ipFamilyPolicy': 'X' },
      'spec.ipFamilyPolicy: Unsupported value: "X": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
    [
      'a headless NodePort',
      { ...nodePort, 'spec.clusterIP': 'None', 'spec.clusterIPs': ['None'] },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      'an ExternalName without one',
      { ...external, 'spec.externalName': undefined },
      'spec.externalName: Required value',
    ],
    [
      'an ExternalName that is no name',
      { ...external, 'spec.externalName': 'A_' },
      `spec.externalName: Invalid value: "A_": ${SUBDOMAIN}`,
    ],
    [
      'an ExternalName with addresses',
      { ...external, 'spec.clusterIPs': ['10.0.0.1'] },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    [
      'an external policy on ClusterIP',
      { 'spec.externalTrafficPolicy': 'Local' },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      'an unknown external policy',
      { ...nodePort, 'spec.externalTrafficPolicy': 'X' },
      'spec.externalTrafficPolicy: Unsupported value: "X": supported values: "Cluster", "Local"',
    ],
    [
      'a health check port without Local',
      { ...balancer, 'spec.healthCheckNodePort': 30000 },
      "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
    [
      'a load balancer class on ClusterIP',
      { 'spec.loadBalancerClass': 'a/b' },
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'source ranges on ClusterIP',
      { 'spec.loadBalancerSourceRanges': ['10.0.0.0/8'] },
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'a source range with host bits',
      { ...balancer, 'spec.loadBalancerSourceRanges': ['10.0.0.1/8'] },
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
    ],
    [
      'a loopback external address',
      { 'spec.externalTrafficPolicy': 'Cluster', 'spec.externalIPs': ['127.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      'an unspecified external address',
      { 'spec.externalTrafficPolicy': 'Cluster', 'spec.externalIPs': ['::'] },
      'spec.externalIPs[0]: Invalid value: "::": may not be unspecified (::)',
    ],
    [
      'a link-local external address',
      { 'spec.externalTrafficPolicy': 'Cluster', 'spec.externalIPs': ['fe80::1'] },
      'spec.externalIPs[0]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      'an unknown distribution',
      { 'spec.trafficDistribution': 'X' },
      'spec.trafficDistribution: Unsupported value: "X": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
    [
      'a name of 64 characters',
      { 'metadata.name': 'a'.repeat(64) },
      `metadata.name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 bytes`,
    ],
    [
      'an upper-case port name',
      ports({ port: 1, protocol: 'TCP', targetPort: 1, name: 'A' }),
      `spec.ports[0].name: Invalid value: "A": ${LABEL}`,
    ],
    [
      'a target port out of range',
      ports({ port: 1, protocol: 'TCP', targetPort: 65536 }),
      'spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
    ],
    [
      'a source range that is none',
      { ...balancer, 'spec.loadBalancerSourceRanges': ['x'] },
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      'an external address that is none',
      { 'spec.externalTrafficPolicy': 'Cluster', 'spec.externalIPs': ['x'] },
      'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'a multicast external address',
      { 'spec.externalTrafficPolicy': 'Cluster', 'spec.externalIPs': ['224.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ],
    [
      'an unknown internal policy',
      { 'spec.internalTrafficPolicy': 'X' },
      'spec.internalTrafficPolicy: Unsupported value: "X": supported values: "Cluster", "Local"',
    ],
    [
      'node port allocation for a NodePort',
      { ...nodePort, 'spec.allocateLoadBalancerNodePorts': true },
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      'a selector that is no label',
      { 'spec.selector': { a: '-' } },
      "spec.selector: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  ])('refuses %s', (_, changes, expected) => {
    expect(create('core.v1.Service', edit(service, changes as Record<string, unknown>))).toContain(expected);
  });
});

describe('Service, on update', () => {
  const dual = {
    'spec.clusterIPs': ['10.0.0.1', 'fd00::1'],
    'spec.ipFamilies': ['IPv4', 'IPv6'],
    'spec.ipFamilyPolicy': 'PreferDualStack',
  };
  it.each<[string, object, object]>([
    ['from ClusterIP to ExternalName', {}, external],
    ['from ExternalName to ClusterIP', external, {}],
    ['to dual stack', {}, dual],
    ['to a load balancer with a class', {}, { ...balancer, 'spec.loadBalancerClass': 'a/b' }],
    ['back to single stack with its policy', dual, {}],
    [
      'of an address that was stored before it became invalid',
      { 'spec.clusterIP': '010.0.0.1', 'spec.clusterIPs': ['010.0.0.1'] },
      { 'spec.clusterIP': '010.0.0.1', 'spec.clusterIPs': ['010.0.0.1'] },
    ],
  ])('accepts the change %s', (_, before, after) => {
    const old = edit(service, before as Record<string, unknown>);
    expect(update('core.v1.Service', edit(service, after as Record<string, unknown>), old)).toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'of the address',
      {},
      { 'spec.clusterIP': '10.0.0.9', 'spec.clusterIPs': ['10.0.0.9'] },
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.9"]: may not change once set',
    ],
    [
      'that drops the address',
      {},
      { 'spec.clusterIP': undefined, 'spec.clusterIPs': undefined },
      'spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset',
    ],
    [
      'that releases the second address without policy',
      dual,
      { ...dual, 'spec.clusterIPs': ['10.0.0.1'] },
      'spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be set to \'SingleStack\' when releasing the secondary clusterIP',
    ],
    [
      'of the primary family',
      {},
      { 'spec.ipFamilies': ['IPv6'] },
      'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
    ],
    [
      'of the load balancer class',
      { ...balancer, 'spec.loadBalancerClass': 'a/b' },
      { ...balancer, 'spec.loadBalancerClass': 'a/c' },
      'spec.loadBalancerClass: Invalid value: "a/c": may not change once set',
    ],
    [
      'that gives a load balancer a class',
      balancer,
      { ...balancer, 'spec.loadBalancerClass': 'a/b' },
      'spec.loadBalancerClass: Invalid value: "a/b": may not change once set',
    ],
    [
      'that takes the class away',
      { ...balancer, 'spec.loadBalancerClass': 'a/b' },
      balancer,
      'spec.loadBalancerClass: Invalid value: "null": may not change once set',
    ],
    [
      'of the health check port',
      { ...balancer, 'spec.externalTrafficPolicy': 'Local', 'spec.healthCheckNodePort': 30001 },
      { ...balancer, 'spec.externalTrafficPolicy': 'Local', 'spec.healthCheckNodePort': 30002 },
      'spec.healthCheckNodePort: Forbidden: field is immutable',
    ],
    ['of the name', {}, { 'metadata.name': 'y' }, 'metadata.name: Invalid value: "y": field is immutable'],
    [
      'of the uid',
      {},
      { 'metadata.uid': 'other' },
      'metadata.uid: Invalid value: "other": field is immutable',
    ],
    [
      'without a resourceVersion',
      {},
      { 'metadata.resourceVersion': undefined },
      'metadata.resourceVersion: Invalid value: "": must be specified for an update',
    ],
    [
      'that adds a finalizer while deleting',
      { 'metadata.deletionTimestamp': 't' },
      { 'metadata.deletionTimestamp': 't', 'metadata.finalizers': ['a/b'] },
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/b"}',
    ],
  ])('refuses a change %s', (_, before, after, expected) => {
    const old = edit(service, before as Record<string, unknown>);
    expect(update('core.v1.Service', edit(service, after as Record<string, unknown>), old)).toContain(
      expected,
    );
  });

  it('lets only load balancers have ingress points, and demands their mode', () => {
    const status = (changes: object): string[] =>
      update(
        'core.v1.Service',
        edit(service, { ...changes, 'status.loadBalancer.ingress': [{ ip: '1.2.3.4' }] }),
        edit(service, changes as Record<string, unknown>),
        'status',
      );
    expect(status({})).toEqual([
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
    ]);
    expect(status(balancer)).toEqual([
      'status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set',
    ]);
  });

  it.each<[object, string]>([
    [
      { ip: 'x', ipMode: 'VIP' },
      'ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [{ ip: '1.2.3.4', ipMode: 'X' }, 'ipMode: Unsupported value: "X": supported values: "Proxy", "VIP"'],
    [{ hostname: '1.2.3.4' }, 'hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    [{ hostname: 'A_' }, `hostname: Invalid value: "A_": ${SUBDOMAIN}`],
    [{ hostname: 'a.b', ipMode: 'VIP' }, 'ipMode: Forbidden: may not be specified when `ip` is not set'],
  ])('refuses the ingress point %j of a load balancer', (ingress, expected) => {
    const old = edit(service, balancer as Record<string, unknown>);
    const changed = edit(service, { ...balancer, 'status.loadBalancer.ingress': [ingress] });
    expect(update('core.v1.Service', changed, old, 'status')).toEqual([
      `status.loadBalancer.ingress[0].${expected}`,
    ]);
  });
});
