import type { CacherOptions } from './cacher.js';

/** Upstream's watch cache metrics (apiserver/pkg/storage/cacher/metrics). */
export interface CacherMetrics {
  dispatched(): void;
  filled(): void;
  terminated(): void;
}

const NONE: CacherMetrics = { dispatched() {}, filled() {}, terminated() {} };

export function cacherMetrics({ metrics, resource, prefix }: CacherOptions): CacherMetrics {
  if (metrics === undefined) return NONE;
  const labels = { group: resource?.group ?? '', resource: resource?.resource ?? prefix };
  const counter = (name: string, help: string) => {
    const made = metrics.counter(`apiserver_${name}`, help, ['group', 'resource']);
    return () => made.inc(labels);
  };
  return {
    dispatched: counter(
      'watch_cache_events_dispatched_total',
      'Counter of events dispatched in watch cache broken by resource type.',
    ),
    filled: counter(
      'watch_cache_initializations_total',
      'Counter of watch cache initializations broken by resource type.',
    ),
    terminated: counter(
      'terminated_watchers_total',
      'Counter of watchers closed due to unresponsiveness broken by resource type.',
    ),
  };
}
