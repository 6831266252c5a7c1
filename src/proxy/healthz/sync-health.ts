import type { Clock } from '#base';
import type { Family } from '../state/addresses.js';

/** What the health endpoints answer. */
export interface HealthAnswer {
  code: 200 | 503;
  body: Record<string, unknown>;
}

interface FamilyState {
  lastUpdated: number;
  /** Since when a sync has been waiting; undefined when none is. */
  oldestQueued: number | undefined;
}

/**
 * Whether the proxy keeps up: unhealthy when a queued sync is overdue in any family. `healthz` also fails when the
 * node is going away, so that load balancers stop sending; `livez` does not, or the kubelet would restart us.
 */
export class SyncHealth {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #families = new Map<Family, FamilyState>();
  #nodeEligible = true;

  /** @param timeoutMs how late a sync may be; upstream: twice the sync period */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** A sync was queued (or the family exists and waits for its first one). */
  queued(family: Family): void {
    const state = this.#state(family);
    state.oldestQueued ??= this.#clock.now();
  }

  /** A sync has finished; changes queued meanwhile call `queued` again. */
  updated(family: Family): void {
    const state = this.#state(family);
    state.lastUpdated = this.#clock.now();
    state.oldestQueued = undefined;
  }

  /** False while the node is missing, being deleted, or about to be removed by the autoscaler. */
  setNodeEligible(eligible: boolean): void {
    this.#nodeEligible = eligible;
  }

  get isHealthy(): boolean {
    const now = this.#clock.now();
    const isLate = ({ oldestQueued }: FamilyState) =>
      oldestQueued !== undefined && now - oldestQueued > this.#timeoutMs;
    return [...this.#families.values()].every((state) => !isLate(state));
  }

  healthz(): HealthAnswer {
    return this.#answer(this.isHealthy && this.#nodeEligible, { nodeEligible: this.#nodeEligible });
  }

  livez(): HealthAnswer {
    return this.#answer(this.isHealthy, {});
  }

  #answer(ok: boolean, extra: Record<string, unknown>): HealthAnswer {
    const now = this.#clock.now();
    const last = Math.max(0, ...[...this.#families.values()].map((state) => state.lastUpdated));
    // Upstream reports "now" as the last update while healthy: nothing was due since.
    const body = {
      lastUpdated: new Date(this.isHealthy ? now : last).toISOString(),
      currentTime: new Date(now).toISOString(),
      ...extra,
    };
    return { code: ok ? 200 : 503, body };
  }

  #state(family: Family): FamilyState {
    let state = this.#families.get(family);
    if (state === undefined) {
      state = { lastUpdated: 0, oldestQueued: undefined };
      this.#families.set(family, state);
    }
    return state;
  }
}
