import type { apps, core, meta } from '#api';

type StatefulSet = apps.StatefulSet;

/** Label of a Pod with the name of the ControllerRevision that it is of. */
export const REVISION = 'controller-revision-hash';
const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX = 'apps.kubernetes.io/pod-index';

/** The ordinal of a Pod's name, undefined when the name is not of this set. */
export function ordinalOf(set: StatefulSet, { metadata }: core.Pod): number | undefined {
  const name = metadata.name ?? '';
  const prefix = `${set.metadata.name}-`;
  if (!name.startsWith(prefix)) return undefined;
  const text = name.slice(prefix.length);
  return /^(0|[1-9][0-9]*)$/.test(text) ? Number(text) : undefined;
}

/** First ordinal and the one after the last. */
export function ordinalsOf({ spec }: StatefulSet): { start: number; end: number } {
  const start = spec!.ordinals?.start ?? 0;
  return { start, end: start + (spec!.replicas ?? 1) };
}

/** The Pod of an ordinal: a name, a hostname under the set's Service, and claims of its own. */
export function podOf(
  set: StatefulSet,
  ordinal: number,
  template: core.PodTemplateSpec,
  revision: string,
  owner: meta.OwnerReference,
): core.Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: set.metadata.namespace,
      labels: {
        ...template.metadata?.labels,
        [POD_NAME]: name,
        [POD_INDEX]: String(ordinal),
        [REVISION]: revision,
      },
      annotations: { ...template.metadata?.annotations },
      ...(template.metadata?.finalizers === undefined ? {} : { finalizers: template.metadata.finalizers }),
      ownerReferences: [owner],
    },
    spec: {
      ...template.spec!,
      hostname: name,
      ...(set.spec!.serviceName ? { subdomain: set.spec!.serviceName } : {}),
      ...volumesOf(set, name, template.spec?.volumes ?? []),
    },
  };
}

/** Claims take the place of the template's volumes of the same name. */
function volumesOf(set: StatefulSet, pod: string, own: core.Volume[]): Pick<core.PodSpec, 'volumes'> {
  const claims = (set.spec!.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: metadata.name!,
    persistentVolumeClaim: { claimName: `${metadata.name}-${pod}`, readOnly: false },
  }));
  const names = new Set(claims.map((claim) => claim.name));
  const volumes = [...claims, ...own.filter((volume) => !names.has(volume.name))];
  return volumes.length === 0 ? {} : { volumes };
}

/** The claims that an ordinal's Pod mounts; they outlive it. */
export function claimsOf(set: StatefulSet, ordinal: number): core.PersistentVolumeClaim[] {
  return (set.spec!.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...template.metadata,
      name: `${template.metadata.name}-${set.metadata.name}-${ordinal}`,
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec!.selector.matchLabels },
    },
  }));
}

export function revisionOf(pod: core.Pod): string | undefined {
  return pod.metadata.labels?.[REVISION];
}
