import { canonicalQuantity, type core, type KindInfo, semanticEqual } from '#api';
import { add, quotaCovers, type Usage, usageOf } from '../admission/quota-usage.js';
import type { ServerDeps } from '../deps.js';

/** Plain names to the message that is counted; `count/…` names are looked up. */
const OF_NAME: [RegExp, string][] = [
  [/^(pods|((requests|limits)\.)?(cpu|memory|ephemeral-storage))$/, 'core.v1.Pod'],
  [/^services(\..*)?$/, 'core.v1.Service'],
  [/^configmaps$/, 'core.v1.ConfigMap'],
  [/^secrets$/, 'core.v1.Secret'],
  [/^(persistentvolumeclaims|requests\.storage)$/, 'core.v1.PersistentVolumeClaim'],
  [/^replicationcontrollers$/, 'core.v1.ReplicationController'],
  [/^resourcequotas$/, 'core.v1.ResourceQuota'],
];
const COUNTED: Record<string, string> = {
  pods: 'core.v1.Pod',
  services: 'core.v1.Service',
  configmaps: 'core.v1.ConfigMap',
  secrets: 'core.v1.Secret',
  persistentvolumeclaims: 'core.v1.PersistentVolumeClaim',
  replicationcontrollers: 'core.v1.ReplicationController',
  'deployments.apps': 'apps.v1.Deployment',
  'replicasets.apps': 'apps.v1.ReplicaSet',
  'statefulsets.apps': 'apps.v1.StatefulSet',
  'daemonsets.apps': 'apps.v1.DaemonSet',
  'jobs.batch': 'batch.v1.Job',
  'cronjobs.batch': 'batch.v1.CronJob',
  'ingresses.networking.k8s.io': 'networking.v1.Ingress',
};

function kindOf(deps: ServerDeps, name: string): KindInfo | undefined {
  const message = name.startsWith('count/')
    ? COUNTED[name.slice('count/'.length)]
    : OF_NAME.find(([pattern]) => pattern.test(name))?.[1];
  return message === undefined ? undefined : deps.kind(message);
}

/** Writes `status.hard` and `status.used` of every quota, for people: admission counts by itself. */
export async function writeQuotaStatus(deps: ServerDeps): Promise<void> {
  const quotaKind = deps.kind('core.v1.ResourceQuota');
  for (const quota of await deps.store.list<core.ResourceQuota>(quotaKind)) {
    const status = { hard: quota.spec?.hard ?? {}, used: await usedOf(deps, quota) };
    if (semanticEqual(quota.status, status)) continue;
    const { namespace = '', name = '', uid } = quota.metadata;
    await deps.store.update<core.ResourceQuota>(quotaKind, namespace, name, (object) =>
      object.metadata.uid === uid ? { ...object, status } : undefined,
    );
  }
}

async function usedOf(deps: ServerDeps, quota: core.ResourceQuota): Promise<Usage> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const kinds = new Map(
    names
      .map((name) => kindOf(deps, name))
      .flatMap((kind) => (kind === undefined ? [] : [[kind.message, kind] as const])),
  );
  let total: Usage = {};
  for (const kind of kinds.values()) {
    for (const object of await deps.store.list(kind, quota.metadata.namespace)) {
      if (quotaCovers(quota, kind, object)) total = add(total, usageOf(kind, object));
    }
  }
  // Names that nothing here can count get no number, rather than a zero that would be a guess.
  const known = names.filter((name) => kindOf(deps, name) !== undefined);
  return Object.fromEntries(known.map((name) => [name, canonicalQuantity(total[name] ?? '0')]));
}
