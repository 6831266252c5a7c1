import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { node, pod, service } from '../testing/objects.js';
import { createEndpointSliceController } from './index.js';

describe('endpoint-slice controller', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  const run = () => harness.start((deps) => createEndpointSliceController({}, deps));
  const slices = () => harness.client.all(Resources.endpointSlices);

  it('writes one slice with labels, owner and ready endpoints for a Service with ready Pods', async () => {
    harness.client.seed(Resources.nodes, node('n1', { zone: 'z1' }));
    harness.client.seed(Resources.services, service('web', { labels: { team: 'a' } }));
    harness.client.seed(
      Resources.pods,
      pod('p1', { ip: '10.0.0.1' }),
      pod('p2', { ip: '10.0.0.2', ready: false }),
    );
    await run();
    await harness.settle();
    const [slice, ...others] = slices();
    expect(others).toEqual([]);
    expect(slice!.metadata.name).toMatch(/^web-/);
    expect(slice!.metadata.labels).toEqual({
      team: 'a',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    expect(slice!.metadata.ownerReferences).toMatchObject([
      { kind: 'Service', name: 'web', controller: true, blockOwnerDeletion: true },
    ]);
    expect(slice!.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    expect(slice!.endpoints).toMatchObject([
      {
        addresses: ['10.0.0.1'],
        nodeName: 'n1',
        zone: 'z1',
        conditions: { ready: true, serving: true, terminating: false },
      },
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: false, terminating: false } },
    ]);
  });

  it('keeps an empty placeholder slice while a Service has no Pods, and fills that slice by one update', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.services, service('web'));
    await run();
    await harness.settle();
    expect(slices()).toHaveLength(1);
    const placeholder = slices()[0]!;
    expect(placeholder.ports).toEqual([]);
    harness.client.clearActions();
    harness.client.seed(Resources.pods, pod('p1', { ip: '10.0.0.1' }));
    await harness.settle();
    expect(harness.client.actions.map((a) => a.verb)).toEqual(['update']);
    expect(slices()[0]!.metadata.name).toBe(placeholder.metadata.name);
    expect(slices()[0]!.endpoints).toHaveLength(1);
  });

  it('leaves a Pod out while its Node is unknown, and adds it when the Node appears', async () => {
    harness.client.seed(Resources.services, service('web'));
    harness.client.seed(Resources.pods, pod('p1', { ip: '10.0.0.1', nodeName: 'late' }));
    await run();
    await harness.settle();
    expect(slices()[0]!.endpoints).toEqual([]);
    harness.client.seed(Resources.nodes, node('late'));
    await harness.settle();
    expect(slices().flatMap((s) => s.endpoints ?? [])).toHaveLength(1);
  });

  it('writes nothing when it starts again on finished work', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.services, service('web'), service('api'));
    harness.client.seed(Resources.pods, pod('p1', { ip: '10.0.0.1' }));
    const controller = await run();
    await harness.settle();
    await controller.stop();
    harness.client.clearActions();
    await controller.start();
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });

  it('repairs a slice that somebody else edited or deleted', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.services, service('web'));
    harness.client.seed(Resources.pods, pod('p1', { ip: '10.0.0.1' }));
    await run();
    await harness.settle();
    const [slice] = slices();
    harness.client.seed(Resources.endpointSlices, { ...slice!, endpoints: [] });
    await harness.settle();
    expect(slices().flatMap((s) => s.endpoints ?? [])).toHaveLength(1);
    harness.client.remove(Resources.endpointSlices, slices()[0]!.metadata.name!, 'default');
    await harness.settle();
    expect(slices().flatMap((s) => s.endpoints ?? [])).toHaveLength(1);
  });

  it('writes once for the changes of one batch period', async () => {
    const clock = new FakeClock();
    const batching = new Harness(clock);
    batching.client.seed(Resources.nodes, node('n1'));
    batching.client.seed(Resources.services, service('web'));
    try {
      await batching.start((deps) => createEndpointSliceController({ updatesBatchPeriodMs: 500 }, deps));
      await batching.settle();
      batching.client.clearActions();
      for (let i = 0; i < 5; i++) {
        batching.client.seed(Resources.pods, pod(`p${i}`, { ip: `10.0.0.${i}` }));
        await batching.settle();
        clock.advance(99);
      }
      await batching.settle();
      expect(batching.client.actions).toEqual([]);
      clock.advance(5);
      await batching.settle();
      expect(batching.client.actions.map((action) => action.verb)).toEqual(['update']);
    } finally {
      await batching.stop();
    }
  });
});
