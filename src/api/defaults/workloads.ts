import type { apps, batch, core } from '../types/index.js';
import { defaultPodSpec } from './pod-spec.js';
import { setDefault, setDefaultText } from './set.js';
import { defaultClaim } from './volume.js';

function defaultTemplate(template: core.PodTemplateSpec | undefined): void {
  if (template === undefined) return;
  template.spec ??= { containers: [] };
  defaultPodSpec(template.spec);
}

/** SetDefaults_Deployment. */
export function defaultDeployment(deployment: apps.Deployment): void {
  const spec = deployment.spec;
  if (spec === undefined) return;
  setDefault(spec, 'replicas', 1);
  spec.strategy ??= {};
  setDefaultText(spec.strategy, 'type', 'RollingUpdate');
  if (spec.strategy.type === 'RollingUpdate') {
    spec.strategy.rollingUpdate ??= {};
    setDefault(spec.strategy.rollingUpdate, 'maxUnavailable', '25%');
    setDefault(spec.strategy.rollingUpdate, 'maxSurge', '25%');
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
  defaultTemplate(spec.template);
}

/** SetDefaults_ReplicaSet. */
export function defaultReplicaSet(set: apps.ReplicaSet): void {
  if (set.spec === undefined) return;
  setDefault(set.spec, 'replicas', 1);
  defaultTemplate(set.spec.template);
}

/** SetDefaults_DaemonSet. */
export function defaultDaemonSet(set: apps.DaemonSet): void {
  const spec = set.spec;
  if (spec === undefined) return;
  spec.updateStrategy ??= {};
  setDefaultText(spec.updateStrategy, 'type', 'RollingUpdate');
  if (spec.updateStrategy.type === 'RollingUpdate') {
    spec.updateStrategy.rollingUpdate ??= {};
    setDefault(spec.updateStrategy.rollingUpdate, 'maxUnavailable', 1);
    setDefault(spec.updateStrategy.rollingUpdate, 'maxSurge', 0);
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
  defaultTemplate(spec.template);
}

/** SetDefaults_StatefulSet. */
export function defaultStatefulSet(set: apps.StatefulSet): void {
  const spec = set.spec;
  if (spec === undefined) return;
  setDefaultText(spec, 'podManagementPolicy', 'OrderedReady');
  spec.updateStrategy ??= {};
  defaultStatefulUpdate(spec.updateStrategy);
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  setDefaultText(spec.persistentVolumeClaimRetentionPolicy, 'whenDeleted', 'Retain');
  setDefaultText(spec.persistentVolumeClaimRetentionPolicy, 'whenScaled', 'Retain');
  setDefault(spec, 'replicas', 1);
  setDefault(spec, 'revisionHistoryLimit', 10);
  defaultTemplate(spec.template);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    setDefaultText(claim, 'apiVersion', 'v1');
    setDefaultText(claim, 'kind', 'PersistentVolumeClaim');
    defaultClaim(claim);
  }
}

/** Settings of RollingUpdate appear on their own only when the type was left out too. */
function defaultStatefulUpdate(strategy: apps.StatefulSetUpdateStrategy): void {
  if (!strategy.type) {
    strategy.type = 'RollingUpdate';
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type !== 'RollingUpdate' || strategy.rollingUpdate === undefined) return;
  setDefault(strategy.rollingUpdate, 'partition', 0);
  setDefault(strategy.rollingUpdate, 'maxUnavailable', 1);
}

/** SetDefaults_ReplicationController: selector and labels come from the template. */
export function defaultReplicationController(controller: core.ReplicationController): void {
  const spec = controller.spec;
  if (spec === undefined) return;
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) {
    if (isEmpty(spec.selector)) spec.selector = { ...labels };
    if (isEmpty(controller.metadata.labels)) controller.metadata.labels = { ...labels };
  }
  setDefault(spec, 'replicas', 1);
  defaultTemplate(spec.template);
}

function isEmpty(map: Record<string, string> | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0;
}

export function defaultPodTemplate(object: core.PodTemplate): void {
  defaultTemplate(object.template);
}

/** Retries of a Job that counts failures per index: as good as without end. */
const UNLIMITED = 2_147_483_647;

/** SetDefaults_Job. */
export function defaultJob(job: batch.Job): void {
  const spec = job.spec;
  if (spec === undefined) return;
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  setDefault(spec, 'parallelism', 1);
  setDefault(spec, 'backoffLimit', spec.backoffLimitPerIndex === undefined ? 6 : UNLIMITED);
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined && isEmpty(job.metadata.labels)) job.metadata.labels = { ...labels };
  setDefault(spec, 'completionMode', 'NonIndexed');
  setDefault(spec, 'suspend', false);
  setDefault(spec, 'manualSelector', false);
  setDefault(
    spec,
    'podReplacementPolicy',
    spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
  );
  defaultFailurePolicy(spec);
  defaultTemplate(spec.template);
}

function defaultFailurePolicy(spec: batch.JobSpec): void {
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) setDefaultText(pattern, 'status', 'True');
  }
}

/** SetDefaults_CronJob. The Job template gets the defaults of its pods only, as upstream. */
export function defaultCronJob(job: batch.CronJob): void {
  const { spec } = job;
  if (spec === undefined) return;
  setDefaultText(spec, 'concurrencyPolicy', 'Allow');
  setDefault(spec, 'suspend', false);
  setDefault(spec, 'successfulJobsHistoryLimit', 3);
  setDefault(spec, 'failedJobsHistoryLimit', 1);
  const template = spec.jobTemplate?.spec;
  if (template === undefined) return;
  defaultFailurePolicy(template);
  defaultTemplate(template.template);
}
