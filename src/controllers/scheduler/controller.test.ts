import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Errors } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { node, pod } from '../testing/objects.js';
import { createScheduler } from './index.js';

describe('scheduler', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = new Harness();
    await harness.start((deps) => createScheduler({}, deps));
  });
  afterEach(() => harness.stop());
  const placement = () =>
    Object.fromEntries(
      harness.client.all(Resources.pods).map((p) => [p.metadata.name, p.spec!.nodeName ?? '']),
    );
  const pending = (name: string, spec = {}) =>
    pod(name, { nodeName: '', phase: 'Pending', ready: false, spec });

  it('binds a Pod and records where it went', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.pods, pending('p'));
    await expect.poll(placement).toEqual({ p: 'n1' });
    await harness.settle();
    expect(harness.events).toEqual([
      { object: 'p', type: 'Normal', reason: 'Scheduled', message: 'Successfully assigned default/p to n1' },
    ]);
  });

  it('says why a Pod stays pending, once, and binds it as soon as a node fits', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.pods, pending('p', { nodeSelector: { disk: 'ssd' } }));
    await harness.settle();
    const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
    expect(harness.events).toEqual([{ object: 'p', type: 'Warning', reason: 'FailedScheduling', message }]);
    expect(harness.client.all(Resources.pods)[0]!.status!.conditions).toMatchObject([
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
    ]);
    harness.client.seed(Resources.nodes, node('n2', { labels: { disk: 'ssd' } }));
    await expect.poll(placement).toEqual({ p: 'n2' });
  });

  it('leaves gated, foreign and already placed Pods alone', async () => {
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(
      Resources.pods,
      pending('gated', { schedulingGates: [{ name: 'wait' }] }),
      pending('foreign', { schedulerName: 'other' }),
      pod('placed', { nodeName: 'elsewhere' }),
    );
    await harness.settle();
    expect(placement()).toEqual({ gated: '', foreign: '', placed: 'elsewhere' });
    expect(harness.client.actions).toEqual([]);
  });

  it('never overfills a node when many Pods come at once', async () => {
    const tight = node('n1');
    tight.status!.allocatable = { cpu: '2', memory: '4Gi', pods: '3' };
    harness.client.seed(Resources.nodes, tight);
    harness.client.seed(Resources.pods, ...Array.from({ length: 8 }, (_, i) => pending(`p${i}`)));
    await harness.settle();
    expect(Object.values(placement()).filter((n) => n === 'n1')).toHaveLength(3);
    const running = harness.client.all(Resources.pods).find((p) => p.spec!.nodeName === 'n1')!;
    harness.client.remove(Resources.pods, running.metadata.name!, 'default');
    await expect.poll(() => Object.values(placement()).filter((n) => n === 'n1')).toHaveLength(3);
  });

  it('frees the room again when a binding is refused, and tries again after other errors', async () => {
    let refusals = 2;
    harness.client.fail = ({ verb, resource }) => {
      if (verb !== 'create' || resource !== 'pods' || refusals-- <= 0) return undefined;
      return Errors.internal('no luck');
    };
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.pods, pending('p'));
    await expect.poll(placement).toEqual({ p: 'n1' });
    expect(refusals).toBeLessThanOrEqual(0);
  });

  it('gives room to the most important Pod first, then in order of arrival', async () => {
    const important = (name: string, priority: number) => pending(name, { priority });
    harness.client.seed(Resources.pods, important('low', 1), important('high', 5), important('high-too', 5));
    await harness.settle();
    const narrow = (pods: string) => {
      const made = node('n1');
      made.status!.allocatable = { cpu: '2', memory: '4Gi', pods };
      return made;
    };
    harness.client.seed(Resources.nodes, narrow('1'));
    await expect.poll(placement).toEqual({ low: '', high: 'n1', 'high-too': '' });
    await harness.settle();
    harness.client.seed(Resources.nodes, narrow('2'));
    await expect.poll(placement).toEqual({ low: '', high: 'n1', 'high-too': 'n1' });
    harness.client.seed(Resources.nodes, narrow('3'));
    await expect.poll(placement).toEqual({ low: 'n1', high: 'n1', 'high-too': 'n1' });
  });

  it('serves others while an important Pod cannot be bound', async () => {
    harness.client.fail = ({ verb, name }) =>
      verb === 'create' && name === 'stuck' ? Errors.internal('no luck') : undefined;
    harness.client.seed(Resources.nodes, node('n1'));
    const names = Array.from({ length: 20 }, (_, i) => `p${i}`);
    harness.client.seed(Resources.pods, pending('stuck', { priority: 9 }), ...names.map((n) => pending(n)));
    await expect.poll(() => Object.values(placement()).filter((on) => on === 'n1')).toHaveLength(20);
    expect(placement()['stuck']).toBe('');
  });
});
