import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { batch } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createTtlAfterFinishedController } from './index.js';

describe('ttl-after-finished controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    clock = new FakeClock();
    harness = new Harness(clock);
    await harness.start(createTtlAfterFinishedController);
  });
  afterEach(() => harness.stop());

  function seed(
    name: string,
    ttlSecondsAfterFinished: number | undefined,
    type?: 'Complete' | 'Failed',
  ): void {
    const lastTransitionTime = new Date(clock.now()).toISOString();
    const spec = {
      template: {},
      ...(ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished }),
    };
    harness.client.seed(Resources.jobs, {
      metadata: { name, namespace: 'default' },
      spec,
      status: type === undefined ? {} : { conditions: [{ type, status: 'True', lastTransitionTime }] },
    } as batch.Job);
  }
  const left = () => harness.client.all(Resources.jobs).map((job) => job.metadata.name);

  it('deletes finished Jobs when their time is over, and no others', async () => {
    seed('complete', 10, 'Complete');
    seed('failed', 20, 'Failed');
    seed('at-once', 0, 'Complete');
    seed('running', 0);
    seed('forever', undefined, 'Complete');
    await harness.settle();
    expect(left()).toEqual(['complete', 'failed', 'running', 'forever']);
    clock.advance(9_999);
    await harness.settle();
    expect(left()).toContain('complete');
    clock.advance(1);
    await harness.settle();
    expect(left()).toEqual(['failed', 'running', 'forever']);
    clock.advance(10_000);
    await harness.settle();
    expect(left()).toEqual(['running', 'forever']);
  });

  it('gives a Job the time that it is given later', async () => {
    seed('job', 10, 'Complete');
    await harness.settle();
    const [job] = harness.client.all(Resources.jobs);
    harness.client.seed(Resources.jobs, { ...job!, spec: { ...job!.spec!, ttlSecondsAfterFinished: 100 } });
    clock.advance(10_000);
    await harness.settle();
    expect(left()).toEqual(['job']);
    clock.advance(90_000);
    await harness.settle();
    expect(left()).toEqual([]);
  });
});
