import type { Clock, Logger, Metrics, Startable } from '#base';
import { type Client, createInformerFactory, type InformerFactory } from '#client';
import { type ControllerDepsInput, createControllerDeps, createLoopDeps } from './deps.js';
import { type LeaderElection, LeaderGroup } from './leader-group.js';
import { CONTROLLERS, type ControllerSettings, selectControllers } from './registry.js';
import { createScheduler, type SchedulerOptions } from './scheduler/index.js';

export interface ControllerManagerOptions extends ControllerSettings {
  /** Upstream's --controllers; everything by default. */
  controllers?: string[];
  /** Absent: the controllers start at once (upstream's --leader-elect=false). */
  leaderElection?: LeaderElection;
}

export interface ControllerManagerDeps {
  /** Reads for all controllers (needs list and watch on everything) and the leader's lease. */
  client: Client;
  /**
   * A client that acts as a user, for upstream's --use-service-account-credentials: each controller then
   * writes with the rights of its own role. The manager closes it. Absent: everything goes through `client`.
   */
  clientFor?(user: { name: string; groups: string[] }): Client;
  /**
   * Caches shared with other managers of the process, so that each object is sent, parsed and held once; whoever
   * made them stops them, last. Absent: caches of its own.
   */
  informers?: InformerFactory;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  /** Replaces the recorder that writes Events. */
  recorder?: ControllerDepsInput['recorder'];
}

export interface ControllerManager extends Startable {
  /** This process runs the controllers now. */
  readonly leading: boolean;
  /** Names of the controllers that run while leading. */
  readonly controllers: string[];
}

/** Upstream's kube-controller-manager, as far as services need it. Throws RangeError for bad settings. */
export function createControllerManager(
  options: ControllerManagerOptions,
  deps: ControllerManagerDeps,
): ControllerManager {
  const { informers, stopInformers } = informersOf(deps);
  const shared = createControllerDeps({ ...deps, informers });
  const own: { stop(): void }[] = [];
  const depsOf = (account: string) => {
    if (deps.clientFor === undefined) return shared;
    const client = deps.clientFor(serviceAccount(account));
    const made = createControllerDeps({ ...deps, informers, client, podLabels: shared.podLabels });
    own.push(made, { stop: () => client.close() });
    return made;
  };
  const members = selectControllers(options.controllers).flatMap((name) => {
    const { account, build } = CONTROLLERS[name]!;
    const controller = build(options, depsOf(account));
    return controller === undefined ? [] : [{ name, controller }];
  });
  // Caches are filled before the election is won, so that taking over takes no time.
  informers.start();
  return new LeaderGroup({
    lease: 'kube-controller-manager',
    ...(options.leaderElection === undefined ? {} : { election: options.leaderElection }),
    members,
    client: deps.client,
    logger: deps.logger,
    released: () => {
      stopInformers();
      for (const each of [shared, ...own]) each.stop();
    },
  });
}

function informersOf({ client, logger, informers }: ControllerManagerDeps) {
  if (informers !== undefined) return { informers, stopInformers: () => {} };
  const own = createInformerFactory(client, { logger });
  return { informers: own, stopInformers: () => own.stop() };
}

/** The identity that upstream's policy binds a controller's role to. */
function serviceAccount(name: string): { name: string; groups: string[] } {
  return {
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

export interface SchedulerManagerOptions extends SchedulerOptions {
  leaderElection?: LeaderElection;
}

/** Upstream's kube-scheduler as a program: the scheduler behind its own lease. `client` is system:kube-scheduler's. */
export function createSchedulerManager(
  options: SchedulerManagerOptions,
  deps: Omit<ControllerManagerDeps, 'clientFor'>,
): ControllerManager {
  const { informers, stopInformers } = informersOf(deps);
  const shared = createLoopDeps({ ...deps, informers });
  const controller = createScheduler(options, shared);
  informers.start();
  return new LeaderGroup({
    lease: 'kube-scheduler',
    ...(options.leaderElection === undefined ? {} : { election: options.leaderElection }),
    members: [{ name: 'kube-scheduler', controller }],
    client: deps.client,
    logger: deps.logger,
    released: () => {
      stopInformers();
      shared.stop();
    },
  });
}
