import type { Logger, Startable } from '#base';
import { type Client, type LeaderElectionOptions, lead } from '#client';

/** How a group of controllers takes turns with others of its kind. */
export type LeaderElection = Pick<LeaderElectionOptions, 'identity'> &
  Partial<
    Pick<
      LeaderElectionOptions,
      'name' | 'namespace' | 'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs'
    >
  >;

export interface LeaderGroupOptions {
  /** Name of the Lease in kube-system, e.g. `kube-controller-manager`. */
  lease: string;
  /**
   * Absent: the members start at once (upstream's --leader-elect=false). `identity` must be unique among
   * candidates; one that comes back under its old identity leads again without waiting for its lease.
   */
  election?: LeaderElection;
  members: { name: string; controller: Startable }[];
  client: Client;
  logger: Logger;
  /** Runs after everything has stopped. */
  released(): void;
}

/**
 * Runs controllers while this process leads. `start` resolves when the campaign runs; a controller whose
 * caches cannot fill never holds up the others. Losing the lease stops all of them and campaigns again.
 */
export class LeaderGroup implements Startable {
  readonly #options: LeaderGroupOptions;
  readonly #abort = new AbortController();
  #campaign: Promise<void> | undefined;
  #leading = false;

  constructor(options: LeaderGroupOptions) {
    this.#options = options;
  }

  /** The members run in this process now. */
  get leading(): boolean {
    return this.#leading;
  }
  /** Names of the members. */
  get controllers(): string[] {
    return this.#options.members.map(({ name }) => name);
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    this.#campaign = this.#options.election === undefined ? this.#work(signal) : this.#lead(signal);
  }

  async stop(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    await this.#campaign;
    this.#options.released();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { client, logger, lease, election } = this.#options;
    const candidate = { name: lease, namespace: 'kube-system', ...election!, client, logger };
    while (!signal.aborted) await lead(candidate, (term) => this.#work(term), signal);
  }

  async #work(term: AbortSignal): Promise<void> {
    const { members } = this.#options;
    this.#leading = true;
    const started = members.map(({ name, controller }) => this.#startOne(name, controller, term));
    await aborted(term);
    await Promise.all(members.map(({ controller }) => controller.stop()));
    await Promise.all(started);
    this.#leading = false;
  }

  async #startOne(name: string, controller: Startable, term: AbortSignal): Promise<void> {
    try {
      await controller.start();
    } catch (error) {
      if (term.aborted) return;
      this.#options.logger.error('controller did not start', { controller: name, err: error });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
