import type { Clock, Logger, Metrics, Startable } from '#base';
import { type Client, createInformerFactory, type LeaderElectionOptions, lead } from '#client';
import { type ControllerDepsInput, createControllerDeps } from './deps.js';
import { CONTROLLERS, type ControllerSettings, selectControllers } from './registry.js';

export interface ControllerManagerOptions extends ControllerSettings {
  /** Upstream's --controllers; everything by default. */
  controllers?: string[];
  /**
   * Absent: the controllers start at once (upstream's --leader-elect=false). `identity` must be unique among
   * candidates; a candidate that comes back under its old identity leads again without waiting for its lease.
   */
  leaderElection?: Pick<LeaderElectionOptions, 'identity'> &
    Partial<
      Pick<
        LeaderElectionOptions,
        'name' | 'namespace' | 'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs'
      >
    >;
}

export interface ControllerManagerDeps {
  client: Client;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  recorder?: ControllerDepsInput['recorder'];
}

export interface ControllerManager extends Startable {
  /** This process runs the controllers now. */
  readonly leading: boolean;
  /** Names of the controllers that run while leading. */
  readonly controllers: string[];
}

/**
 * Runs the selected controllers while this process leads. `start` resolves when the campaign runs (without
 * leader election: when the controllers were told to start); a controller whose caches cannot fill never
 * holds up the others. Losing the lease stops all controllers and campaigns again, on warm caches.
 */
export function createControllerManager(
  options: ControllerManagerOptions,
  deps: ControllerManagerDeps,
): ControllerManager {
  return new Manager(options, deps);
}

class Manager implements ControllerManager {
  readonly controllers: string[] = [];
  readonly #options: ControllerManagerOptions;
  readonly #input: ControllerManagerDeps;
  readonly #abort = new AbortController();
  readonly #members: { name: string; controller: Startable }[] = [];
  readonly #stopCaches: () => void;
  #campaign: Promise<void> | undefined;
  #leading = false;

  constructor(options: ControllerManagerOptions, input: ControllerManagerDeps) {
    this.#options = options;
    this.#input = input;
    const informers = createInformerFactory(input.client, { logger: input.logger });
    const deps = createControllerDeps({ ...input, informers });
    for (const name of selectControllers(options.controllers)) {
      const controller = CONTROLLERS[name]!(options, deps);
      if (controller === undefined) continue;
      this.#members.push({ name, controller });
      this.controllers.push(name);
    }
    this.#stopCaches = () => {
      informers.stop();
      deps.stop();
    };
    informers.start();
  }

  get leading(): boolean {
    return this.#leading;
  }

  async start(): Promise<void> {
    const { signal } = this.#abort;
    this.#campaign = this.#options.leaderElection === undefined ? this.#work(signal) : this.#lead(signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#campaign;
    this.#stopCaches();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const election = {
      name: 'kube-controller-manager',
      namespace: 'kube-system',
      ...this.#options.leaderElection!,
      client: this.#input.client,
      logger: this.#input.logger,
    };
    while (!signal.aborted) await lead(election, (term) => this.#work(term), signal);
  }

  async #work(term: AbortSignal): Promise<void> {
    this.#leading = true;
    const started = this.#members.map(({ name, controller }) => this.#startOne(name, controller, term));
    await aborted(term);
    await Promise.all(this.#members.map(({ controller }) => controller.stop()));
    await Promise.all(started);
    this.#leading = false;
  }

  async #startOne(name: string, controller: Startable, term: AbortSignal): Promise<void> {
    try {
      await controller.start();
    } catch (error) {
      if (!term.aborted)
        this.#input.logger.error('controller did not start', { controller: name, err: error });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
