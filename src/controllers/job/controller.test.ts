import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { batch, core } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createJobController } from './index.js';
import { formatIndexes, parseIndexes } from './indexes.js';

const labels = { 'batch.kubernetes.io/controller-uid': 'job-uid', 'batch.kubernetes.io/job-name': 'work' };
function job(spec: Partial<batch.JobSpec> = {}): batch.Job {
  return {
    metadata: { name: 'work', namespace: 'default', uid: 'job-uid', generation: 1 },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'job-uid' } },
      template: {
        metadata: { labels },
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] },
      },
      ...spec,
    },
  };
}

describe('job controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(() => {
    clock = new FakeClock();
    harness = new Harness(clock);
  });
  afterEach(() => harness.stop());

  async function run(spec: Partial<batch.JobSpec> = {}): Promise<void> {
    harness.client.seed(Resources.jobs, job(spec));
    await harness.start((deps) => createJobController({}, deps));
    await harness.settle();
  }
  const current = () => harness.client.all(Resources.jobs)[0]!;
  const status = () => current().status!;
  const pods = () => harness.client.all(Resources.pods);
  const running = () => pods().filter((pod) => pod.status?.phase === undefined);
  const condition = (type: string) => status().conditions?.find((each) => each.type === type);
  const now = () => `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
  async function end(pod: core.Pod, phase: string, exitCode = phase === 'Failed' ? 1 : 0): Promise<void> {
    const terminated = { exitCode, finishedAt: now() };
    const containerStatuses = [
      { name: 'c', image: 'x', imageID: '', ready: false, restartCount: 0, state: { terminated } },
    ];
    harness.client.seed(Resources.pods, { ...pod, status: { phase, containerStatuses } });
    await harness.settle();
  }
  async function change(spec: Partial<batch.JobSpec>): Promise<void> {
    const stored = current();
    harness.client.seed(Resources.jobs, { ...stored, spec: { ...stored.spec!, ...spec } });
    await harness.settle();
  }

  it('runs Pods at most so many at a time until enough have succeeded, and counts each once', async () => {
    await run({ parallelism: 2, completions: 3 });
    expect(running()).toHaveLength(2);
    expect(status()).toMatchObject({ active: 2, startTime: now() });
    expect(pods()[0]!.metadata).toMatchObject({
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ownerReferences: [{ kind: 'Job', name: 'work', controller: true }],
    });
    await end(running()[0]!, 'Succeeded');
    expect(status()).toMatchObject({ active: 2, succeeded: 1 });
    await end(running()[0]!, 'Succeeded');
    expect(status()).toMatchObject({ active: 1, succeeded: 2 });
    await end(running()[0]!, 'Succeeded');
    expect(status()).toMatchObject({ active: 0, succeeded: 3, completionTime: now() });
    expect(condition('SuccessCriteriaMet')).toMatchObject({ status: 'True', reason: 'CompletionsReached' });
    expect(condition('Complete')).toMatchObject({
      status: 'True',
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    });
    expect(pods().flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
    expect(status().uncountedTerminatedPods ?? {}).toEqual({});
    expect(harness.events.at(-1)).toMatchObject({ reason: 'Completed', message: 'Job completed' });
  });

  it('without completions ends when one has succeeded and no Pod runs any more', async () => {
    const { completions: _none, ...spec } = job({ parallelism: 2 }).spec!;
    harness.client.seed(Resources.jobs, { ...job(), spec });
    await harness.start((deps) => createJobController({}, deps));
    await harness.settle();
    await end(running()[0]!, 'Succeeded');
    expect(running()).toHaveLength(1);
    expect(condition('Complete')).toBeUndefined();
    await end(running()[0]!, 'Succeeded');
    expect(condition('Complete')?.status).toBe('True');
  });

  it('replaces failed Pods after 10 s, 20 s, and fails beyond the limit', async () => {
    await run({ backoffLimit: 2 });
    for (const [failures, wait] of [
      [1, 10_000],
      [2, 20_000],
    ] as const) {
      await end(running()[0]!, 'Failed');
      expect(status().failed).toBe(failures);
      clock.advance(wait - 1);
      await harness.settle();
      expect(running(), `after ${wait - 1} ms`).toHaveLength(0);
      clock.advance(1);
      await harness.settle();
      expect(running(), `after ${wait} ms`).toHaveLength(1);
    }
    await end(running()[0]!, 'Failed');
    expect(status()).toMatchObject({ failed: 3, active: 0 });
    expect(condition('Failed')).toMatchObject({
      status: 'True',
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    });
    expect(condition('FailureTarget')?.reason).toBe('BackoffLimitExceeded');
    expect(status().completionTime).toBeUndefined();
  });

  it('counts the restarts of containers with restartPolicy OnFailure', async () => {
    const template = job().spec!.template;
    await run({
      backoffLimit: 2,
      template: { ...template, spec: { ...template.spec!, restartPolicy: 'OnFailure' } },
    });
    const [pod] = running();
    const containerStatuses = [{ name: 'c', image: 'x', imageID: '', ready: true, restartCount: 2 }];
    harness.client.seed(Resources.pods, { ...pod!, status: { phase: 'Running', containerStatuses } });
    await harness.settle();
    expect(condition('Failed')?.reason).toBe('BackoffLimitExceeded');
    expect(pods()).toEqual([]);
  });

  it('fails at its deadline and takes its Pods away', async () => {
    await run({ activeDeadlineSeconds: 30, parallelism: 2, completions: 2 });
    clock.advance(29_000);
    await harness.settle();
    expect(pods()).toHaveLength(2);
    clock.advance(1_000);
    await harness.settle();
    expect(pods()).toEqual([]);
    expect(condition('Failed')).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    });
    expect(status().failed, 'Pods that the controller deletes are no failures').toBe(0);
  });

  it('takes its Pods away while it is suspended, and starts anew', async () => {
    await run({ parallelism: 2, completions: 2 });
    await change({ suspend: true });
    expect(pods()).toEqual([]);
    expect(condition('Suspended')).toMatchObject({ status: 'True', reason: 'JobSuspended' });
    expect(status().startTime).toBeUndefined();
    clock.advance(5000);
    await change({ suspend: false });
    expect(pods()).toHaveLength(2);
    expect(condition('Suspended')).toMatchObject({ status: 'False', reason: 'JobResumed' });
    expect(status().startTime).toBe(now());
  });

  it('gives each Pod of an indexed Job an index, and a failed index another Pod', async () => {
    await run({ completionMode: 'Indexed', parallelism: 2, completions: 3 });
    const indexes = () =>
      running().map((pod) => pod.metadata.annotations!['batch.kubernetes.io/job-completion-index']);
    expect(indexes().sort()).toEqual(['0', '1']);
    const [first] = running();
    expect(first).toMatchObject({ spec: { hostname: 'work-0' } });
    expect(first!.metadata.name).toMatch(/^work-0-/);
    expect(first!.spec!.containers[0]!.env).toMatchObject([{ name: 'JOB_COMPLETION_INDEX' }]);
    await end(running().find((pod) => pod.spec!.hostname === 'work-1')!, 'Succeeded');
    expect(status()).toMatchObject({ succeeded: 1, completedIndexes: '1' });
    await end(running().find((pod) => pod.spec!.hostname === 'work-0')!, 'Failed');
    clock.advance(10_000);
    await harness.settle();
    expect(indexes().sort()).toEqual(['0', '2']);
    for (const pod of running()) await end(pod, 'Succeeded');
    expect(status()).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: '0-2' });
    expect(condition('Complete')?.status).toBe('True');
  });

  it('obeys the failure policy: ignored failures do not count, others end the Job', async () => {
    await run({
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
        ],
      },
    });
    const [pod] = running();
    const conditions = [{ type: 'DisruptionTarget', status: 'True' }];
    harness.client.seed(Resources.pods, { ...pod!, status: { phase: 'Failed', conditions } });
    await harness.settle();
    expect(status().failed).toBe(0);
    const [second] = running();
    await end(second!, 'Failed', 42);
    expect(condition('Failed')).toMatchObject({
      reason: 'PodFailurePolicy',
      message: `Container c for pod default/${second!.metadata.name} failed with exit code 42 matching FailJob rule at index 1`,
    });
  });

  it('scales with parallelism', async () => {
    await run({ parallelism: 3, completions: 5 });
    await change({ parallelism: 1 });
    expect(running()).toHaveLength(1);
    await change({ parallelism: 4 });
    expect(running()).toHaveLength(4);
    expect(status().failed).toBe(0);
  });

  it('lets the Pods of a deleted Job go', async () => {
    await run({ parallelism: 2, completions: 2 });
    harness.client.remove(Resources.jobs, 'work', 'default');
    await harness.settle();
    expect(pods().flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
  });

  it('leaves Jobs alone that another controller manages', async () => {
    await run({ managedBy: 'example.com/other' });
    expect(harness.client.actions).toEqual([]);
  });
});

it('indexes survive their text, whatever they are', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), (indexes) => {
      const text = formatIndexes(indexes);
      expect([...parseIndexes(text, 61)].sort((a, b) => a - b)).toEqual([...indexes].sort((a, b) => a - b));
    }),
  );
  expect(formatIndexes([0, 1, 3, 4, 5, 7])).toBe('0,1,3-5,7');
});
