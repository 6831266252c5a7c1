import { type BackoffOptions, backoffDelay, type Clock, type Logger } from '#base';
import type { NodeSettings, Proxier, SyncReport } from './contract.js';
import type { ProxyMetrics } from './metrics.js';
import type { Family } from './state/addresses.js';
import type { DesiredOptions, DesiredService } from './state/desired.js';
import type { ClusterView, Computed } from './state/desired-state.js';
import { DesiredState } from './state/desired-state.js';
import { isExternallyAccessible } from './state/service-port.js';

/** One finished sync: for the demo, benchmarks and tests that await the kernel. */
export interface SyncedEvent {
  family: Family;
  full: boolean;
  /** Services (`namespace/name`) that this sync recomputed; empty for a full sync. */
  services: string[];
  /** Milliseconds from the first event that this sync answers to the kernel's commit. */
  durationMs: number;
  operations: number;
}

export interface FamilyProxyOptions {
  family: Family;
  view: ClusterView;
  proxier: Proxier;
  /** What the rules and the choice of endpoints depend on, read at every sync. */
  settings: () => NodeSettings;
  desiredOptions: () => DesiredOptions;
  minSyncPeriodMs: number;
  syncPeriodMs: number;
  clock: Clock;
  logger: Logger;
  metrics: ProxyMetrics;
  /** Runs after rules are in the kernel, before the next sync; errors are its own affair. */
  afterSync?: (computed: Computed[], full: boolean) => Promise<void>;
  onQueued?: () => void;
  onSynced?: (event: SyncedEvent) => void;
}

export type ChangeKind = 'service' | 'endpoints';

interface Pending {
  since: number;
  triggers: number[];
}

/** Retired objects are deleted after this long without another sync. */
const TIDY_AFTER_MS = 1500;
const FULL_SYNC_MS = 3_600_000;
const RETRY: Omit<BackoffOptions, 'maxMs'> = { initialMs: 100, factor: 2 };
const SECONDS = 1000;

/**
 * Keeps one family's rules equal to the cluster. Commits never overlap; changes that arrive while one runs are
 * merged into the next. Nothing is written before `begin` (the start-up gate): an empty state would tear down a
 * working table.
 */
export class FamilyProxy {
  readonly state: DesiredState;
  readonly #options: FamilyProxyOptions;
  readonly #dirty = new Map<string, Pending>();
  readonly #changes = { service: 0, endpoints: 0 };
  readonly #labels: Record<string, string>;
  readonly #missingLocals = { internal: 0, external: 0 };
  #needsFull = true;
  #begun = false;
  #stopped = false;
  #queuedAt: number | undefined;
  #lastEnd = 0;
  #failures = 0;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #cancelFullSync: (() => void) | undefined;

  constructor(options: FamilyProxyOptions) {
    this.#options = options;
    this.state = new DesiredState(options.family, options.view);
    this.#labels = { ip_family: options.family };
    const { proxier, family } = options;
    options.metrics.rules.push(() => ({ family, counts: proxier.ruleCounts?.() ?? [] }));
    options.metrics.pending.push(() => ({ family: options.family, ...this.#changes }));
  }

  /** Opens the start-up gate: Services and slices are complete. */
  begin(): void {
    this.#begun = true;
    this.#queue();
    this.#planFullSync();
  }

  /** Now and then everything is written again, whatever may have happened to the kernel's state meanwhile. */
  #planFullSync(): void {
    this.#cancelFullSync = this.#options.clock.after(FULL_SYNC_MS, () => {
      this.requestFull('periodic');
      this.#planFullSync();
    });
  }

  /** A Service or one of its slices changed. `trigger` is when the change happened in the cluster. */
  mark(key: string, kind: ChangeKind, trigger: number | undefined): void {
    const now = this.#options.clock.now();
    let pending = this.#dirty.get(key);
    if (pending === undefined) {
      pending = { since: now, triggers: [] };
      this.#dirty.set(key, pending);
    }
    if (trigger !== undefined) pending.triggers.push(trigger);
    this.#changes[kind]++;
    this.#queue();
  }

  /** Asks for a full sync: node settings changed, or the kernel's rules are in doubt. */
  requestFull(reason: string): void {
    this.#options.logger.info('full sync requested', { reason });
    this.#needsFull = true;
    this.#queue();
  }

  /** Stops after the sync that is running, if any. Rules stay in the kernel. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelFullSync?.();
    await this.#running;
  }

  #queue(): void {
    if (!this.#begun || this.#stopped) return;
    const { clock, metrics } = this.#options;
    if (this.#queuedAt === undefined) {
      this.#queuedAt = clock.now();
      metrics.lastQueuedTimestamp.set(this.#queuedAt / SECONDS, this.#labels);
      this.#options.onQueued?.();
    }
    if (this.#running !== undefined) return;
    this.#schedule(this.#rest());
  }

  #schedule(ms: number): void {
    this.#cancelTimer?.();
    const run = () => {
      this.#cancelTimer = undefined;
      this.#running ??= this.#run().finally(() => {
        this.#running = undefined;
        if (this.#queuedAt !== undefined) this.#afterRun();
      });
    };
    // A turn of the event loop gathers the events of one watch frame into one transaction.
    if (ms > 0) this.#cancelTimer = this.#options.clock.after(ms, run);
    else {
      const immediate = setImmediate(run);
      this.#cancelTimer = () => clearImmediate(immediate);
    }
  }

  #afterRun(): void {
    if (this.#stopped) return;
    if (this.#failures === 0) return this.#schedule(this.#rest());
    const delay = backoffDelay({ ...RETRY, maxMs: this.#options.syncPeriodMs }, this.#failures - 1);
    this.#schedule(Math.max(delay, this.#rest()));
  }

  /** What is left of the pause that the configuration asks for, counted from the end of the last sync. */
  #rest(): number {
    return Math.max(0, this.#lastEnd + this.#options.minSyncPeriodMs - this.#options.clock.now());
  }

  async #run(): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    const started = clock.now();
    const batch = new Map(this.#dirty);
    const full = this.#needsFull;
    const queuedAt = this.#queuedAt;
    this.#dirty.clear();
    this.#needsFull = false;
    this.#queuedAt = undefined;
    metrics.serviceChangesTotal.inc(this.#labels, this.#changes.service);
    metrics.endpointChangesTotal.inc(this.#labels, this.#changes.endpoints);
    this.#changes.service = 0;
    this.#changes.endpoints = 0;
    try {
      const { computed, report } = await this.#sync(batch, full);
      this.#failures = 0;
      this.#lastEnd = clock.now();
      this.#succeeded(batch, report, started);
      // What arrived during this sync is still waiting.
      if (this.#queuedAt !== undefined) this.#options.onQueued?.();
      this.#countMissingLocals(computed);
      await this.#options.afterSync?.(computed, full);
    } catch (err) {
      this.#failures++;
      this.#lastEnd = clock.now();
      // Change tracking is drained by now: only a full sync is sure to miss nothing.
      this.#needsFull = true;
      this.#queuedAt = queuedAt ?? started;
      for (const [key, pending] of batch) if (!this.#dirty.has(key)) this.#dirty.set(key, pending);
      metrics.syncFailed(this.#options.proxier.mode, this.#options.family, full);
      logger.error('sync failed, a full sync follows', { err, failures: this.#failures });
    }
    this.#scheduleTidy();
  }

  async #sync(
    batch: Map<string, Pending>,
    full: boolean,
  ): Promise<{ computed: Computed[]; report: SyncReport }> {
    const { proxier } = this.#options;
    const options = this.#options.desiredOptions();
    if (full) {
      const computed: Computed[] = [];
      const services = this.state.recomputeAll(options, computed);
      return { computed, report: await proxier.resync(services, this.#options.settings()) };
    }
    const computed = this.state.recompute(batch.keys(), options);
    const changes = computed.map(({ key, after }) => ({
      key,
      desired: after === undefined ? undefined : this.state.ownedView(after),
    }));
    return { computed, report: await proxier.apply(changes) };
  }

  #succeeded(batch: Map<string, Pending>, report: SyncReport, started: number): void {
    const { clock, metrics, logger, family, onSynced } = this.#options;
    const now = clock.now();
    const seconds = (now - started) / SECONDS;
    metrics.syncDuration.observe(seconds, this.#labels);
    (report.full ? metrics.fullSyncDuration : metrics.partialSyncDuration).observe(seconds, this.#labels);
    metrics.lastTimestamp.set(now / SECONDS, this.#labels);
    let first = started;
    for (const { since, triggers } of batch.values()) {
      first = Math.min(first, since);
      for (const trigger of triggers) {
        metrics.networkProgramming.observe(Math.max(0, now - trigger) / SECONDS, this.#labels);
      }
    }
    const services = report.full ? [] : [...batch.keys()];
    const durationMs = now - first;
    logger.debug('synced', {
      family,
      full: report.full,
      services: batch.size,
      durationMs,
      operations: report.operations,
    });
    onSynced?.({ family, full: report.full, services, durationMs, operations: report.operations });
  }

  /** Services whose policy Local finds endpoints only elsewhere; counted by difference, not by a scan. */
  #countMissingLocals(computed: readonly Computed[]): void {
    for (const { before, after } of computed) {
      for (const policy of ['internal', 'external'] as const) {
        this.#missingLocals[policy] += Number(lacksLocal(after, policy)) - Number(lacksLocal(before, policy));
      }
    }
    const { noLocalEndpoints } = this.#options.metrics;
    noLocalEndpoints.set(this.#missingLocals.internal, { ...this.#labels, traffic_policy: 'internal' });
    noLocalEndpoints.set(this.#missingLocals.external, { ...this.#labels, traffic_policy: 'external' });
  }

  #scheduleTidy(): void {
    const { proxier, clock } = this.#options;
    if (this.#queuedAt !== undefined || this.#stopped || proxier.needsTidying !== true) return;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(proxier.tidyAfterMs ?? TIDY_AFTER_MS, () => {
      this.#cancelTimer = undefined;
      this.#running ??= proxier.tidy!()
        .catch((err: unknown) => {
          this.#options.logger.warn('deleting unused objects failed', { err });
          this.#options.metrics.cleanupFailures.inc(this.#labels);
          this.#needsFull = true;
          this.#queuedAt ??= clock.now();
        })
        .finally(() => {
          this.#running = undefined;
          if (this.#queuedAt !== undefined) this.#afterRun();
          else this.#scheduleTidy();
        });
    });
  }
}

function lacksLocal(service: DesiredService | undefined, policy: 'internal' | 'external'): boolean {
  return (
    service?.ports.some(({ port, hasAny, local }) => {
      const isLocal =
        policy === 'internal' ? port.internalLocal : port.externalLocal && isExternallyAccessible(port);
      return isLocal && hasAny && local.length === 0;
    }) === true
  );
}
