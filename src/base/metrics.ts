export type Labels = Record<string, string>;

/** One series: its labels are looked up once, for code that counts on every request. */
export interface CounterSeries {
  inc(by?: number): void;
}
export interface Counter {
  inc(labels?: Labels, by?: number): void;
  with(labels: Labels): CounterSeries;
  /** Forgets the series of these labels. */
  remove(labels: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Forgets the series of these labels. */
  remove(labels: Labels): void;
}
export interface HistogramSeries {
  observe(value: number): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
  with(labels: Labels): HistogramSeries;
}

/**
 * A component's metrics. Names, help and labels follow the upstream component of the same role. Asking twice
 * for one name returns the same instrument. Durations are in seconds, sizes in bytes. Labels that an instrument
 * does not have are a RangeError.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: string[]): Counter;
  /** `collect` runs at scrape time and may set the gauge. */
  gauge(name: string, help: string, labels?: string[], collect?: (gauge: Gauge) => void): Gauge;
  histogram(name: string, help: string, labels?: string[], buckets?: number[]): Histogram;
  /** Runs before every scrape, which waits for it: for values that must be fetched. It must not reject or take long. */
  beforeScrape(run: () => Promise<void>): void;
  /** The Prometheus text exposition and its content type. */
  scrape(): Promise<{ contentType: string; body: string }>;
}

/** A series adds its sample lines to `out`; `labels` is `a="b",c="d"` or empty. */
interface Series {
  write(out: string[], name: string, labels: string): void;
}

/** All series of one name, by the values of their labels. */
class Family<S extends Series> {
  readonly name: string;
  readonly #head: string;
  readonly #labelNames: readonly string[];
  readonly #make: () => S;
  readonly #series = new Map<string, S>();

  constructor(
    name: string,
    { help, type, labels, make }: { help: string; type: string; labels: readonly string[]; make: () => S },
  ) {
    this.name = name;
    this.#head = `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}`;
    this.#labelNames = labels;
    this.#make = make;
    // Without labels there is exactly one series, and it is there from the start.
    if (labels.length === 0) this.of(undefined);
  }

  of(labels: Labels | undefined): S {
    const key = this.#key(labels);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = this.#make();
    this.#series.set(key, made);
    return made;
  }

  remove(labels: Labels): void {
    this.#series.delete(this.#key(labels));
  }

  /** The labels as they are exposed, which is what tells series apart. */
  #key(labels: Labels | undefined): string {
    if (labels === undefined) return '';
    for (const name in labels) {
      if (!this.#labelNames.includes(name)) throw new RangeError(`${this.name} has no label ${name}`);
    }
    let key = '';
    for (const name of this.#labelNames) {
      const value = labels[name];
      if (value !== undefined) key += `${key === '' ? '' : ','}${name}="${escapeLabel(value)}"`;
    }
    return key;
  }

  write(out: string[]): void {
    out.push(this.#head);
    for (const [labels, series] of this.#series) series.write(out, this.name, labels);
  }
}

function escapeLabel(value: string): string {
  return /[\\\n"]/.test(value)
    ? value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
    : value;
}

function sample(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${numberText(value)}` : `${name}{${labels}} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

class Value implements Series, CounterSeries {
  value = 0;

  inc(by = 1): void {
    if (by < 0) throw new RangeError('a counter cannot go down');
    this.value += by;
  }

  write(out: string[], name: string, labels: string): void {
    out.push(sample(name, labels, this.value));
  }
}

/** A histogram as plain numbers: one series, for those who lay out their metrics themselves. */
export class Distribution implements Series, HistogramSeries {
  readonly #bounds: readonly number[];
  /** Observations per bucket, the last above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
  }

  /** Appends the lines of the text exposition; `labels` is label text without braces. */
  write(out: string[], name: string, labels: string): void {
    const prefix = labels === '' ? '' : `${labels},`;
    let count = 0;
    this.#counts.forEach((inBucket, i) => {
      count += inBucket;
      const bound = this.#bounds[i] ?? Number.POSITIVE_INFINITY;
      out.push(sample(`${name}_bucket`, `${prefix}le="${numberText(bound)}"`, count));
    });
    out.push(sample(`${name}_sum`, labels, this.#sum), sample(`${name}_count`, labels, count));
  }
}

interface Instrument {
  collect?: () => void;
  write(out: string[]): void;
}

/** A registry and its text exposition (https://prometheus.io/docs/instrumenting/exposition_formats). */
class TextMetrics implements Metrics {
  readonly #instruments = new Map<string, Instrument>();
  readonly #beforeScrape: (() => Promise<void>)[] = [];

  #once<T extends Instrument>(name: string, make: () => T): T {
    const known = this.#instruments.get(name);
    if (known !== undefined) return known as T;
    const made = make();
    this.#instruments.set(name, made);
    return made;
  }

  counter(name: string, help: string, labels: string[] = []): Counter {
    return this.#once(name, () => {
      const family = new Family(name, { help, type: 'counter', labels, make: () => new Value() });
      return {
        inc: (values?: Labels, by?: number) => family.of(values).inc(by),
        with: (values: Labels) => family.of(values),
        remove: (values: Labels) => family.remove(values),
        write: (out: string[]) => family.write(out),
      };
    });
  }

  gauge(name: string, help: string, labels: string[] = [], collect?: (gauge: Gauge) => void): Gauge {
    return this.#once(name, () => {
      const family = new Family(name, { help, type: 'gauge', labels, make: () => new Value() });
      const gauge = {
        set: (value: number, values?: Labels) => {
          family.of(values).value = value;
        },
        remove: (values: Labels) => family.remove(values),
        write: (out: string[]) => family.write(out),
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      };
      return gauge;
    });
  }

  histogram(name: string, help: string, labels: string[] = [], buckets = defaultBuckets): Histogram {
    return this.#once(name, () => {
      const make = () => new Distribution(buckets);
      const family = new Family(name, { help, type: 'histogram', labels, make });
      return {
        observe: (value: number, values?: Labels) => family.of(values).observe(value),
        with: (values: Labels) => family.of(values),
        write: (out: string[]) => family.write(out),
      };
    });
  }

  beforeScrape(run: () => Promise<void>): void {
    this.#beforeScrape.push(run);
  }

  async scrape(): Promise<{ contentType: string; body: string }> {
    await Promise.all(this.#beforeScrape.map((run) => run()));
    const out: string[] = [];
    for (const instrument of this.#instruments.values()) {
      instrument.collect?.();
      instrument.write(out);
    }
    return { contentType: 'text/plain; version=0.0.4; charset=utf-8', body: `${out.join('\n')}\n` };
  }
}

/** A fresh registry; one per component process. */
export function createMetrics(): Metrics {
  return new TextMetrics();
}

/** Prometheus' own default. */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Upstream's exponential duration buckets from 1 ms to about 16 s. */
export const durationBuckets = [
  0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384,
];
