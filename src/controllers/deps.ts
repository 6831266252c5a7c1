import type { core, KubeObject } from '#api';
import { type Clock, type Logger, type Metrics, systemClock } from '#base';
import {
  type Client,
  createEventRecorder,
  createWorkQueue,
  type EventRecorder,
  type Informer,
  type InformerFactory,
  type Resource,
  Resources,
  type WorkQueue,
} from '#client';
import { isRoutineError } from './common/errors.js';
import { LabelIndex } from './common/label-index.js';
import { trimManagedFields, trimPod } from './common/trim.js';

/** What every loop is given. All loops of a process share one. */
export interface LoopDeps {
  client: Client;
  informers: InformerFactory;
  /** A work queue under upstream's name for it (label `name` of the `workqueue_*` metrics). */
  queue(name: string): WorkQueue;
  /** Events whose source component is the controller's upstream name. */
  recorder(component: string): EventRecorder;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}

export interface ControllerDeps extends LoopDeps {
  /** Cached Pods by namespace and label, kept ahead of the controllers' own handlers. */
  podLabels: LabelIndex<core.Pod>;
}

export interface LoopDepsInput {
  client: Client;
  informers: InformerFactory;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  /** Replaces the recorder that writes Events through the client. */
  recorder?: (component: string) => EventRecorder;
}

export interface ControllerDepsInput extends LoopDepsInput {
  /** The index of an earlier call on the same informers. */
  podLabels?: LabelIndex<core.Pod>;
}

/** Builds the shared dependencies. Call before the informers start: indexes can only be added to empty caches. */
export function createControllerDeps(input: ControllerDepsInput): ControllerDeps & { stop(): void } {
  const podLabels = input.podLabels ?? indexByLabels(trimmedInformer(input.informers, Resources.pods));
  return { ...createLoopDeps(input), podLabels };
}

export function createLoopDeps(input: LoopDepsInput): LoopDeps & { stop(): void } {
  const { client, informers, logger, metrics } = input;
  const clock = input.clock ?? systemClock;
  const recorders: { stop(): void }[] = [];
  const recorder = (component: string) => {
    const made = createEventRecorder(client, { component, logger, clock });
    recorders.push(made);
    return made;
  };
  return {
    client,
    informers,
    clock,
    logger,
    metrics,
    recorder: input.recorder ?? recorder,
    /** Ends the recorders that were made here. */
    stop: () => {
      for (const made of recorders) made.stop();
    },
    queue: (name) => createWorkQueue({ name, clock, metrics, onError: reporter(logger, name) }),
  };
}

function reporter(logger: Logger, queue: string) {
  return (key: string, error: unknown, failures: number) => {
    const fields = { queue, key, failures, err: error };
    if (isRoutineError(error)) logger.debug('sync will be retried', fields);
    else logger.warn('sync failed, will be retried', fields);
  };
}

/** The informer of a resource as all controllers share it: every namespace, without what none of them reads. */
export function trimmedInformer<T extends KubeObject>(
  informers: InformerFactory,
  resource: Resource<T>,
): Informer<T> {
  const isPods = resource.group === '' && resource.resource === 'pods';
  const transform = isPods ? (trimPod as unknown as (object: T) => T) : trimManagedFields<T>;
  return informers.informer(resource, { transform });
}

function indexByLabels(informer: Informer<core.Pod>): LabelIndex<core.Pod> {
  const index = new LabelIndex<core.Pod>();
  informer.on({
    add: (pod) => index.set(pod),
    update: (pod) => index.set(pod),
    delete: (pod) => index.delete(pod),
  });
  return index;
}
