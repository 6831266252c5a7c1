import type { core } from '#api';
import type { Clock } from '#base';
import type { ProbeResult } from './probe-result.js';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

export interface ProberOptions {
  kind: ProbeKind;
  probe: core.Probe;
  clock: Clock;
  run: (stop: AbortSignal) => Promise<ProbeResult>;
  /** Called when the thresholds turn the verdict, and once for the first verdict. */
  onVerdict: (healthy: boolean, message: string) => void;
  /** Called for every failed try that counts. */
  onFailure: (message: string) => void;
}

/** First extra try after this; then doubling, see `Prober`. */
const EAGER_MS = 20;
/** Programs need a moment before they can be alive; the kubelet's first try comes about as late. */
const FIRST_LIVENESS_MS = 1000;

/**
 * Repeats one probe with its thresholds. Beside the tries at every period that upstream makes, startup and
 * readiness probes are tried in between until they first succeed (at once, after 20 ms, 40 ms ... up to the
 * period): a server that is up after 100 ms need not wait ten seconds for traffic. Failures of those extra tries do
 * not count.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #abort = new AbortController();
  readonly #periodMs: number;
  #healthy: boolean | undefined;
  #streak = 0;
  #lastOutcome: 'success' | 'failure' | undefined;
  #cancels: (() => void)[] = [];
  #running = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#periodMs = (options.probe.periodSeconds ?? 10) * 1000;
  }

  /** The verdict so far. */
  get healthy(): boolean | undefined {
    return this.#healthy;
  }

  start(): void {
    this.#after((this.#options.probe.initialDelaySeconds ?? 0) * 1000, () => this.#begin());
  }

  stop(): void {
    this.#abort.abort();
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
  }

  #begin(): void {
    const { kind, probe } = this.#options;
    const isEager = kind !== 'liveness' && (probe.successThreshold ?? 1) === 1;
    if (isEager) this.#eager(0);
    const isDelayed = (probe.initialDelaySeconds ?? 0) > 0;
    if (isEager && !isDelayed) this.#after(this.#periodMs, () => void this.#tick());
    else if (isDelayed || kind !== 'liveness') void this.#tick();
    else this.#after(Math.min(this.#periodMs, FIRST_LIVENESS_MS), () => void this.#tick());
  }

  #after(ms: number, fn: () => void): void {
    if (ms === 0) return fn();
    const cancel = this.#options.clock.after(ms, () => {
      this.#cancels = this.#cancels.filter((other) => other !== cancel);
      fn();
    });
    this.#cancels.push(cancel);
  }

  async #tick(): Promise<void> {
    this.#after(this.#periodMs, () => void this.#tick());
    await this.#try(true);
  }

  #eager(waitMs: number): void {
    if (this.#healthy === true || waitMs >= this.#periodMs || this.#abort.signal.aborted) return;
    this.#after(waitMs, () => void this.#try(false).then(() => this.#eager(Math.max(EAGER_MS, waitMs * 2))));
  }

  async #try(counts: boolean): Promise<void> {
    if (this.#running || this.#abort.signal.aborted) return;
    this.#running = true;
    try {
      const result = await this.#options.run(this.#abort.signal);
      if (this.#abort.signal.aborted || result.outcome === 'unknown') return;
      if (!counts && (result.outcome === 'failure' || this.#healthy === true)) return;
      this.#count(result.outcome === 'success', result.message);
    } finally {
      this.#running = false;
    }
  }

  #count(good: boolean, message: string): void {
    const outcome = good ? 'success' : 'failure';
    this.#streak = outcome === this.#lastOutcome ? this.#streak + 1 : 1;
    this.#lastOutcome = outcome;
    const { probe, onFailure, onVerdict } = this.#options;
    if (!good) onFailure(message);
    const threshold = good ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (this.#streak < threshold || this.#healthy === good) return;
    this.#healthy = good;
    onVerdict(good, message);
  }
}
