import { type core, objectKey } from '#api';
import { podCondition } from './pods.js';
import { parseTime } from './time.js';

/** Annotation from which the network programming latency is measured (sig-scalability SLI). */
export const LAST_CHANGE_TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

interface Seen {
  service: string | undefined;
  pods: Map<string, string>;
}

/**
 * The oldest change since the last sync of a Service: a new Ready transition of a Pod, or the creation of the
 * Service (k8s.io/endpointslice/util/trigger_time_tracker.go).
 */
export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** Records this sync and returns the time that triggered it, undefined when nothing new explains it. */
  next(service: core.Service, pods: core.Pod[]): string | undefined {
    const key = objectKey(service);
    const before = this.#seen.get(key);
    const created = service.metadata.creationTimestamp;
    const transitions = new Map<string, string>();
    let oldest: string | undefined;
    for (const pod of pods) {
      const time = podCondition(pod, 'Ready')?.lastTransitionTime;
      if (time === undefined) continue;
      transitions.set(pod.metadata.name!, time);
      if (before !== undefined && isAfter(time, before.pods.get(pod.metadata.name!)))
        oldest = older(oldest, time);
    }
    this.#seen.set(key, { service: created, pods: transitions });
    if (before === undefined) return created;
    if (created !== undefined && isAfter(created, before.service)) oldest = older(oldest, created);
    return oldest;
  }

  forget(serviceKey: string): void {
    this.#seen.delete(serviceKey);
  }
}

function isAfter(time: string, than: string | undefined): boolean {
  return parseTime(time) > parseTime(than);
}
function older(a: string | undefined, b: string): string {
  return a === undefined || parseTime(b) < parseTime(a) ? b : a;
}
