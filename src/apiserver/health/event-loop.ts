import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '#base';

/** Publishes how long the event loop kept others waiting since the last scrape. Returns the stop function. */
export function watchEventLoop(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  metrics.gauge(
    'kubesvc_event_loop_delay_seconds',
    'Delay of the event loop since the last scrape, by quantile.',
    ['quantile'],
    (gauge) => {
      for (const quantile of [50, 90, 99, 100]) {
        gauge.set(delay.percentile(quantile) / 1e9, { quantile: String(quantile / 100) });
      }
      delay.reset();
    },
  );
  return () => delay.disable();
}
