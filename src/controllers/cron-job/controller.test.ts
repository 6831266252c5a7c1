import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { batch } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createCronJobController } from './index.js';
import { parseSchedule } from './schedule.js';

describe('a schedule', () => {
  const at = (text: string) => Date.parse(text);
  const next = (schedule: string, after: string, zone = 'UTC') => {
    const time = parseSchedule(schedule, zone).next(at(after));
    return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
  };

  it.each([
    ['* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:01'],
    ['*/15 * * * *', '2026-01-01T00:46:10Z', '2026-01-01T01:00'],
    ['30 9 * * 1-5', '2026-01-02T10:00:00Z', '2026-01-05T09:30'],
    ['0 0 1,15 * *', '2026-01-02T00:00:00Z', '2026-01-15T00:00'],
    ['0 12 29 feb *', '2026-03-01T00:00:00Z', '2028-02-29T12:00'],
    // Both days restricted: either is enough.
    ['0 0 13 * fri', '2026-01-03T00:00:00Z', '2026-01-09T00:00'],
    ['5-10/5,59 3 * * *', '2026-01-01T03:06:00Z', '2026-01-01T03:10'],
    ['10/20 * * * *', '2026-01-01T00:31:00Z', '2026-01-01T00:50'],
    ['@hourly', '2026-01-01T00:00:00Z', '2026-01-01T01:00'],
    ['@weekly', '2026-01-01T00:00:00Z', '2026-01-04T00:00'],
    ['@every 90m', '2026-01-01T00:00:00Z', '2026-01-01T01:30'],
  ])('%s after %s is %s', (schedule, after, expected) => {
    expect(next(schedule, after)).toBe(expected);
  });

  it('follows the wall clock of its time zone, over its changes too', () => {
    const daily = (after: string) => next('30 9 * * *', after, 'Europe/Berlin');
    expect(daily('2026-03-28T09:00:00Z')).toBe('2026-03-29T07:30');
    expect(daily('2026-03-27T09:00:00Z')).toBe('2026-03-28T08:30');
  });

  it.each([
    ['* * * *', /exactly 5 fields/],
    ['60 * * * *', /above maximum/],
    ['* * 0 * *', /below minimum/],
    ['5-2 * * * *', /beyond end/],
    ['*/0 * * * *', /positive/],
    ['a * * * *', /failed to parse int/],
    ['@never', /exactly 5 fields/],
  ])('%s is refused', (schedule, why) => {
    expect(() => parseSchedule(schedule, 'UTC')).toThrow(why);
  });
});

describe('cron-job controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(() => {
    clock = new FakeClock(Date.UTC(2026, 0, 1, 0, 0, 30));
    harness = new Harness(clock);
  });
  afterEach(() => harness.stop());

  async function run(spec: Partial<batch.CronJobSpec> = {}): Promise<void> {
    harness.client.seed(Resources.cronJobs, {
      metadata: {
        name: 'tick',
        namespace: 'default',
        uid: 'cron',
        creationTimestamp: new Date(clock.now()).toISOString(),
      },
      spec: { schedule: '* * * * *', jobTemplate: { metadata: {}, spec: { template: {} } }, ...spec },
    } as batch.CronJob);
    await harness.start(createCronJobController);
    await harness.settle();
  }
  const current = () => harness.client.all(Resources.cronJobs)[0]!;
  const jobs = () => harness.client.all(Resources.jobs);
  const minutes = () => jobs().map((job) => Number(job.metadata.name!.slice('tick-'.length)) % 60);
  const reasons = () => harness.events.map((event) => event.reason);
  async function pass(ms: number): Promise<void> {
    clock.advance(ms);
    await harness.settle();
  }
  async function finish(job: batch.Job, type: 'Complete' | 'Failed'): Promise<void> {
    const completionTime = new Date(clock.now()).toISOString();
    const status = { startTime: completionTime, completionTime, conditions: [{ type, status: 'True' }] };
    harness.client.seed(Resources.jobs, { ...job, status });
    await harness.settle();
  }

  it('starts a Job at each time, named after it, and lists those that run', async () => {
    await run();
    expect(jobs()).toEqual([]);
    await pass(30_100);
    expect(minutes()).toEqual([1]);
    expect(jobs()[0]!.metadata).toMatchObject({
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:01:00Z' },
      ownerReferences: [{ kind: 'CronJob', name: 'tick', uid: 'cron', controller: true }],
    });
    expect(current().status).toMatchObject({
      lastScheduleTime: '2026-01-01T00:01:00Z',
      active: [{ kind: 'Job', name: jobs()[0]!.metadata.name }],
    });
    await pass(60_000);
    expect(minutes()).toEqual([1, 2]);
    await finish(jobs()[0]!, 'Complete');
    expect(current().status!.active).toHaveLength(1);
    expect(current().status!.lastSuccessfulTime).toBeDefined();
    expect(reasons()).toContain('SawCompletedJob');
  });

  it('does not start a Job while another runs with Forbid, and makes up for it', async () => {
    await run({ concurrencyPolicy: 'Forbid' });
    await pass(30_100);
    await pass(60_000);
    expect(minutes()).toEqual([1]);
    expect(reasons()).toContain('JobAlreadyActive');
    await finish(jobs()[0]!, 'Complete');
    expect(minutes()).toEqual([1, 2]);
  });

  it('replaces the Job that runs with Replace', async () => {
    await run({ concurrencyPolicy: 'Replace' });
    await pass(30_100);
    await pass(60_000);
    expect(minutes()).toEqual([2]);
    expect(current().status!.active).toHaveLength(1);
  });

  it('starts the last missed Job only, unless its deadline is over', async () => {
    await run({ suspend: true });
    await pass(3_600_000);
    expect(jobs()).toEqual([]);
    harness.client.seed(Resources.cronJobs, { ...current(), spec: { ...current().spec!, suspend: false } });
    await harness.settle();
    expect(minutes()).toEqual([0]);
    expect(current().status!.lastScheduleTime).toBe('2026-01-01T01:00:00Z');
  });

  it('starts nothing whose deadline is over', async () => {
    await run({ schedule: '@hourly', suspend: true, startingDeadlineSeconds: 60 });
    await pass(3_600_000 + 120_000);
    harness.client.seed(Resources.cronJobs, { ...current(), spec: { ...current().spec!, suspend: false } });
    await harness.settle();
    expect(jobs()).toEqual([]);
    await pass(3_450_100);
    expect(jobs()).toHaveLength(1);
  });

  it('keeps as many finished Jobs as it is told', async () => {
    await run({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
    for (const type of ['Complete', 'Failed', 'Complete'] as const) {
      await pass(60_100);
      await finish(jobs().at(-1)!, type);
    }
    expect(minutes()).toEqual([3]);
  });

  it('starts no second Job after a restart in the middle of a start', async () => {
    await run();
    harness.client.fail = ({ verb, resource }) =>
      verb === 'update' && resource === 'cronjobs' ? new Error('lost') : undefined;
    await pass(30_100);
    expect(minutes()).toEqual([1]);
    await harness.stop();
    harness.client.fail = undefined;
    const again = new Harness(clock, harness.client);
    await again.start(createCronJobController);
    await again.settle();
    expect(minutes()).toEqual([1]);
    expect(current().status).toMatchObject({ lastScheduleTime: '2026-01-01T00:01:00Z' });
    await again.stop();
  });

  it('says what it cannot understand', async () => {
    await run({ schedule: 'nonsense' });
    expect(reasons()).toContain('UnparseableSchedule');
  });
});
