import { compileSelector, type core, type KubeObject, type meta, objectKey } from '#api';
import type { Informer, InformerHandlers, WorkQueue } from '#client';
import { controllerOf } from './owners.js';

type Selecting = KubeObject & { spec?: { selector?: meta.LabelSelector } };

/** Queues whom a Pod's change concerns: its controller when that is of this kind, and without one all that select it. */
export function podHandlers<T extends Selecting>(
  kind: string,
  workloads: Informer<T>,
  queue: WorkQueue,
): InformerHandlers<core.Pod> {
  const changed = (pod: core.Pod) => {
    const reference = controllerOf(pod);
    if (reference?.kind === kind) queue.add(`${pod.metadata.namespace}/${reference.name}`);
    if (reference !== undefined) return;
    for (const workload of workloads.inNamespace(pod.metadata.namespace!))
      if (compileSelector(workload.spec!.selector)(pod.metadata.labels)) queue.add(objectKey(workload));
  };
  return { add: changed, update: changed, delete: changed };
}
