import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { service } from '../testing/objects.js';
import { createEndpointSliceMirroringController } from './index.js';

const selectorless = () => {
  const { selector: _none, ...spec } = service('web').spec!;
  return { ...service('web'), spec };
};
function endpoints(
  subsets: core.EndpointSubset[],
  metadata: Partial<core.Endpoints['metadata']> = {},
): core.Endpoints {
  return { metadata: { name: 'web', namespace: 'default', ...metadata }, subsets };
}
const port = { port: 80, name: 'http', protocol: 'TCP' };

describe('endpoint-slice mirroring controller', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = new Harness();
    await harness.start((deps) => createEndpointSliceMirroringController({}, deps));
  });
  afterEach(() => harness.stop());
  const slices = () => harness.client.all(Resources.endpointSlices);

  it('copies each subset and family into one slice that the Endpoints own', async () => {
    harness.client.seed(Resources.services, selectorless());
    harness.client.seed(
      Resources.endpoints,
      endpoints(
        [
          {
            addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }, { ip: 'fd00::1' }],
            notReadyAddresses: [{ ip: '10.0.0.2' }],
            ports: [port],
          },
        ],
        {
          labels: { app: 'x' },
          annotations: { note: 'y', 'endpoints.kubernetes.io/last-change-trigger-time': 't' },
        },
      ),
    );
    await harness.settle();
    const [v4, v6, ...others] = slices().sort((a, b) => (a.addressType < b.addressType ? -1 : 1));
    expect(others).toEqual([]);
    expect(v4).toMatchObject({
      addressType: 'IPv4',
      ports: [port],
      endpoints: [
        { addresses: ['10.0.0.1'], nodeName: 'n1', conditions: { ready: true } },
        { addresses: ['10.0.0.2'], conditions: { ready: false } },
      ],
      metadata: {
        labels: {
          app: 'x',
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
        },
        annotations: { note: 'y' },
        ownerReferences: [{ kind: 'Endpoints', name: 'web', controller: true }],
      },
    });
    expect(v6).toMatchObject({ addressType: 'IPv6', endpoints: [{ addresses: ['fd00::1'] }] });
  });

  it('follows changes with one update, and writes nothing when nothing changed', async () => {
    harness.client.seed(Resources.services, selectorless());
    harness.client.seed(Resources.endpoints, endpoints([{ addresses: [{ ip: '10.0.0.1' }], ports: [port] }]));
    await harness.settle();
    harness.client.clearActions();
    harness.client.seed(Resources.endpoints, endpoints([{ addresses: [{ ip: '10.0.0.3' }], ports: [port] }]));
    await harness.settle();
    expect(harness.client.actions.map((a) => a.verb)).toEqual(['update']);
    expect(slices()[0]!.endpoints).toMatchObject([{ addresses: ['10.0.0.3'] }]);
    harness.client.clearActions();
    harness.client.seed(Resources.endpoints, endpoints([{ addresses: [{ ip: '10.0.0.3' }], ports: [port] }]));
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });

  it.each([
    ['the skip-mirror label', { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }],
    ['a leader election record', { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } }],
  ])('does not copy Endpoints with %s', async (_, metadata) => {
    harness.client.seed(Resources.services, selectorless());
    harness.client.seed(
      Resources.endpoints,
      endpoints([{ addresses: [{ ip: '10.0.0.1' }], ports: [port] }], metadata),
    );
    await harness.settle();
    expect(slices()).toEqual([]);
  });

  it('removes its slices when the Service gets a selector or goes', async () => {
    harness.client.seed(Resources.services, selectorless());
    harness.client.seed(Resources.endpoints, endpoints([{ addresses: [{ ip: '10.0.0.1' }], ports: [port] }]));
    await harness.settle();
    expect(slices()).toHaveLength(1);
    harness.client.seed(Resources.services, service('web'));
    await harness.settle();
    expect(slices()).toEqual([]);
  });

  it('copies at most 1000 addresses of a subset and says so', async () => {
    harness.client.seed(Resources.services, selectorless());
    const addresses = Array.from({ length: 1003 }, (_, i) => ({ ip: `10.1.${i >> 8}.${i & 255}` }));
    harness.client.seed(Resources.endpoints, endpoints([{ addresses, ports: [port] }]));
    await harness.settle();
    expect(slices()[0]!.endpoints).toHaveLength(1000);
    expect(harness.events).toMatchObject([
      { reason: 'TooManyAddressesToMirror', message: expect.stringContaining('3 addresses were skipped') },
    ]);
  });

  it('counts what it does under upstream’s metric names', async () => {
    harness.client.seed(Resources.services, selectorless());
    const mirrored = (...ips: string[]) =>
      endpoints([{ addresses: ips.map((ip) => ({ ip })), ports: [port] }], { uid: 'e' });
    harness.client.seed(Resources.endpoints, mirrored('10.0.0.1', '10.0.0.2', 'nonsense'));
    await harness.settle();
    harness.client.seed(Resources.endpoints, mirrored('10.0.0.2', '10.0.0.3'));
    await harness.settle();
    const { body } = await harness.deps.metrics.scrape();
    const name = 'endpoint_slice_mirroring_controller';
    for (const line of [
      `${name}_changes{operation="create"} 1`,
      `${name}_changes{operation="update"} 1`,
      `${name}_endpoints_added_per_sync_sum 3`,
      `${name}_endpoints_removed_per_sync_sum 1`,
      `${name}_addresses_skipped_per_sync_sum 1`,
      `${name}_endpoints_desired 2`,
      `${name}_num_endpoint_slices 1`,
    ])
      expect(body.split('\n')).toContain(line);
  });
});
