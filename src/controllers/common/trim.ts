import type { core, KubeObject } from '#api';

/** managedFields is a third of many objects and no controller reads it; a PUT without it keeps the stored one. */
export function trimManagedFields<T extends KubeObject>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}

/**
 * What controllers and scheduler read of a Pod: there are more Pods than anything else, and most of a Pod is
 * for its node alone. Trimmed Pods must never be written back whole; nothing here does, Pods are patched.
 */
export function trimPod(pod: core.Pod): core.Pod {
  trimManagedFields(pod);
  if (pod.spec !== undefined) {
    for (const name of NODE_ONLY) delete pod.spec[name];
    pod.spec.containers = pod.spec.containers.map(trimContainer);
    if (pod.spec.initContainers !== undefined)
      pod.spec.initContainers = pod.spec.initContainers.map(trimContainer);
  }
  if (pod.status !== undefined) trimStatus(pod.status);
  return pod;
}

const NODE_ONLY = [
  'volumes',
  'securityContext',
  'dnsConfig',
  'hostAliases',
  'imagePullSecrets',
  'ephemeralContainers',
  'readinessGates',
] as const;

function trimContainer({ name, image, ports, resources, restartPolicy }: core.Container): core.Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(ports === undefined ? {} : { ports }),
    ...(resources === undefined ? {} : { resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

function trimStatus(status: core.PodStatus): void {
  delete status.initContainerStatuses;
  delete status.ephemeralContainerStatuses;
  if (status.containerStatuses !== undefined)
    status.containerStatuses = status.containerStatuses.map(
      ({ name, ready, restartCount, image, imageID }) => ({ name, ready, restartCount, image, imageID }),
    );
}
