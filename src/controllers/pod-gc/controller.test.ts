import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { node, pod } from '../testing/objects.js';
import { createPodGcController } from './index.js';

describe('pod garbage collector', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    clock = new FakeClock();
    harness = new Harness(clock);
    harness.client.seed(Resources.nodes, node('n1'));
    await harness.start((deps) => createPodGcController({ terminatedThreshold: 2 }, deps));
    await harness.settle();
  });
  afterEach(() => harness.stop());
  const left = () => harness.client.all(Resources.pods).map((p) => p.metadata.name);
  async function pass(seconds: number): Promise<void> {
    for (let left = seconds; left > 0; left -= 20) {
      // What was written has to be seen before time passes.
      await harness.settle();
      clock.advance(20_000);
      await harness.settle();
    }
  }

  it('gives up the Pods of a vanished node after the quarantine, as Failed', async () => {
    harness.client.seed(Resources.pods, pod('stays', { nodeName: 'n1' }), pod('lost', { nodeName: 'gone' }));
    await pass(40);
    expect(left()).toEqual(['stays', 'lost']);
    await pass(40);
    expect(left()).toEqual(['stays']);
    const patch = harness.client.actions.find((a) => a.verb === 'patch');
    expect(patch?.object).toMatchObject({
      status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', reason: 'DeletionByPodGC' }] },
    });
  });

  it('spares Pods whose node comes back during the quarantine', async () => {
    harness.client.seed(Resources.pods, pod('p', { nodeName: 'late' }));
    await pass(40);
    harness.client.seed(Resources.nodes, node('late'));
    await pass(80);
    expect(left()).toEqual(['p']);
  });

  it('deletes the oldest finished Pods beyond the threshold, and what was never scheduled and is terminating', async () => {
    for (const [i, name] of ['old', 'middle', 'young'].entries()) {
      const finished = pod(name, { phase: 'Succeeded' });
      finished.metadata.creationTimestamp = `2026-01-01T00:00:0${i}Z`;
      harness.client.seed(Resources.pods, finished);
    }
    harness.client.seed(Resources.pods, pod('never', { nodeName: '', terminating: true }));
    await pass(20);
    expect(left()).toEqual(['middle', 'young']);
  });
});
