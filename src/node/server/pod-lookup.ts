import type { ContainerUnit } from '../pods/container-unit.js';
import type { PodManager } from '../pods/pod-manager.js';
import type { PodWorker } from '../pods/pod-worker.js';
import { HttpError } from './http-error.js';

/** Path parameters of `/<verb>/<namespace>/<pod>[/<uid>]/<container>` (the uid is optional, as upstream). */
export interface ContainerPath {
  namespace: string;
  pod: string;
  uid?: string;
  container: string;
}

/** Undefined when the path has another form. */
export function containerPath(segments: string[]): ContainerPath | undefined {
  const [namespace, pod, third, fourth, ...rest] = segments;
  if (namespace === undefined || pod === undefined || third === undefined || rest.length > 0)
    return undefined;
  return fourth === undefined
    ? { namespace, pod, container: third }
    : { namespace, pod, uid: third, container: fourth };
}

/** Throws HttpError 404. */
export function findPod(manager: PodManager, namespace: string, pod: string, uid?: string): PodWorker {
  const worker = manager.find(namespace, pod, uid);
  if (worker === undefined) throw new HttpError(404, `pod "${pod}_${namespace}" does not exist`);
  return worker;
}

/** Throws HttpError 404. */
export function findUnit(
  manager: PodManager,
  path: ContainerPath,
): { worker: PodWorker; unit: ContainerUnit } {
  const worker = findPod(manager, path.namespace, path.pod, path.uid);
  const unit = worker.units.get(path.container);
  if (unit === undefined)
    throw new HttpError(
      404,
      `container "${path.container}" not found in pod "${path.pod}_${path.namespace}"`,
    );
  return { worker, unit };
}

/** The running container, or HttpError 500 as the kubelet answers for a container that does not run. */
export function runningContainer(unit: ContainerUnit) {
  const { container } = unit;
  if (container === undefined) throw new HttpError(500, `container not found ("${unit.name}")`);
  return container;
}
