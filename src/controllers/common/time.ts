import type { Clock } from '#base';

/** metav1.Time: RFC 3339 in UTC with second precision. */
export function timestamp(clock: Clock, offsetMs = 0): string {
  return `${new Date(clock.now() + offsetMs).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since the epoch; 0 for an absent time. */
export function parseTime(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time) || 0;
}
