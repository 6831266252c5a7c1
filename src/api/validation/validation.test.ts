import { describe, expect, it } from 'vitest';
import type { JsonObject, KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import { kinds } from '../schema/kinds.js';
import { validateObject, validateObjectUpdate, warningsFor } from './index.js';

function kindOf(message: string): KindInfo {
  return [...kinds].find((kind) => kind.message === message)!;
}

/** Puts values at dotted paths of a copy; undefined removes. */
function edit(object: object, changes: Record<string, unknown>): JsonObject {
  const copy = structuredClone(object) as JsonObject;
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split('.');
    let at = copy;
    for (const step of steps.slice(0, -1)) {
      at[step] ??= {};
      at = at[step] as JsonObject;
    }
    if (value === undefined) delete at[steps.at(-1)!];
    else at[steps.at(-1)!] = value as JsonObject;
  }
  return copy;
}

const text = (errors: { field: string; message: string }[]): string[] =>
  errors.map((error) => `${error.field}: ${error.message}`);

function create(message: string, object: object): string[] {
  return text(validateObject(kindOf(message), object as KubeObject));
}

function update(message: string, object: object, old: object, subresource?: string): string[] {
  return text(
    validateObjectUpdate(kindOf(message), object as KubeObject, old as KubeObject, { subresource }),
  );
}

const metadata = { name: 'x', namespace: 'default', resourceVersion: '1', uid: 'u' };
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const service = {
  metadata,
  spec: {
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
  },
};
const nodePort = { 'spec.type': 'NodePort', 'spec.externalTrafficPolicy': 'Cluster' };
const balancer = {
  'spec.type': 'LoadBalancer',
  'spec.externalTrafficPolicy': 'Cluster',
  'spec.allocateLoadBalancerNodePorts': true,
};
const external = {
  'spec.type': 'ExternalName',
  'spec.externalName': 'a.b.',
  'spec.clusterIP': undefined,
  'spec.clusterIPs': undefined,
  'spec.ipFamilies': undefined,
  'spec.ipFamilyPolicy': undefined,
};
const ports = (...list: object[]): object => ({ 'spec.ports': list });

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
});

describe('metadata', () => {
  it.each<[string, object, string]>([
    [
      'label keys',
      { 'metadata.labels': { 'a/b/c': '' } },
      "metadata.labels: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ],
    [
      'annotation sizes',
      { 'metadata.annotations': { a: 'x'.repeat(262145) } },
      'metadata.annotations: Too long: may not be more than 262144 bytes',
    ],
    [
      'owners',
      { 'metadata.ownerReferences': [{ apiVersion: 'v1', kind: 'Pod', name: '', uid: 'u' }] },
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
    ],
    [
      'two controllers',
      {
        'metadata.ownerReferences': [
          { apiVersion: 'v1', kind: 'A', name: 'a', uid: 'u', controller: true },
          { apiVersion: 'v1', kind: 'B', name: 'b', uid: 'v', controller: true },
        ],
      },
      'Only one reference can have Controller set to true. Found "true" in references for A/a and B/b',
    ],
    [
      'finalizers that exclude each other',
      { 'metadata.finalizers': ['orphan', 'foregroundDeletion'] },
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
    [
      'generateName',
      { 'metadata.generateName': '-a-' },
      `metadata.generateName: Invalid value: "-a-": ${SUBDOMAIN}`,
    ],
    [
      'managed fields',
      { 'metadata.managedFields': [{ operation: 'X', fieldsType: 'FieldsV1' }] },
      'metadata.managedFields[0].operation: Invalid value: "X": must be `Apply` or `Update`',
    ],
    ['namespaces', { 'metadata.namespace': '' }, 'metadata.namespace: Required value'],
  ])('judges %s', (_, changes, expected) => {
    const errors = create('core.v1.ConfigMap', edit({ metadata }, changes as Record<string, unknown>));
    expect(errors.join('\n')).toContain(expected);
  });
});

const endpoints = {
  metadata,
  subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80, protocol: 'TCP' }] }],
};
const slice = {
  metadata,
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'] }],
  ports: [{ name: '', port: 80, protocol: 'TCP' }],
};

describe('Endpoints and EndpointSlices', () => {
  it.each<[string, string, object, object, string]>([
    [
      'a subset without addresses',
      'core.v1.Endpoints',
      endpoints,
      { subsets: [{}] },
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
    ],
    [
      'unnamed ports',
      'core.v1.Endpoints',
      endpoints,
      {
        subsets: [
          {
            addresses: [{ ip: '1.1.1.1' }],
            ports: [
              { port: 1, protocol: 'TCP' },
              { port: 2, protocol: 'TCP' },
            ],
          },
        ],
      },
      'subsets[0].ports[0].name: Required value',
    ],
    [
      'a loopback address',
      'core.v1.Endpoints',
      endpoints,
      { subsets: [{ addresses: [{ ip: '127.0.0.1' }] }] },
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      'no address type',
      'discovery.v1.EndpointSlice',
      slice,
      { addressType: '' },
      'addressType: Required value',
    ],
    [
      'an unknown address type',
      'discovery.v1.EndpointSlice',
      slice,
      { addressType: 'IP' },
      'addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"',
    ],
    [
      'an address of the other family',
      'discovery.v1.EndpointSlice',
      slice,
      { addressType: 'IPv6' },
      'endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be an IPv6 address',
    ],
    [
      'too many endpoints',
      'discovery.v1.EndpointSlice',
      slice,
      { endpoints: new Array(1001).fill({ addresses: ['10.0.0.1'] }) },
      'endpoints: Too many: 1001: must have at most 1000 items',
    ],
    [
      'too many addresses',
      'discovery.v1.EndpointSlice',
      slice,
      { endpoints: [{ addresses: new Array(101).fill('10.0.0.1') }] },
      'endpoints[0].addresses: Too many: 101: must have at most 100 items',
    ],
    [
      'no addresses',
      'discovery.v1.EndpointSlice',
      slice,
      { endpoints: [{ addresses: [] }] },
      'endpoints[0].addresses: Required value: must contain at least 1 address',
    ],
    [
      'doubled port names',
      'discovery.v1.EndpointSlice',
      slice,
      {
        ports: [
          { name: 'a', port: 1, protocol: 'TCP' },
          { name: 'a', port: 2, protocol: 'TCP' },
        ],
      },
      'ports[1].name: Duplicate value: "a"',
    ],
    [
      'too many hints',
      'discovery.v1.EndpointSlice',
      slice,
      {
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            hints: { forZones: Array.from({ length: 9 }, (_, i) => ({ name: `z${i}` })) },
          },
        ],
      },
      'endpoints[0].hints.forZones: Too many: 9: must have at most 8 items',
    ],
  ])('refuse %s', (_, message, base, changes, expected) => {
    expect(create(message, edit(base, changes as Record<string, unknown>))).toContain(expected);
  });

  it('keep the address type of a slice', () => {
    const fqdn = edit(slice, { addressType: 'FQDN', endpoints: [] });
    expect(update('discovery.v1.EndpointSlice', fqdn, slice)).toContain(
      'addressType: Invalid value: "FQDN": field is immutable',
    );
  });

  it('accept null endpoints', () => {
    expect(create('discovery.v1.EndpointSlice', edit(slice, { endpoints: undefined }))).toEqual([]);
  });
});

const container = { name: 'c', image: 'i', terminationMessagePolicy: 'File', imagePullPolicy: 'Always' };
const podSpec = {
  containers: [container],
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  terminationGracePeriodSeconds: 30,
};
const pod = { metadata, spec: podSpec };
const probe = { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, successThreshold: 1 };
const withContainer = (changes: object): object => ({ 'spec.containers': [{ ...container, ...changes }] });

describe('Pod, on create', () => {
  it.each<[string, object]>([
    ['a plain one', {}],
    [
      'probes, env, mounts and ports',
      {
        ...withContainer({
          livenessProbe: probe,
          readinessProbe: probe,
          env: [
            { name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['a']" } } },
          ],
          ports: [{ containerPort: 80, protocol: 'TCP', name: 'http' }],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
        'spec.volumes': [{ name: 'v', emptyDir: {} }],
      },
    ],
    [
      'a sidecar',
      { 'spec.initContainers': [{ ...container, name: 's', restartPolicy: 'Always', livenessProbe: probe }] },
    ],
    [
      'resources within limits',
      withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '500m' } } }),
    ],
  ])('accepts %s', (_, changes) => {
    expect(create('core.v1.Pod', edit(pod, changes as Record<string, unknown>))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['no containers', { 'spec.containers': [] }, 'spec.containers: Required value'],
    ['a container without image', withContainer({ image: '' }), 'spec.containers[0].image: Required value'],
    [
      'an image with blanks',
      withContainer({ image: ' i' }),
      'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
    ],
    [
      'doubled container names',
      { 'spec.containers': [container, container] },
      'spec.containers[1].name: Duplicate value: "c"',
    ],
    [
      'a container name that is no label',
      withContainer({ name: 'A' }),
      `spec.containers[0].name: Invalid value: "A": ${LABEL}`,
    ],
    [
      'an unknown restart policy',
      { 'spec.restartPolicy': 'X' },
      'spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      'an unknown dnsPolicy',
      { 'spec.dnsPolicy': 'X' },
      'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
    [
      'dnsPolicy None without servers',
      { 'spec.dnsPolicy': 'None' },
      'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
    ],
    [
      'too many nameservers',
      { 'spec.dnsConfig': { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      'must not have more than 3 nameservers',
    ],
    [
      'a mount without volume',
      withContainer({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ],
    [
      'doubled volume names',
      {
        'spec.volumes': [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      },
      'spec.volumes[1].name: Duplicate value: "v"',
    ],
    [
      'a volume of two types',
      { 'spec.volumes': [{ name: 'v', emptyDir: {}, hostPath: { path: '/' } }] },
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'a host path that climbs',
      { 'spec.volumes': [{ name: 'v', hostPath: { path: '/a/../b' } }] },
      'spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
    ],
    [
      'an env name with =',
      withContainer({ env: [{ name: 'A=B' }] }),
      'spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
    ],
    [
      'an env source and value',
      withContainer({
        env: [
          {
            name: 'A',
            value: 'x',
            valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } },
          },
        ],
      }),
      'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ],
    [
      'an unsupported env field',
      withContainer({
        env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.phase' } } }],
      }),
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase"',
    ],
    [
      'a probe without handler',
      withContainer({ livenessProbe: { successThreshold: 1 } }),
      'spec.containers[0].livenessProbe: Required value: must specify a handler type',
    ],
    [
      'a liveness probe that needs two successes',
      withContainer({ livenessProbe: { ...probe, successThreshold: 2 } }),
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
    ],
    [
      'a negative probe period',
      withContainer({ livenessProbe: { ...probe, periodSeconds: -1 } }),
      'spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a probe on a plain init container',
      { 'spec.initContainers': [{ ...container, name: 'i', livenessProbe: probe }] },
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'a doubled host port',
      withContainer({
        ports: [
          { containerPort: 1, hostPort: 9, protocol: 'TCP' },
          { containerPort: 2, hostPort: 9, protocol: 'TCP' },
        ],
      }),
      'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"',
    ],
    [
      'a host network port that differs',
      {
        'spec.hostNetwork': true,
        ...withContainer({ ports: [{ containerPort: 1, hostPort: 2, protocol: 'TCP' }] }),
      },
      'spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true',
    ],
    [
      'requests above limits',
      withContainer({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }),
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
    [
      'a negative quantity',
      withContainer({ resources: { limits: { cpu: '-1' } } }),
      'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      'half a device',
      withContainer({ resources: { limits: { 'a.b/c': '500m' }, requests: { 'a.b/c': '500m' } } }),
      'spec.containers[0].resources.limits[a.b/c]: Invalid value: "500m": must be an integer',
    ],
    [
      'an unknown resource',
      withContainer({ resources: { limits: { foo: '1' } } }),
      'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
    ],
    [
      'a subdomain that is no label',
      { 'spec.subdomain': 'a.b' },
      'spec.subdomain: Invalid value: "a.b": must not contain dots',
    ],
    [
      'a toleration without key',
      { 'spec.tolerations': [{ operator: 'Equal' }] },
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      'an alias that is no address',
      { 'spec.hostAliases': [{ ip: 'x' }] },
      'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'node affinity without terms',
      {
        'spec.affinity': {
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
        },
      },
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
    ],
    [
      'pod affinity without topology',
      { 'spec.affinity': { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } },
      'topologyKey: Required value: can not be empty',
    ],
    [
      'a spread of zero',
      {
        'spec.topologySpreadConstraints': [
          { maxSkew: 0, topologyKey: 'z', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      },
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
    ],
    [
      'ephemeral containers',
      { 'spec.ephemeralContainers': [{ ...container, name: 'e' }] },
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
    [
      'a token volume without account',
      { 'spec.volumes': [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ])('refuses %s', (_, changes, expected) => {
    expect(create('core.v1.Pod', edit(pod, changes as Record<string, unknown>)).join('\n')).toContain(
      expected,
    );
  });
});

describe('Pod, on update', () => {
  it.each<[string, object, object]>([
    ['another image', {}, withContainer({ image: 'j' })],
    ['a shorter deadline', { 'spec.activeDeadlineSeconds': 10 }, { 'spec.activeDeadlineSeconds': 5 }],
    [
      'one more toleration',
      { 'spec.tolerations': [{ key: 'a', operator: 'Exists' }] },
      {
        'spec.tolerations': [
          { key: 'a', operator: 'Exists' },
          { key: 'b', operator: 'Exists' },
        ],
      },
    ],
    ['one gate less', { 'spec.schedulingGates': [{ name: 'a/b' }] }, { 'spec.schedulingGates': [] }],
    [
      'a narrower selector of a gated pod',
      { 'spec.schedulingGates': [{ name: 'a/b' }] },
      { 'spec.schedulingGates': [{ name: 'a/b' }], 'spec.nodeSelector': { a: 'b' } },
    ],
    ['labels', {}, { 'metadata.labels': { a: 'b' } }],
  ])('accepts %s', (_, before, after) => {
    const old = edit(pod, before as Record<string, unknown>);
    expect(update('core.v1.Pod', edit(pod, after as Record<string, unknown>), old)).toEqual([]);
  });

  it.each<[string, object, object, string]>([
    [
      'another host name',
      {},
      { 'spec.hostname': 'h' },
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n',
    ],
    [
      'one more container',
      {},
      { 'spec.containers': [container, { ...container, name: 'd' }] },
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      'a longer deadline',
      { 'spec.activeDeadlineSeconds': 5 },
      { 'spec.activeDeadlineSeconds': 10 },
      'spec.activeDeadlineSeconds: Invalid value: 10: must be less than or equal to previous value',
    ],
    [
      'no deadline any more',
      { 'spec.activeDeadlineSeconds': 5 },
      {},
      'spec.activeDeadlineSeconds: Invalid value: "null": must not update from a positive integer to nil value',
    ],
    [
      'one toleration less',
      { 'spec.tolerations': [{ key: 'a', operator: 'Exists' }] },
      {},
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    [
      'a new gate',
      {},
      { 'spec.schedulingGates': [{ name: 'a/b' }] },
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a/b'",
    ],
  ])('refuses %s', (_, before, after, expected) => {
    const old = edit(pod, before as Record<string, unknown>);
    expect(update('core.v1.Pod', edit(pod, after as Record<string, unknown>), old).join('\n')).toContain(
      expected,
    );
  });

  it('adds ephemeral containers and never takes one away', () => {
    const debug = edit(pod, { 'spec.ephemeralContainers': [{ ...container, name: 'debug' }] });
    expect(update('core.v1.Pod', debug, pod, 'ephemeralcontainers')).toEqual([]);
    expect(update('core.v1.Pod', pod, debug, 'ephemeralcontainers')).toEqual([
      'spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n',
    ]);
  });

  it('keeps terminated containers of finished pods terminated', () => {
    const status = (state: object): object =>
      edit(pod, { 'spec.restartPolicy': 'Never', 'status.containerStatuses': [{ name: 'c', state }] });
    expect(
      update('core.v1.Pod', status({ running: {} }), status({ terminated: { exitCode: 1 } }), 'status'),
    ).toEqual([
      'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
    ]);
  });

  it('takes status with any spec, but not another node', () => {
    const bad = edit(pod, {
      'spec.nodeName': 'n',
      'status.podIPs': [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
    });
    expect(update('core.v1.Pod', bad, pod, 'status')).toEqual([
      'status.nodeName: Forbidden: may not be changed directly',
      'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP for each IP family',
    ]);
  });
});

const template = { metadata: { labels: { app: 'x' } }, spec: podSpec };
const deployment = {
  metadata,
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'x' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    template,
  },
};

describe('workloads', () => {
  it('accept what they should', () => {
    expect(create('apps.v1.Deployment', deployment)).toEqual([]);
    expect(create('apps.v1.ReplicaSet', deployment)).toEqual([]);
    const set = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } };
    expect(
      create('apps.v1.DaemonSet', edit(deployment, { 'spec.updateStrategy': set.updateStrategy })),
    ).toEqual([]);
    const stateful = { 'spec.updateStrategy': { type: 'OnDelete' }, 'spec.podManagementPolicy': 'Parallel' };
    expect(create('apps.v1.StatefulSet', edit(deployment, stateful))).toEqual([]);
    const controller = edit(deployment, { 'spec.selector': { app: 'x' } });
    expect(create('core.v1.ReplicationController', controller)).toEqual([]);
    const job = edit(deployment, { 'spec.template.spec.restartPolicy': 'Never' });
    expect(create('batch.v1.Job', job)).toEqual([]);
    const cron = {
      metadata,
      spec: {
        schedule: '*/5 0-6 * jan mon',
        concurrencyPolicy: 'Allow',
        timeZone: 'Europe/Berlin',
        jobTemplate: {
          spec: { template: { ...template, spec: { ...podSpec, restartPolicy: 'OnFailure' } } },
        },
      },
    };
    expect(create('batch.v1.CronJob', cron)).toEqual([]);
  });

  it.each<[string, string, object, string]>([
    [
      'a selector that misses',
      'apps.v1.Deployment',
      { 'spec.selector.matchLabels': { app: 'y' } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'an empty selector',
      'apps.v1.Deployment',
      { 'spec.selector': {} },
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    ],
    ['no selector', 'apps.v1.Deployment', { 'spec.selector': undefined }, 'spec.selector: Required value'],
    [
      'negative replicas',
      'apps.v1.Deployment',
      { 'spec.replicas': -1 },
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a rollout that cannot move',
      'apps.v1.Deployment',
      { 'spec.strategy.rollingUpdate': { maxSurge: 0, maxUnavailable: 0 } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      'more than all',
      'apps.v1.Deployment',
      { 'spec.strategy.rollingUpdate.maxUnavailable': '101%' },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      'rolling parameters on Recreate',
      'apps.v1.Deployment',
      { 'spec.strategy.type': 'Recreate' },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'a deadline within the ready time',
      'apps.v1.Deployment',
      { 'spec.progressDeadlineSeconds': 5, 'spec.minReadySeconds': 5 },
      'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
    ],
    [
      'pods that end',
      'apps.v1.Deployment',
      { 'spec.template.spec.restartPolicy': 'Never' },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'a bad template',
      'apps.v1.ReplicaSet',
      { 'spec.template.spec.containers': [] },
      'spec.template.spec.containers: Required value',
    ],
    [
      'pods that never end',
      'batch.v1.Job',
      {},
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      'indexes without a count',
      'batch.v1.Job',
      { 'spec.completionMode': 'Indexed' },
      'spec.completions: Required value: when completion mode is Indexed',
    ],
    ['no schedule', 'batch.v1.CronJob', {}, 'spec.schedule: Required value'],
    [
      'a bad schedule',
      'batch.v1.CronJob',
      { 'spec.schedule': '* * *' },
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    ],
    [
      'minute 60',
      'batch.v1.CronJob',
      { 'spec.schedule': '60 * * * *' },
      'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60',
    ],
    [
      'a long name',
      'batch.v1.CronJob',
      { 'metadata.name': 'x'.repeat(53) },
      'must be no more than 52 characters',
    ],
  ])('refuse %s', (_, message, changes, expected) => {
    expect(create(message, edit(deployment, changes as Record<string, unknown>)).join('\n')).toContain(
      expected,
    );
  });

  it.each<[string, string, object, object, string]>([
    [
      'another selector',
      'apps.v1.Deployment',
      {},
      {
        'spec.selector.matchLabels': { app: 'x', b: 'c' },
        'spec.template.metadata.labels': { app: 'x', b: 'c' },
      },
      'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
    ],
    [
      'another service name',
      'apps.v1.StatefulSet',
      {},
      { 'spec.serviceName': 'x' },
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    [
      'another template of a job',
      'batch.v1.Job',
      {},
      { 'spec.template.spec.hostname': 'x' },
      ': field is immutable',
    ],
  ])('refuse the change to %s', (_, message, before, after, expected) => {
    const old = edit(deployment, before as Record<string, unknown>);
    expect(update(message, edit(deployment, after as Record<string, unknown>), old).join('\n')).toContain(
      expected,
    );
  });

  it('judge status by itself', () => {
    const status = edit(deployment, { 'spec.replicas': -1, 'status.replicas': 1, 'status.readyReplicas': 2 });
    expect(update('apps.v1.Deployment', status, deployment, 'status')).toEqual([
      'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
    ]);
  });
});

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
