import { type batch, isNotFound, objectKey, splitKey } from '#api';
import type { Startable } from '#base';
import { type Informer, Resources, type WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import { parseTime } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { finishedCondition } from '../job/index.js';

/** Deletes finished Jobs when their ttlSecondsAfterFinished is over (upstream's ttl-after-finished-controller). */
export function createTtlAfterFinishedController(deps: ControllerDeps): Startable {
  const jobs = trimmedInformer(deps.informers, Resources.jobs);
  return createLoop(deps, 'ttl_jobs_to_delete', () => new Run(deps, jobs));
}

class Run implements LoopRun {
  readonly workers = 5;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #jobs: Informer<batch.Job>;
  #queue: WorkQueue | undefined;

  constructor(deps: ControllerDeps, jobs: Informer<batch.Job>) {
    this.#deps = deps;
    this.#jobs = jobs;
    this.caches = [jobs];
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const changed = (job: batch.Job) => {
      if (job.metadata.deletionTimestamp === undefined && this.#left(job) !== undefined)
        queue.add(objectKey(job));
    };
    return [this.#jobs.on({ add: changed, update: changed })];
  }

  /** Milliseconds that the Job has left; undefined for one that stays or has not finished. */
  #left(job: batch.Job): number | undefined {
    const ttl = job.spec?.ttlSecondsAfterFinished;
    const finished = finishedCondition(job);
    if (ttl === undefined || finished === undefined) return undefined;
    return parseTime(finished.lastTransitionTime) + ttl * 1000 - this.#deps.clock.now();
  }

  async sync(key: string): Promise<void> {
    const cached = this.#jobs.get(key);
    if (cached === undefined || !this.#expired(key, cached)) return;
    const jobs = this.#deps.client.resource(Resources.jobs);
    const { namespace, name } = splitKey(key);
    try {
      // The Job may have been given more time, or be another one by now.
      const fresh = await jobs.get(name, namespace);
      if (fresh.metadata.uid !== cached.metadata.uid || !this.#expired(key, fresh)) return;
      const { uid, resourceVersion } = fresh.metadata;
      const preconditions = { uid: uid!, resourceVersion: resourceVersion! };
      await jobs.delete(name, namespace, { preconditions, propagationPolicy: 'Foreground' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** Comes back in time for one that has not expired. */
  #expired(key: string, job: batch.Job): boolean {
    if (job.metadata.deletionTimestamp !== undefined) return false;
    const left = this.#left(job);
    if (left !== undefined && left > 0) this.#queue?.addAfter(key, left);
    return left !== undefined && left <= 0;
  }
}
