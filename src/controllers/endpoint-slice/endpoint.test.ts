import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { node, pod, service } from '../testing/objects.js';
import { addressTypesOf, desiredEndpoints, endpointPorts, podEndpoint, portSetKey } from './endpoint.js';

const n1 = node('n1', { zone: 'z1' });
const nodeOf = (name: string) => (name === 'n1' ? n1 : undefined);

describe('endpoint conditions', () => {
  const publish = { publishNotReadyAddresses: true };
  it.each<
    [string, { ready?: boolean; terminating?: boolean }, core.ServiceSpec, [boolean, boolean, boolean]]
  >([
    ['a ready Pod', {}, {}, [true, true, false]],
    ['an unready Pod', { ready: false }, {}, [false, false, false]],
    ['a terminating ready Pod', { terminating: true }, {}, [false, true, true]],
    ['a terminating unready Pod', { ready: false, terminating: true }, {}, [false, false, true]],
    ['an unready Pod that is published', { ready: false }, publish, [true, false, false]],
    ['a terminating Pod that is published', { terminating: true }, publish, [true, true, true]],
  ])('of %s', (_, options, spec, [ready, serving, terminating]) => {
    const endpoint = podEndpoint(
      service('web', { spec }),
      pod('p', { ip: '10.0.0.1', ...options }),
      n1,
      'IPv4',
    );
    expect(endpoint!.conditions).toEqual({ ready, serving, terminating });
  });
});

describe('an endpoint', () => {
  it('refers to its Pod without a resourceVersion, and carries node and zone', () => {
    const made = pod('p', { ip: '10.0.0.1' });
    made.metadata.resourceVersion = '7';
    expect(podEndpoint(service('web'), made, n1, 'IPv4')).toEqual({
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: 'Pod', namespace: 'default', name: 'p', uid: 'uid-p' },
      nodeName: 'n1',
      zone: 'z1',
    });
  });

  it('has the addresses of its family only, and does not exist without any', () => {
    const dual = pod('p', { ip: ['10.0.0.1', 'fd00::1'] });
    expect(podEndpoint(service('web'), dual, n1, 'IPv6')!.addresses).toEqual(['fd00::1']);
    expect(podEndpoint(service('web'), pod('p', { ip: '10.0.0.1' }), n1, 'IPv6')).toBeUndefined();
  });

  it.each([
    [{ hostname: 'h', subdomain: 'web' }, 'h'],
    [{ hostname: 'h', subdomain: 'other' }, undefined],
    [{ hostname: 'h' }, undefined],
    [{ subdomain: 'web' }, undefined],
  ])('publishes a hostname only under the subdomain of the Service: %j', (spec, hostname) => {
    const endpoint = podEndpoint(service('web'), pod('p', { ip: '10.0.0.1', spec }), n1, 'IPv4');
    expect(endpoint!.hostname).toBe(hostname);
  });
});

describe('ports of an endpoint', () => {
  const named = (targetPort: string | number, protocol = 'TCP') =>
    service('web', { spec: { ports: [{ name: 'x', port: 80, targetPort, protocol, appProtocol: 'http' }] } });
  const container = (containerPort: number, name: string, protocol = 'TCP'): core.Container => ({
    name: 'c',
    ports: [{ containerPort, name, protocol }],
  });
  it.each<[string, core.Service, Partial<core.PodSpec>, number | undefined]>([
    ['a number', named(8080), {}, 8080],
    ['a name of a container', named('http'), { containers: [container(9000, 'http')] }, 9000],
    [
      'a name of another protocol',
      named('http', 'UDP'),
      { containers: [container(9000, 'http')] },
      undefined,
    ],
    ['a name that no container has', named('nope'), { containers: [container(9000, 'http')] }, undefined],
    [
      'a name of a sidecar',
      named('http'),
      {
        containers: [{ name: 'c' }],
        initContainers: [{ ...container(9001, 'http'), restartPolicy: 'Always' }],
      },
      9001,
    ],
    [
      'a name of an init container that ends',
      named('http'),
      { containers: [{ name: 'c' }], initContainers: [container(9001, 'http')] },
      undefined,
    ],
    [
      'the first of two containers',
      named('http'),
      { containers: [container(1, 'http'), container(2, 'http')] },
      1,
    ],
  ])('resolve %s', (_, svc, spec, expected) => {
    const ports = endpointPorts(svc, pod('p', { ip: '10.0.0.1', spec }));
    expect(ports.map((port) => port.port)).toEqual(expected === undefined ? [] : [expected]);
    if (expected !== undefined) expect(ports[0]).toMatchObject({ name: 'x', appProtocol: 'http' });
  });

  it('make Pods with different container ports different groups, and the order of ports does not', () => {
    const svc = named('http');
    const pods = [9000, 9000, 9001].map((port, i) =>
      pod(`p${i}`, { ip: `10.0.0.${i + 1}`, spec: { containers: [container(port, 'http')] } }),
    );
    const { groups } = desiredEndpoints(svc, pods, nodeOf, 'IPv4');
    expect([...groups.values()].map((group) => group.endpoints.size)).toEqual([2, 1]);
    const a = { name: 'a', port: 1, protocol: 'TCP' };
    const b = { name: 'b', port: 2, protocol: 'TCP' };
    expect(portSetKey([a, b])).toBe(portSetKey([b, a]));
    expect(portSetKey([a])).not.toBe(portSetKey([{ ...a, appProtocol: 'x' }]));
  });
});

describe('Pods whose Node is unknown', () => {
  const lost = pod('p', { ip: '10.0.0.1', nodeName: 'gone' });
  it('are left out and named for a retry', () => {
    const { groups, skipped } = desiredEndpoints(service('web'), [lost], nodeOf, 'IPv4');
    expect([...groups.values()].map((group) => group.endpoints.size)).toEqual([0]);
    expect(skipped).toEqual([{ pod: 'default/p', node: 'gone' }]);
  });
  it('are published all the same when the Service publishes everything', () => {
    const svc = service('web', { spec: { publishNotReadyAddresses: true } });
    const { groups, skipped } = desiredEndpoints(svc, [lost], nodeOf, 'IPv4');
    expect([...groups.values()].map((group) => group.endpoints.size)).toEqual([1]);
    expect(skipped).toEqual([]);
  });
});

describe('address types', () => {
  it.each<[core.ServiceSpec, string[]]>([
    [{ ipFamilies: ['IPv6', 'IPv4'] }, ['IPv6', 'IPv4']],
    [{ ipFamilies: [], clusterIP: '10.0.0.1' }, ['IPv4']],
    [{ ipFamilies: [], clusterIP: 'fd00::1' }, ['IPv6']],
    [{ ipFamilies: [], clusterIP: 'None' }, ['IPv4', 'IPv6']],
  ])('of %j', (spec, expected) => {
    expect(addressTypesOf(service('web', { spec }))).toEqual(expected);
  });
});
