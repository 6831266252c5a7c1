import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics, Startable } from '#base';

/** Publishes how long the event loop kept others waiting since the last scrape, by quantile. */
export class EventLoopMonitor implements Startable {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: 20 });

  constructor(metrics: Metrics) {
    metrics.gauge(
      'kubesvc_event_loop_delay_seconds',
      'Delay of the event loop since the last scrape, by quantile.',
      ['quantile'],
      (gauge) => {
        for (const quantile of [50, 90, 99, 100]) {
          gauge.set(this.#delay.percentile(quantile) / 1e9, { quantile: String(quantile / 100) });
        }
        this.#delay.reset();
      },
    );
  }

  async start(): Promise<void> {
    this.#delay.enable();
  }

  async stop(): Promise<void> {
    this.#delay.disable();
  }
}
