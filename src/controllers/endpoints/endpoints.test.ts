import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { pod, service } from '../testing/objects.js';
import { createEndpointsController } from './index.js';
import { endpointSubsets, truncateSubsets } from './subsets.js';

describe('subsets', () => {
  const ips = (list: core.EndpointAddress[] | undefined) => (list ?? []).map((address) => address.ip);

  it('separate ready from unready addresses under the same ports, sorted', () => {
    const pods = [
      pod('b', { ip: '10.0.0.2' }),
      pod('a', { ip: '10.0.0.1', ready: false }),
      pod('c', { ip: '10.0.0.3' }),
    ];
    const [subset, ...others] = endpointSubsets(service('web'), pods);
    expect(others).toEqual([]);
    expect(ips(subset!.addresses)).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(ips(subset!.notReadyAddresses)).toEqual(['10.0.0.1']);
    expect(subset!.ports).toEqual([{ port: 8080, protocol: 'TCP' }]);
    expect(subset!.addresses![0]).toEqual({
      ip: '10.0.0.2',
      nodeName: 'n1',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'b', uid: 'uid-b' },
    });
  });

  it('count unready Pods as ready when the Service publishes them', () => {
    const svc = service('web', { spec: { publishNotReadyAddresses: true } });
    const [subset] = endpointSubsets(svc, [pod('a', { ip: '10.0.0.1', ready: false })]);
    expect(ips(subset!.addresses)).toEqual(['10.0.0.1']);
  });

  it('split by the ports that Pods really have, and join ports with equal addresses', () => {
    const svc = service('web', {
      spec: {
        ports: [
          { name: 'x', port: 1, targetPort: 'x', protocol: 'TCP' },
          { name: 'y', port: 2, targetPort: 9, protocol: 'TCP' },
        ],
      },
    });
    const withPort = (containerPort: number) => ({
      containers: [{ name: 'c', ports: [{ name: 'x', containerPort, protocol: 'TCP' }] }],
    });
    const pods = [
      pod('a', { ip: '10.0.0.1', spec: withPort(80) }),
      pod('b', { ip: '10.0.0.2', spec: withPort(81) }),
    ];
    const found = endpointSubsets(svc, pods).map((s) => [ips(s.addresses), s.ports!.map((p) => p.port)]);
    expect(found).toEqual([
      [['10.0.0.1'], [80]],
      [['10.0.0.2'], [81]],
      [['10.0.0.1', '10.0.0.2'], [9]],
    ]);
  });

  it('exist without ports for a headless Service without ports, and not otherwise', () => {
    const pods = [pod('a', { ip: '10.0.0.1' })];
    expect(endpointSubsets(service('web', { spec: { clusterIP: 'None', ports: [] } }), pods)).toHaveLength(1);
    expect(endpointSubsets(service('web', { spec: { ports: [] } }), pods)).toEqual([]);
  });

  it('hold the first family only', () => {
    const svc = service('web', { spec: { ipFamilies: ['IPv6', 'IPv4'] } });
    const [subset] = endpointSubsets(svc, [
      pod('a', { ip: ['10.0.0.1', 'fd00::1'] }),
      pod('b', { ip: '10.0.0.2' }),
    ]);
    expect(ips(subset!.addresses)).toEqual(['fd00::1']);
  });
});

describe('truncation to 1000 addresses', () => {
  const many = (count: number, base: number) =>
    Array.from({ length: count }, (_, i) => ({ ip: `10.${base}.${i >> 8}.${i & 255}` }));
  it.each([
    ['keeps what fits', [[600, 400]], [[600, 400]], false],
    ['cuts unready addresses first', [[900, 300]], [[900, 100]], true],
    [
      'cuts ready ones in proportion and drops all unready ones',
      [
        [1500, 10],
        [500, 10],
      ],
      [
        [750, 0],
        [250, 0],
      ],
      true,
    ],
    [
      'shares the room for unready ones in proportion',
      [
        [400, 600],
        [400, 200],
      ],
      [
        [400, 150],
        [400, 50],
      ],
      true,
    ],
  ])('%s', (_, sizes, expected, truncated) => {
    const subsets = (sizes as number[][]).map(([ready, notReady], i) => ({
      addresses: many(ready!, i),
      notReadyAddresses: many(notReady!, i + 100),
    }));
    const result = truncateSubsets(subsets);
    expect(result.truncated).toBe(truncated);
    expect(result.subsets.map((s) => [s.addresses?.length ?? 0, s.notReadyAddresses?.length ?? 0])).toEqual(
      expected,
    );
  });
});

describe('endpoints controller', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = new Harness();
    await harness.start((deps) => createEndpointsController({}, deps));
  });
  afterEach(() => harness.stop());
  const stored = () => harness.client.all(Resources.endpoints);

  it('writes labels of the Service, its own mark and the trigger time', async () => {
    harness.client.seed(
      Resources.services,
      service('web', { labels: { team: 'a' }, spec: { clusterIP: 'None' } }),
    );
    harness.client.seed(Resources.pods, pod('p', { ip: '10.0.0.1' }));
    await harness.settle();
    expect(stored()[0]!.metadata).toMatchObject({
      name: 'web',
      labels: {
        team: 'a',
        'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
        'service.kubernetes.io/headless': '',
      },
    });
  });

  it('drops terminating Pods, and keeps them when everything is published', async () => {
    harness.client.seed(
      Resources.services,
      service('web'),
      service('all', { spec: { publishNotReadyAddresses: true } }),
    );
    harness.client.seed(Resources.pods, pod('p', { ip: '10.0.0.1', terminating: true }));
    await harness.settle();
    const sizes = Object.fromEntries(
      stored().map((e) => [e.metadata.name, e.subsets?.[0]?.addresses?.length ?? 0]),
    );
    expect(sizes).toEqual({ web: 0, all: 1 });
  });

  it('leaves Endpoints of Services without selector and of type ExternalName to others', async () => {
    const { selector: _selector, ...spec } = service('own').spec!;
    harness.client.seed(
      Resources.services,
      { ...service('own'), spec },
      service('ext', { spec: { type: 'ExternalName' } }),
    );
    harness.client.seed(Resources.endpoints, {
      metadata: { name: 'own', namespace: 'default' },
      subsets: [],
    });
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });

  it('leaves Endpoints alone that somebody writes without a Service, while it runs', async () => {
    await harness.settle();
    await harness.client
      .resource(Resources.endpoints)
      .create({ metadata: { name: 'static', namespace: 'default' }, subsets: [] });
    await harness.settle();
    expect(stored().map((e) => e.metadata.name)).toEqual(['static']);
  });

  it('deletes at its start Endpoints that were left by a Service, but never a leader election record', async () => {
    await harness.stop();
    harness = new Harness();
    harness.client.seed(
      Resources.endpoints,
      { metadata: { name: 'left', namespace: 'default' } },
      {
        metadata: {
          name: 'lock',
          namespace: 'default',
          annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' },
        },
      },
    );
    await harness.start((deps) => createEndpointsController({}, deps));
    await harness.settle();
    expect(stored().map((e) => e.metadata.name)).toEqual(['lock']);
  });
});
