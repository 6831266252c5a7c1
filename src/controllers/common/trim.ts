import type { core, KubeObject, meta } from '#api';

/**
 * managedFields is a third of many objects and no controller reads it; a PUT without it keeps the stored one.
 * Copies instead of deleting: an object that has lost a property takes twice the memory.
 */
export function trimManagedFields<T extends KubeObject>(object: T): T {
  object.metadata = withoutManagedFields(object.metadata);
  return object;
}

function withoutManagedFields({ managedFields: _, ...metadata }: meta.ObjectMeta): meta.ObjectMeta {
  return metadata;
}

/**
 * What controllers and scheduler read of a Pod: there are more Pods than anything else, and most of a Pod is
 * for its node alone. Trimmed Pods must never be written back whole; nothing here does, Pods are patched.
 */
export function trimPod(pod: core.Pod): core.Pod {
  const { apiVersion, kind, metadata, spec, status } = pod;
  return {
    ...(apiVersion === undefined ? {} : { apiVersion, kind }),
    metadata: withoutManagedFields(metadata),
    ...(spec === undefined ? {} : { spec: trimSpec(spec) }),
    ...(status === undefined ? {} : { status: trimStatus(status) }),
  } as core.Pod;
}

function trimSpec(spec: core.PodSpec): core.PodSpec {
  const {
    volumes: _volumes,
    securityContext: _securityContext,
    dnsConfig: _dnsConfig,
    hostAliases: _hostAliases,
    imagePullSecrets: _imagePullSecrets,
    ephemeralContainers: _ephemeralContainers,
    readinessGates: _readinessGates,
    ...rest
  } = spec;
  rest.containers = spec.containers.map(trimContainer);
  if (spec.initContainers !== undefined) rest.initContainers = spec.initContainers.map(trimContainer);
  return rest;
}

function trimContainer({ name, image, ports, resources, restartPolicy }: core.Container): core.Container {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(ports === undefined ? {} : { ports }),
    ...(resources === undefined ? {} : { resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}

function trimStatus(status: core.PodStatus): core.PodStatus {
  const { initContainerStatuses: init, ephemeralContainerStatuses: _ephemeral, ...others } = status;
  const rest: core.PodStatus = others;
  if (status.containerStatuses !== undefined)
    rest.containerStatuses = status.containerStatuses.map(trimContainerStatus);
  // Only what has ended badly is asked for, by Jobs.
  const failed = init?.filter(
    (each) => (each.state?.terminated?.exitCode ?? 0) !== 0 || each.restartCount > 0,
  );
  if (failed !== undefined && failed.length > 0) rest.initContainerStatuses = failed.map(trimContainerStatus);
  return rest;
}

function trimContainerStatus(status: core.ContainerStatus): core.ContainerStatus {
  const { name, ready, restartCount, image, imageID, state } = status;
  const trimmed = { name, ready, restartCount, image, imageID };
  if (state?.terminated === undefined) return trimmed;
  const { exitCode, finishedAt } = state.terminated;
  return { ...trimmed, state: { terminated: { exitCode, finishedAt } } };
}
