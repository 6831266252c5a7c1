import { type coordination, isConflict, isNotFound } from '#api';
import { type Logger, sleep } from '#base';
import type { Client } from './client.js';
import { Resources } from './resources.js';

export interface LeaderElectionOptions {
  client: Client;
  /** Name and namespace of the Lease. */
  name: string;
  namespace: string;
  /** Unique per candidate, e.g. `host_uuid`. */
  identity: string;
  logger: Logger;
  /** Upstream's defaults: 15 s, 10 s, 2 s. */
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
}

/**
 * Leader election on a Lease (client-go tools/leaderelection). `lead` runs `work` while this candidate holds
 * the lease and aborts its signal when the lease is lost; it returns when `signal` aborts (the lease is then
 * released) or after losing the lease, so that the caller can exit or campaign again.
 */
export async function lead(
  options: LeaderElectionOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const candidate = new Candidate(options);
  if (!(await candidate.acquire(signal))) return;
  const term = new AbortController();
  const end = () => term.abort();
  signal.addEventListener('abort', end, { once: true });
  const running = work(term.signal).catch((error) => {
    options.logger.error('leader work failed', { err: error });
    end();
  });
  try {
    await candidate.renewUntilLost(term.signal);
  } finally {
    end();
    signal.removeEventListener('abort', end);
    await running;
    await candidate.release();
  }
}

class Candidate {
  readonly #options: LeaderElectionOptions;
  readonly #leaseMs: number;
  readonly #deadlineMs: number;
  readonly #retryMs: number;
  /** The record as last seen and when (local clock): other candidates' clocks are not trusted. */
  #observed: { record: string; at: number } = { record: '', at: 0 };
  #lease: coordination.Lease | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseDurationMs ?? 15_000;
    this.#deadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryMs = options.retryPeriodMs ?? 2_000;
  }

  async acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#tryAcquireOrRenew()) {
        this.#options.logger.info('became leader', { lease: this.#options.name });
        return true;
      }
      await sleep(this.#retryMs * (1 + 0.2 * Math.random()), signal);
    }
    return false;
  }

  async renewUntilLost(signal: AbortSignal): Promise<void> {
    let renewed = Date.now();
    while (!signal.aborted) {
      await sleep(this.#retryMs, signal);
      if (signal.aborted) return;
      if (await this.#tryAcquireOrRenew()) {
        renewed = Date.now();
      } else if (Date.now() - renewed > this.#deadlineMs) {
        this.#options.logger.error('lost the lease', { lease: this.#options.name });
        return;
      }
    }
  }

  /** Gives the lease up if it is still ours, so that the next leader need not wait. Best effort. */
  async release(): Promise<void> {
    if (this.#lease?.spec?.holderIdentity !== this.#options.identity) return;
    try {
      const spec = {
        ...this.#lease.spec,
        holderIdentity: '',
        leaseDurationSeconds: 1,
        renewTime: microTime(),
      };
      await this.#options.client.resource(Resources.leases).update({ ...this.#lease, spec });
    } catch (error) {
      this.#options.logger.debug('lease not released', { err: error });
    }
  }

  async #tryAcquireOrRenew(): Promise<boolean> {
    try {
      return await this.#attempt();
    } catch (error) {
      if (!isConflict(error)) this.#options.logger.debug('lease attempt failed', { err: error });
      return false;
    }
  }

  async #attempt(): Promise<boolean> {
    const leases = this.#options.client.resource(Resources.leases);
    const { name, namespace, identity } = this.#options;
    let lease: coordination.Lease;
    try {
      lease = await leases.get(name, namespace);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = await leases.create({ metadata: { name, namespace }, spec: this.#spec(undefined) });
      return true;
    }
    const record = JSON.stringify(lease.spec ?? {});
    if (record !== this.#observed.record) this.#observed = { record, at: Date.now() };
    const holder = lease.spec?.holderIdentity ?? '';
    const duration = (lease.spec?.leaseDurationSeconds ?? this.#leaseMs / 1000) * 1000;
    if (holder !== '' && holder !== identity && Date.now() < this.#observed.at + duration) return false;
    this.#lease = await leases.update({ ...lease, spec: this.#spec(lease.spec) });
    return true;
  }

  #spec(old: coordination.LeaseSpec | undefined): coordination.LeaseSpec {
    const { identity } = this.#options;
    const kept = old?.holderIdentity === identity;
    return {
      ...old,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
      acquireTime: kept ? old?.acquireTime : microTime(),
      renewTime: microTime(),
      leaseTransitions: old === undefined ? 0 : (old.leaseTransitions ?? 0) + (kept ? 0 : 1),
    };
  }
}

function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
