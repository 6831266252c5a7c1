import { type batch, type core, isAlreadyExists, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { BY_CONTROLLER, byController } from '../common/controller-index.js';
import { sameStatus } from '../common/equal.js';
import { ignoreNotFound, isNamespaceTerminating } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf, controllerReference, isControlledBy } from '../common/owners.js';
import { RecentWrites } from '../common/recent-writes.js';
import { parseTime } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { finishedCondition } from '../job/index.js';
import { parseSchedule, type Schedule } from './schedule.js';
import { missedTimes } from './times.js';

type CronJob = batch.CronJob;
type Job = batch.Job;

const SCHEDULED_AT = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** Starts come a little after their time, so that clocks that differ slightly agree (nextScheduleDelta). */
const DELTA_MS = 100;

/** Starts Jobs by the clock (upstream's cronjob-controller). */
export function createCronJobController(deps: ControllerDeps): Startable {
  const caches = {
    crons: trimmedInformer(deps.informers, Resources.cronJobs),
    jobs: trimmedInformer(deps.informers, Resources.jobs),
  };
  caches.jobs.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder('cronjob-controller');
  return createLoop(deps, 'cronjob', () => new Run(deps, caches, recorder));
}

interface Caches {
  crons: Informer<CronJob>;
  jobs: Informer<Job>;
}

class Run implements LoopRun {
  readonly workers = 5;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #recentCrons: RecentWrites<CronJob>;
  readonly #recentJobs: RecentWrites<Job>;
  #queue: WorkQueue | undefined;

  constructor(deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    this.#recentCrons = new RecentWrites(caches.crons);
    this.#recentJobs = new RecentWrites(caches.jobs);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (cron: CronJob) => queue.add(objectKey(cron));
    const jobChanged = (job: Job) => {
      const reference = controllerOf(job);
      if (reference?.kind === 'CronJob') queue.add(`${job.metadata.namespace}/${reference.name}`);
    };
    return [
      this.#caches.crons.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#caches.jobs.on({ add: jobChanged, update: jobChanged, delete: jobChanged }),
    ];
  }

  async sync(key: string): Promise<void> {
    const cached = this.#caches.crons.get(key);
    if (cached === undefined) {
      this.#recentCrons.forget(key);
      this.#recentJobs.forget(key);
      return;
    }
    const cron = this.#recentCrons.merge(key, [cached])[0] ?? cached;
    const jobs = this.#recentJobs.merge(key, this.#caches.jobs.byIndex(BY_CONTROLLER, cron.metadata.uid!));
    await this.#cleanUp(key, cron, jobs);
    const status = this.#settle(cron, jobs);
    const schedule = this.#schedule(cron);
    if (schedule !== undefined) await this.#startIfDue(key, cron, jobs, status, schedule);
    if (!sameStatus(status, cron.status)) await this.#putStatus(key, { ...cron, status });
  }

  /** The schedule of a CronJob that shall run. */
  #schedule(cron: CronJob): Schedule | undefined {
    const { schedule, timeZone = 'UTC', suspend } = cron.spec!;
    if (cron.metadata.deletionTimestamp !== undefined || suspend === true) return undefined;
    try {
      return parseSchedule(schedule, timeZone);
    } catch (error) {
      const unknownZone = /time zone/i.test((error as Error).message);
      const message = unknownZone
        ? `invalid timeZone: "${timeZone}": unknown time zone ${timeZone}`
        : `unparseable schedule: "${schedule}" : ${(error as Error).message}`;
      this.#recorder.event(cron, 'Warning', unknownZone ? 'UnknownTimeZone' : 'UnparseableSchedule', message);
      return undefined;
    }
  }

  /** The status with Jobs that have ended or gone taken from the active ones. */
  #settle(cron: CronJob, jobs: Job[]): batch.CronJobStatus {
    const status: batch.CronJobStatus = { ...cron.status };
    const byUid = new Map(jobs.map((job) => [job.metadata.uid, job]));
    status.active = (cron.status?.active ?? []).filter((reference) => {
      const job = byUid.get(reference.uid);
      if (job === undefined) {
        const message = `Active job went missing: ${reference.name}`;
        this.#recorder.event(cron, 'Normal', 'MissingJob', message);
        return false;
      }
      const finished = finishedCondition(job);
      if (finished === undefined) return true;
      const message = `Saw completed job: ${reference.name}, condition: ${finished.type}`;
      this.#recorder.event(cron, 'Normal', 'SawCompletedJob', message);
      return false;
    });
    for (const job of jobs) {
      const done = finishedCondition(job)?.type === 'Complete' ? job.status?.completionTime : undefined;
      if (parseTime(done) > parseTime(status.lastSuccessfulTime)) status.lastSuccessfulTime = done!;
    }
    return status;
  }

  /** Changes `status` when a Job was started. */
  async #startIfDue(
    key: string,
    cron: CronJob,
    jobs: Job[],
    status: batch.CronJobStatus,
    schedule: Schedule,
  ): Promise<void> {
    const now = this.#deps.clock.now();
    const next = schedule.next(now);
    if (next !== undefined) this.#queue?.addAfter(key, next - now + DELTA_MS);
    const { latest, tooMany } = missedTimes(cron, schedule, now);
    if (tooMany) {
      const message =
        'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      this.#recorder.event(cron, 'Warning', 'TooManyMissedTimes', message);
    }
    if (latest === undefined) return;
    const { startingDeadlineSeconds: deadline, concurrencyPolicy } = cron.spec!;
    if (deadline !== undefined && latest + deadline * 1000 < now) {
      const time = new Date(latest).toUTCString();
      this.#recorder.event(cron, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${time}`);
      return;
    }
    if (concurrencyPolicy === 'Forbid' && status.active!.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      this.#recorder.event(cron, 'Normal', 'JobAlreadyActive', message);
      return;
    }
    if (concurrencyPolicy === 'Replace') await this.#replace(key, cron, jobs, status);
    const job = await this.#start(key, cron, latest);
    if (job === undefined) return;
    if (finishedCondition(job) === undefined) status.active = [...status.active!, referenceTo(job)];
    status.lastScheduleTime = secondsOf(latest);
  }

  async #replace(key: string, cron: CronJob, jobs: Job[], status: batch.CronJobStatus): Promise<void> {
    const active = new Set(status.active!.map((reference) => reference.uid));
    for (const job of jobs) if (active.has(job.metadata.uid)) await this.#delete(key, cron, job);
    status.active = [];
  }

  /** The Job of a time has one name, so that it is started once whoever starts it. */
  async #start(key: string, cron: CronJob, time: number): Promise<Job | undefined> {
    const { metadata, spec } = cron.spec!.jobTemplate;
    const name = `${cron.metadata.name}-${Math.floor(time / 60_000)}`;
    const { namespace } = cron.metadata;
    const jobs = this.#deps.client.resource(Resources.jobs);
    const job: Job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace,
        labels: { ...metadata?.labels },
        annotations: { ...metadata?.annotations, [SCHEDULED_AT]: secondsOf(time) },
        creationTimestamp: secondsOf(time),
        ownerReferences: [controllerReference(cron, Resources.cronJobs)],
      },
      spec: spec!,
    };
    try {
      const created = await jobs.create(job);
      this.#recorder.event(cron, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      this.#recentJobs.wrote(key, created);
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) {
        const existing = await jobs.get(name, namespace);
        return isControlledBy(existing, cron) ? existing : undefined;
      }
      if (isNamespaceTerminating(error)) return undefined;
      this.#recorder.event(
        cron,
        'Warning',
        'FailedCreate',
        `Error creating job: ${(error as Error).message}`,
      );
      throw error;
    }
  }

  /** Finished Jobs beyond the limits, oldest first. */
  async #cleanUp(key: string, cron: CronJob, jobs: Job[]): Promise<void> {
    const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec!;
    const limits = { Complete: successfulJobsHistoryLimit, Failed: failedJobsHistoryLimit };
    for (const [type, limit] of Object.entries(limits)) {
      const finished = jobs.filter((job) => finishedCondition(job)?.type === type);
      const age = (job: Job) => parseTime(job.status?.startTime ?? job.metadata.creationTimestamp);
      finished.sort((a, b) => age(a) - age(b) || a.metadata.name!.localeCompare(b.metadata.name!));
      for (const job of finished.slice(0, Math.max(0, finished.length - limit)))
        await this.#delete(key, cron, job);
    }
  }

  async #delete(key: string, cron: CronJob, job: Job): Promise<void> {
    const { name, namespace, uid } = job.metadata;
    const options = { preconditions: { uid: uid! }, propagationPolicy: 'Background' as const };
    await ignoreNotFound(this.#deps.client.resource(Resources.jobs).delete(name!, namespace, options));
    this.#recentJobs.deleted(key, job);
    this.#recorder.event(cron, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  }

  async #putStatus(key: string, cron: CronJob): Promise<void> {
    try {
      const written = await this.#deps.client.resource(Resources.cronJobs).updateSubresource('status', cron);
      this.#recentCrons.wrote(key, written);
    } catch (error) {
      this.#recentCrons.forget(key);
      throw error;
    }
  }
}

function referenceTo({ metadata }: Job): core.ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid, resourceVersion };
}

function secondsOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}
