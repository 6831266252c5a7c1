import type { batch } from '#api';
import { parseTime } from '../common/time.js';
import type { Schedule } from './schedule.js';

/** More starts than this were missed: the controller did not run, or a clock jumped. */
const MANY = 100;

export interface MissedTimes {
  /** The last time at which a Job should have started, if there is one since the last. */
  latest: number | undefined;
  tooMany: boolean;
}

/** When a CronJob should have started last (cronjob.mostRecentScheduleTime). Each time is a start, but one is enough. */
export function missedTimes(cron: batch.CronJob, schedule: Schedule, now: number): MissedTimes {
  const { startingDeadlineSeconds: deadline } = cron.spec!;
  const since = parseTime(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp);
  const earliest = deadline === undefined ? since : Math.max(since, now - deadline * 1000);
  const result: MissedTimes = { latest: undefined, tooMany: false };
  let count = 0;
  for (let time = schedule.next(earliest); time !== undefined && time <= now; time = schedule.next(time)) {
    const interval = result.latest === undefined ? 0 : time - result.latest;
    result.latest = time;
    if (++count <= MANY || result.tooMany) continue;
    result.tooMany = true;
    time = Math.max(time, now - 2 * interval);
  }
  return result;
}
