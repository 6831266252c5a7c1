import {
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

export type Labels = Record<string, string>;
export interface Counter {
  inc(labels?: Labels, by?: number): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Forgets the series of these labels. */
  remove(labels: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/**
 * A component's metrics. Names, help and labels follow the upstream component of the same role. Asking twice
 * for one name returns the same instrument. Durations are in seconds, sizes in bytes.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: string[]): Counter;
  /** `collect` runs at scrape time and may set the gauge. */
  gauge(name: string, help: string, labels?: string[], collect?: (gauge: Gauge) => void): Gauge;
  histogram(name: string, help: string, labels?: string[], buckets?: number[]): Histogram;
  /** The Prometheus text exposition and its content type. */
  scrape(): Promise<{ contentType: string; body: string }>;
}

class PromMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #instruments = new Map<string, Counter | Gauge | Histogram>();

  #once<T extends Counter | Gauge | Histogram>(name: string, make: () => T): T {
    const have = this.#instruments.get(name);
    if (have !== undefined) return have as T;
    const made = make();
    this.#instruments.set(name, made);
    return made;
  }

  counter(name: string, help: string, labels: string[] = []): Counter {
    return this.#once(name, () => {
      const inner = new PromCounter({ name, help, labelNames: labels, registers: [this.#registry] });
      return {
        inc: (values?: Labels, by = 1) => (values === undefined ? inner.inc(by) : inner.inc(values, by)),
      };
    });
  }

  gauge(name: string, help: string, labels: string[] = [], collect?: (gauge: Gauge) => void): Gauge {
    return this.#once(name, () => {
      const inner: PromGauge = new PromGauge({
        name,
        help,
        labelNames: labels,
        registers: [this.#registry],
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      });
      const gauge: Gauge = {
        set: (value, values) => (values === undefined ? inner.set(value) : inner.set(values, value)),
        remove: (values) => inner.remove(values),
      };
      return gauge;
    });
  }

  histogram(name: string, help: string, labels: string[] = [], buckets?: number[]): Histogram {
    return this.#once(name, () => {
      const inner = new PromHistogram({
        name,
        help,
        labelNames: labels,
        registers: [this.#registry],
        ...(buckets === undefined ? {} : { buckets }),
      });
      return {
        observe: (value: number, values?: Labels) =>
          values === undefined ? inner.observe(value) : inner.observe(values, value),
      };
    });
  }

  async scrape(): Promise<{ contentType: string; body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
  }
}

/** A fresh registry; one per component process. */
export function createMetrics(): Metrics {
  return new PromMetrics();
}

/** Upstream's exponential duration buckets from 1 ms to about 16 s. */
export const durationBuckets = [
  0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384,
];
