import { type batch, compileSelector, type core, objectKey, splitKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { claimObjects } from '../common/claim.js';
import { BY_CONTROLLER, byController, orphansOf } from '../common/controller-index.js';
import { sameStatus } from '../common/equal.js';
import { ignoreNotFound, isNamespaceTerminating } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf, controllerReference } from '../common/owners.js';
import { PodControl, slowStart } from '../common/pod-control.js';
import { podHandlers } from '../common/pod-events.js';
import { isPodReady } from '../common/pods.js';
import { RecentWrites } from '../common/recent-writes.js';
import { timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import {
  failurePolicy,
  finishedAt,
  isIndexed,
  isTracked,
  jobTemplate,
  replacesFailedOnly,
  TRACKING,
} from './pods.js';
import {
  deadlineIn,
  finishedCondition,
  openIndexes,
  statusOf,
  type Tally,
  tally,
  type Verdict,
  verdictOf,
  withConditions,
} from './status.js';

type Job = batch.Job;

const CONTROLLER = 'kubernetes.io/job-controller';
const JOB_NAME = 'batch.kubernetes.io/job-name';
/** Pods created or deleted in one sync. */
const MAX_PODS_PER_SYNC = 500;
const BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 600_000;

/** Runs Pods to their end (upstream's job-controller). */
export function createJobController(options: { concurrentSyncs?: number }, deps: ControllerDeps): Startable {
  const caches = {
    jobs: trimmedInformer(deps.informers, Resources.jobs),
    pods: trimmedInformer(deps.informers, Resources.pods),
  };
  caches.pods.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder('job-controller');
  return createLoop(deps, 'job', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  jobs: Informer<Job>;
  pods: Informer<core.Pod>;
}

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #control: PodControl;
  readonly #recentPods: RecentWrites<core.Pod>;
  readonly #recentJobs: RecentWrites<Job>;
  #queue: WorkQueue | undefined;

  constructor(
    options: { concurrentSyncs?: number },
    deps: ControllerDeps,
    caches: Caches,
    recorder: EventRecorder,
  ) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    this.#control = new PodControl(deps.client, recorder);
    this.#recentPods = new RecentWrites(caches.pods);
    this.#recentJobs = new RecentWrites(caches.jobs);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (job: Job) => queue.add(objectKey(job));
    return [
      this.#caches.jobs.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#caches.pods.on(podHandlers('Job', this.#caches.jobs, queue)),
    ];
  }

  async sync(key: string): Promise<void> {
    const cached = this.#caches.jobs.get(key);
    await this.#releaseOrphans(key, cached?.metadata.uid);
    if (cached === undefined) {
      this.#recentPods.forget(key);
      this.#recentJobs.forget(key);
      return;
    }
    const job = this.#recentJobs.merge(key, [cached])[0] ?? cached;
    if ((job.spec!.managedBy ?? CONTROLLER) !== CONTROLLER) return;
    const pods = await this.#claim(key, job);
    if (finishedCondition(job) !== undefined) return this.#release(key, pods.filter(isTracked));
    await this.#advance(key, job, pods);
  }

  async #advance(key: string, job: Job, pods: core.Pod[]): Promise<void> {
    const now = this.#deps.clock.now();
    const count = tally(job, pods);
    const verdict = verdictOf(job, count, now);
    let failure: unknown;
    if (verdict !== undefined) await this.#deletePods(key, job, count, count.active);
    else if (job.spec!.suspend) await this.#deletePods(key, job, count, count.active);
    else if (job.metadata.deletionTimestamp === undefined)
      failure = await this.#manage(key, job, count, pods);
    const changed = this.#withStatus(job, count, verdict);
    if (!sameStatus(changed.status, job.status)) await this.#putStatus(key, changed);
    if (count.ended.length > 0) {
      await this.#release(key, count.ended);
      // What has lost its finalizer is turned into numbers.
      this.#queue?.add(key);
    }
    const left = deadlineIn(job, now);
    if (left !== undefined && left > 0) this.#queue?.addAfter(key, left);
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
  }

  /** The Job as it is to be stored. It ends when nothing of it runs any more and everything is counted. */
  #withStatus(job: Job, count: Tally, verdict: Verdict | undefined): Job {
    const time = timestamp(this.#deps.clock);
    const status = statusOf(job, count);
    const conditions = (...changes: Parameters<typeof withConditions>[1]) => {
      status.conditions = withConditions(status.conditions, changes, time);
    };
    if (verdict !== undefined) {
      const { type, reason, message } = verdict;
      const early = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
      conditions({ type: early, status: 'True', reason, message });
      const rest = count.active.length + count.terminating + count.ended.length;
      if (rest === 0) {
        conditions({ type, status: 'True', reason, message });
        if (type === 'Complete') status.completionTime = time;
        this.#announce(job, verdict);
      }
    } else this.#suspension(job, status, conditions, time);
    return { ...job, status };
  }

  #suspension(
    job: Job,
    status: batch.JobStatus,
    conditions: (...changes: Parameters<typeof withConditions>[1]) => void,
    time: string,
  ): void {
    const suspended = status.conditions?.find((each) => each.type === 'Suspended');
    if (job.spec!.suspend) {
      delete status.startTime;
      if (suspended?.status === 'True') return;
      conditions({ type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' });
      this.#recorder.event(job, 'Normal', 'Suspended', 'Job suspended');
      return;
    }
    if (suspended?.status === 'True') {
      conditions({ type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' });
      this.#recorder.event(job, 'Normal', 'Resumed', 'Job resumed');
    }
    status.startTime ??= time;
  }

  #announce(job: Job, { type, reason, message }: Verdict): void {
    if (type === 'Complete') this.#recorder.event(job, 'Normal', 'Completed', 'Job completed');
    else this.#recorder.event(job, 'Warning', reason, message);
  }

  /** Creates or deletes towards the wanted number of running Pods; returns the first error. */
  async #manage(key: string, job: Job, count: Tally, pods: core.Pod[]): Promise<unknown> {
    const { parallelism = 1, completions } = job.spec!;
    const active = count.active.length;
    const open =
      completions === undefined
        ? count.succeeded > 0
          ? active
          : parallelism
        : completions - count.succeeded;
    const wanted = Math.max(0, Math.min(open, parallelism));
    if (active > wanted) {
      const surplus = [...count.active].sort((a, b) => Number(isPodReady(a)) - Number(isPodReady(b)));
      await this.#deletePods(key, job, count, surplus.slice(0, active - wanted));
      return undefined;
    }
    const going = replacesFailedOnly(job) ? count.terminating : 0;
    const missing = Math.min(wanted - active - going, MAX_PODS_PER_SYNC);
    if (missing <= 0) return undefined;
    const wait = this.#backoff(job, pods);
    if (wait > 0) {
      this.#queue?.addAfter(key, wait);
      return undefined;
    }
    return this.#create(key, job, count, missing);
  }

  async #create(key: string, job: Job, count: Tally, missing: number): Promise<unknown> {
    const reference = controllerReference(job, Resources.jobs);
    const indexes = isIndexed(job) ? openIndexes(job, count, missing) : undefined;
    let next = 0;
    const { error } = await slowStart(indexes?.length ?? missing, async () => {
      const index = indexes?.[next++];
      const prefix = index === undefined ? undefined : `${job.metadata.name}-${index}-`;
      const pod = await this.#control.create(job, reference, jobTemplate(job, index), prefix);
      this.#recentPods.wrote(key, pod);
      count.active.push(pod);
    });
    return error;
  }

  /** Milliseconds to wait because Pods fail: 10 s after the first failure, twice as long after each more, 10 min at most. */
  #backoff(job: Job, pods: core.Pod[]): number {
    const { podFailurePolicy } = job.spec!;
    const counts = (pod: core.Pod) => failurePolicy(pod, podFailurePolicy)?.action !== 'Ignore';
    const ends = (phase: string) => pods.filter((pod) => pod.status?.phase === phase);
    const lastSuccess = Math.max(0, ...ends('Succeeded').map(finishedAt));
    const since = ends('Failed')
      .filter(counts)
      .map(finishedAt)
      .filter((time) => time > lastSuccess);
    if (since.length === 0) return 0;
    const delay = Math.min(BACKOFF_MS * 2 ** (since.length - 1), MAX_BACKOFF_MS);
    return Math.max(0, Math.max(...since) + delay - this.#deps.clock.now());
  }

  /** Without finalizer first, so that they do not count as failed. */
  async #deletePods(key: string, job: Job, count: Tally, pods: core.Pod[]): Promise<void> {
    const doomed = pods.slice(0, MAX_PODS_PER_SYNC);
    await this.#release(key, doomed.filter(isTracked));
    for (const pod of doomed) {
      await this.#control.delete(job, pod);
      this.#recentPods.deleted(key, pod);
    }
    count.active = count.active.filter((pod) => !doomed.includes(pod));
    // Until the watch says that they have gone.
    count.terminating += doomed.length;
    if (count.active.length > 0) this.#queue?.add(key);
  }

  async #release(key: string, pods: core.Pod[]): Promise<void> {
    const api = this.#deps.client.resource(Resources.pods);
    for (const { metadata } of pods) {
      const { name, namespace, uid, finalizers = [] } = metadata;
      const rest = finalizers.filter((each) => each !== TRACKING);
      const body = { metadata: { uid, finalizers: rest.length === 0 ? null : rest } };
      await ignoreNotFound(
        api.patch(name!, namespace, 'merge', body).then((pod) => this.#recentPods.wrote(key, pod)),
      );
    }
  }

  /** Pods of a Job that is gone would wait for it for ever. */
  async #releaseOrphans(key: string, uid: string | undefined): Promise<void> {
    const { namespace, name } = splitKey(key);
    const named = { [JOB_NAME]: name };
    const orphans = this.#deps.podLabels.candidates(namespace ?? '', named).filter((pod) => {
      const reference = controllerOf(pod);
      return isTracked(pod) && reference?.kind === 'Job' && reference.name === name && reference.uid !== uid;
    });
    await this.#release(key, orphans);
  }

  #claim(key: string, job: Job): Promise<core.Pod[]> {
    const { name, namespace } = job.metadata;
    const cached = [
      ...this.#caches.pods.byIndex(BY_CONTROLLER, job.metadata.uid!),
      ...this.#caches.pods.byIndex(BY_CONTROLLER, orphansOf(namespace)),
    ];
    return claimObjects({
      owner: job,
      reference: controllerReference(job, Resources.jobs),
      matches: compileSelector(job.spec!.selector),
      objects: this.#recentPods.merge(key, cached),
      client: this.#deps.client.resource(Resources.pods),
      readOwner: () => this.#deps.client.resource(Resources.jobs).get(name!, namespace),
      wrote: (pod) => this.#recentPods.wrote(key, pod),
    });
  }

  async #putStatus(key: string, job: Job): Promise<void> {
    try {
      const written = await this.#deps.client.resource(Resources.jobs).updateSubresource('status', job);
      this.#recentJobs.wrote(key, written);
    } catch (error) {
      this.#recentJobs.forget(key);
      throw error;
    }
  }
}
