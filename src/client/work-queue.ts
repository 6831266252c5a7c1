import { type Clock, type Metrics, systemClock } from '#base';
import type { WorkQueue } from './client.js';

const BASE_DELAY_MS = 5;
const MAX_DELAY_MS = 1_000_000;
/** How long a queue may keep the event loop to itself. */
const TURN_MS = 5;

export interface WorkQueueOptions {
  /** Label of the `workqueue_*` metrics. */
  name: string;
  clock?: Clock;
  metrics?: Metrics;
  /** Called when a handler throws, after the item has been scheduled again. */
  onError?: (key: string, error: unknown, failures: number) => void;
}

/** client-go's rate-limiting work queue: deduplicated keys, one worker per key, exponential back-off per item. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  return new RateLimitedQueue(options);
}

class RateLimitedQueue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #clock: Clock;
  readonly #instruments: ReturnType<typeof instruments> | undefined;
  /** Keys that need processing (queued or to be queued again after the running handler). */
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #queuedAt = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  #order: string[] = [];
  #head = 0;
  #idle: (() => void)[] = [];
  #running: Promise<void>[] = [];
  #shutDown = false;
  /** When the event loop had its turn last (`performance.now()`). */
  #breathed = 0;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#instruments =
      options.metrics === undefined ? undefined : instruments(options.metrics, options.name, this);
  }

  get length(): number {
    return this.#order.length - this.#head;
  }

  add(key: string): void {
    if (this.#shutDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#instruments?.adds();
    if (this.#processing.has(key)) return;
    this.#enqueue(key);
  }

  #enqueue(key: string): void {
    this.#queuedAt.set(key, this.#clock.now());
    this.#order.push(key);
    this.#idle.shift()?.();
  }

  addAfter(key: string, ms: number): void {
    if (this.#shutDown) return;
    if (ms <= 0) return this.add(key);
    const at = this.#clock.now() + ms;
    const waiting = this.#delayed.get(key);
    // The earlier of two waits wins, as upstream's delaying queue.
    if (waiting !== undefined && waiting.at <= at) return;
    waiting?.cancel();
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#instruments?.retries();
    this.addAfter(key, Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** Math.min(failures, 30)));
  }

  forget(key: string): void {
    this.#failures.delete(key);
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  run(workers: number, handler: (key: string) => Promise<void>): void {
    for (let i = 0; i < workers; i++) this.#running.push(this.#work(handler));
  }

  async shutDown(): Promise<void> {
    this.#shutDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#order = [];
    this.#head = 0;
    this.#dirty.clear();
    for (const wake of this.#idle.splice(0)) wake();
    await Promise.all(this.#running.splice(0));
  }

  async #next(): Promise<string | undefined> {
    while (!this.#shutDown) {
      if (this.#head < this.#order.length) return this.#take();
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
    return undefined;
  }

  #take(): string {
    const key = this.#order[this.#head++]!;
    if (this.#head > 1024 && this.#head * 2 > this.#order.length) {
      this.#order = this.#order.slice(this.#head);
      this.#head = 0;
    }
    this.#dirty.delete(key);
    this.#processing.add(key);
    this.#instruments?.waited(this.#clock.now() - (this.#queuedAt.get(key) ?? 0));
    this.#queuedAt.delete(key);
    return key;
  }

  async #work(handler: (key: string) => Promise<void>): Promise<void> {
    for (let key = await this.#next(); key !== undefined; key = await this.#next()) {
      const started = this.#clock.now();
      try {
        await handler(key);
        this.forget(key);
      } catch (error) {
        this.addRateLimited(key);
        this.#options.onError?.(key, error, this.failures(key));
      }
      this.#instruments?.worked(this.#clock.now() - started);
      this.#processing.delete(key);
      if (this.#dirty.has(key) && !this.#shutDown) this.#enqueue(key);
      await this.#breathe();
    }
  }

  /**
   * Lets sockets and timers run. Handlers whose API server is in the same process may need nothing but promises,
   * and a queue that never empties would stop everything else.
   */
  async #breathe(): Promise<void> {
    const now = performance.now();
    if (now - this.#breathed < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#breathed = performance.now();
  }
}

function instruments(metrics: Metrics, name: string, queue: WorkQueue) {
  const labels = { name };
  const adds = metrics.counter('workqueue_adds_total', 'Total number of adds handled by workqueue', ['name']);
  const retries = metrics.counter('workqueue_retries_total', 'Total number of retries handled by workqueue', [
    'name',
  ]);
  const buckets = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100];
  const waited = metrics.histogram(
    'workqueue_queue_duration_seconds',
    'How long in seconds an item stays in workqueue before being requested.',
    ['name'],
    buckets,
  );
  const worked = metrics.histogram(
    'workqueue_work_duration_seconds',
    'How long in seconds processing an item from workqueue takes.',
    ['name'],
    buckets,
  );
  depthGauge(metrics, name, queue);
  return {
    adds: () => adds.inc(labels),
    retries: () => retries.inc(labels),
    waited: (ms: number) => waited.observe(ms / 1000, labels),
    worked: (ms: number) => worked.observe(ms / 1000, labels),
  };
}

/** One gauge serves all queues of a registry; each queue adds its reader. */
const depthReaders = new WeakMap<Metrics, Map<string, WorkQueue>>();
function depthGauge(metrics: Metrics, name: string, queue: WorkQueue): void {
  const readers = depthReaders.get(metrics) ?? new Map<string, WorkQueue>();
  depthReaders.set(metrics, readers);
  readers.set(name, queue);
  metrics.gauge('workqueue_depth', 'Current depth of workqueue', ['name'], (gauge) => {
    for (const [label, reader] of readers) gauge.set(reader.length, { name: label });
  });
}
