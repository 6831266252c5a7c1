import { isDeepStrictEqual } from 'node:util';
import type { apps, core } from '#api';
import { Resources } from '#client';
import { computeHash } from '../common/hash.js';
import { controllerReference } from '../common/owners.js';
import {
  byAge,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  maxSurge,
  newReplicaSetSize,
  sizeOf,
  wantedReplicas,
} from './rollout.js';

type ReplicaSet = apps.ReplicaSet;

export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const MAX_HISTORY_CHARS = 2000;
export const TEMPLATE_HASH = 'pod-template-hash';
/** Annotations that a ReplicaSet has of its own. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number.parseInt(replicaSet.metadata.annotations?.[REVISION] ?? '0', 10) || 0;
}

/** The ReplicaSet whose template is the Deployment's; the oldest if there are several. */
export function findNewReplicaSet(deployment: apps.Deployment, all: ReplicaSet[]): ReplicaSet | undefined {
  return [...all].sort(byAge).find((set) => sameTemplate(deployment.spec!.template, set.spec?.template));
}

/** Equality but for the hash label that the ReplicaSet's template carries in addition. */
export function sameTemplate(a: core.PodTemplateSpec, b: core.PodTemplateSpec | undefined): boolean {
  return b !== undefined && isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: core.PodTemplateSpec): unknown {
  const { [TEMPLATE_HASH]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The revision that the new ReplicaSet must at least have. */
export function nextRevision(old: ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

/** The Deployment's annotations, the sizes it was planned for and the revision, with the history of a rollback. */
export function replicaSetAnnotations(
  deployment: apps.Deployment,
  current: Record<string, string> | undefined,
  revision: number,
): Record<string, string> {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([name]) => !NOT_COPIED.has(name),
  );
  const annotations = { ...current, ...Object.fromEntries(copied) };
  const before = annotations[REVISION];
  if ((Number(before ?? '0') || 0) >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (before !== undefined)
    annotations[REVISION_HISTORY] = appendHistory(annotations[REVISION_HISTORY], before);
  return annotations;
}

function appendHistory(history: string | undefined, revision: string): string {
  const revisions = [...(history === undefined || history === '' ? [] : history.split(',')), revision];
  while (revisions.length > 1 && revisions.join().length > MAX_HISTORY_CHARS) revisions.shift();
  return revisions.join();
}

/** How many Pods the rollout was sized for; a difference tells a later sync that the Deployment was scaled. */
export function sizeAnnotations(deployment: apps.Deployment): Record<string, string> {
  const wanted = wantedReplicas(deployment);
  return { [DESIRED_REPLICAS]: String(wanted), [MAX_REPLICAS]: String(wanted + maxSurge(deployment)) };
}

/** The ReplicaSet of a template that has none yet. */
export function makeReplicaSet(deployment: apps.Deployment, old: ReplicaSet[]): ReplicaSet {
  const { template, selector, minReadySeconds } = deployment.spec!;
  const hash = computeHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [TEMPLATE_HASH]: hash };
  const { name, namespace } = deployment.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name!.slice(0, 253 - hash.length - 1)}-${hash}`,
      namespace,
      labels,
      annotations: {
        ...replicaSetAnnotations(deployment, undefined, nextRevision(old)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [controllerReference(deployment, Resources.deployments)],
    },
    spec: {
      replicas: newReplicaSetSize(deployment, old, 0),
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Old ReplicaSets beyond revisionHistoryLimit that hold no Pods any more, lowest revision first. */
export function expiredReplicaSets(deployment: apps.Deployment, old: ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = old.filter((set) => set.metadata.deletionTimestamp === undefined);
  const surplus = Math.max(0, alive.length - limit);
  return [...alive]
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b))
    .slice(0, surplus)
    .filter(
      (set) =>
        sizeOf(set) === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
