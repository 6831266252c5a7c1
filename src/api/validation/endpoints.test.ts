import { describe, expect, it } from 'vitest';
import { create, edit, endpoints, metadata, SUBDOMAIN, slice, update } from './testing/judge.js';

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
      'a name that is no subdomain',
      'discovery.v1.EndpointSlice',
      slice,
      { 'metadata.name': 'A' },
      `metadata.name: Invalid value: "A": ${SUBDOMAIN}`,
    ],
    [
      'too many ports',
      'discovery.v1.EndpointSlice',
      slice,
      { ports: Array.from({ length: 20001 }, (_, i) => ({ name: `p${i}`, port: 1, protocol: 'TCP' })) },
      'ports: Too many: 20001: must have at most 20000 items',
    ],
    [
      'too many node hints',
      'discovery.v1.EndpointSlice',
      slice,
      {
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            hints: { forNodes: Array.from({ length: 9 }, (_, i) => ({ name: `n${i}` })) },
          },
        ],
      },
      'endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items',
    ],
    [
      'an address with leading zeros',
      'discovery.v1.EndpointSlice',
      slice,
      { endpoints: [{ addresses: ['10.0.0.01'] }] },
      'endpoints[0].addresses[0]: Invalid value: "10.0.0.01": must not have leading 0s',
    ],
    [
      'leading zeros',
      'core.v1.Endpoints',
      endpoints,
      { subsets: [{ addresses: [{ ip: '010.0.0.1' }] }] },
      'subsets[0].addresses[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
    ],
    [
      'a link-local address that is not ready',
      'core.v1.Endpoints',
      endpoints,
      { subsets: [{ notReadyAddresses: [{ ip: 'fe80::1' }] }] },
      'subsets[0].notReadyAddresses[0].ip: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      'a port out of range',
      'core.v1.Endpoints',
      endpoints,
      { subsets: [{ addresses: [{ ip: '1.1.1.1' }], ports: [{ port: 0, protocol: 'TCP' }] }] },
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
    [
      'too many ports',
      'discovery.v1.EndpointSlice',
      slice,
      { ports: Array.from({ length: 20_001 }, (_, i) => ({ name: `p${i}`, port: 1 + i, protocol: 'TCP' })) },
      'ports: Too many: 20001: must have at most 20000 items',
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
