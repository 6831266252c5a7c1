import { selectorMatches } from '../selectors/selector-match.js';
import type { apps, core, meta } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { nameIsDnsSubdomain } from './formats.js';
import { checkAtMost100Percent, checkIntOrPercent, intOrPercentValue } from './int-or-percent.js';
import { checkLabelSelector, isEmptySelector } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkPodTemplateSpec } from './pod-spec.js';

type Errors = Check['errors'];

const MISMATCH = '`selector` does not match template `labels`';
const SUBDOMAIN = { namespaced: true, name: nameIsDnsSubdomain };

/** A selector that must be there and must not be empty. */
export function checkSelector(
  check: Check,
  path: Path,
  selector: meta.LabelSelector | undefined,
  empty: string,
): void {
  if (selector === undefined) return check.required(path);
  checkLabelSelector(check, path, selector);
  if (isEmptySelector(selector)) check.invalid(path, selector, empty);
}

/** A template whose pods live for ever and are found by the selector. */
export function checkOwnedTemplate(
  check: Check,
  path: Path,
  template: core.PodTemplateSpec | undefined,
  selector: meta.LabelSelector | undefined,
  options: { owner: string; stored?: core.PodTemplateSpec | undefined },
): void {
  const labels = template?.metadata?.labels ?? {};
  if (selector !== undefined && !isEmptySelector(selector) && !selectorMatches(selector, labels)) {
    check.invalid(`${path}.metadata.labels`, labels, MISMATCH);
  }
  checkPodTemplateSpec(check, path, template, options.stored);
  if (template?.spec?.restartPolicy !== 'Always') {
    check.notSupported(`${path}.spec.restartPolicy`, template?.spec?.restartPolicy ?? '', ['Always']);
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    check.forbidden(
      `${path}.spec.activeDeadlineSeconds`,
      `activeDeadlineSeconds in ${options.owner} is not Supported`,
    );
  }
}

function checkDeploymentStrategy(
  check: Check,
  path: Path,
  strategy: apps.DeploymentStrategy | undefined,
): void {
  const rolling = strategy?.rollingUpdate;
  if (strategy?.type === 'Recreate') {
    if (rolling !== undefined) {
      check.forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'");
    }
    return;
  }
  if (strategy?.type !== 'RollingUpdate') {
    return check.notSupported(path, strategy ?? {}, ['Recreate', 'RollingUpdate']);
  }
  if (rolling === undefined) {
    return check.required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil');
  }
  const { maxUnavailable = 0, maxSurge = 0 } = rolling;
  checkIntOrPercent(check, `${path}.rollingUpdate.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(check, `${path}.rollingUpdate.maxSurge`, maxSurge);
  if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0) {
    check.invalid(
      `${path}.rollingUpdate.maxUnavailable`,
      maxUnavailable,
      'may not be 0 when `maxSurge` is 0',
    );
  }
  checkAtMost100Percent(check, `${path}.rollingUpdate.maxUnavailable`, maxUnavailable);
}

function checkDeploymentSpec(
  check: Check,
  spec: apps.DeploymentSpec | undefined,
  old?: apps.DeploymentSpec,
): void {
  check.nonNegative('spec.replicas', spec?.replicas);
  checkSelector(check, 'spec.selector', spec?.selector, 'empty selector is invalid for deployment');
  checkOwnedTemplate(check, 'spec.template', spec?.template, spec?.selector, {
    owner: 'ReplicaSet',
    stored: old?.template,
  });
  checkDeploymentStrategy(check, 'spec.strategy', spec?.strategy);
  check.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  check.nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit);
  const deadline = spec?.progressDeadlineSeconds;
  if (deadline === undefined) return;
  check.nonNegative('spec.progressDeadlineSeconds', deadline);
  if (deadline <= (spec?.minReadySeconds ?? 0)) {
    check.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
  }
}

export function validateDeployment(deployment: apps.Deployment): Errors {
  const check = new Check();
  checkObjectMeta(check, deployment.metadata, SUBDOMAIN);
  checkDeploymentSpec(check, deployment.spec);
  return check.errors;
}

/** The selector is immutable in apps/v1. */
export function validateDeploymentUpdate(deployment: apps.Deployment, old: apps.Deployment): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, deployment.metadata, old.metadata);
  checkDeploymentSpec(check, deployment.spec, old.spec);
  check.immutable('spec.selector', deployment.spec?.selector, old.spec?.selector);
  return check.errors;
}

type Counts = Record<string, number | undefined>;

/** Counts are not negative, and the parts not above the whole. */
export function checkCounts(check: Check, status: Counts, fields: string[], bounded: string[]): void {
  for (const field of fields) check.nonNegative(`status.${field}`, status[field]);
  const replicas = status['replicas'] ?? 0;
  for (const field of bounded) {
    if ((status[field] ?? 0) > replicas) {
      check.invalid(`status.${field}`, status[field], 'cannot be greater than status.replicas');
    }
  }
  if ((status['availableReplicas'] ?? 0) > (status['readyReplicas'] ?? 0)) {
    check.invalid(
      'status.availableReplicas',
      status['availableReplicas'],
      'cannot be greater than readyReplicas',
    );
  }
}

/** The counter that makes names unique only grows. */
export function checkCollisions(check: Check, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now ?? -1) < before) {
    check.invalid('status.collisionCount', now ?? 0, 'cannot be decremented');
  }
}

/** A status as its counts. */
export function countsOf(status: object | undefined): Counts {
  return (status ?? {}) as Counts;
}

export function validateDeploymentStatusUpdate(deployment: apps.Deployment, old: apps.Deployment): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, deployment.metadata, old.metadata);
  const fields = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas'];
  const more = ['unavailableReplicas', 'terminatingReplicas', 'collisionCount'];
  checkCounts(check, countsOf(deployment.status), [...fields, ...more], fields.slice(2));
  checkCollisions(check, deployment.status?.collisionCount, old.status?.collisionCount);
  return check.errors;
}

function checkReplicaSetSpec(
  check: Check,
  spec: apps.ReplicaSetSpec | undefined,
  old?: apps.ReplicaSetSpec,
): void {
  check.nonNegative('spec.replicas', spec?.replicas);
  check.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  checkSelector(check, 'spec.selector', spec?.selector, 'empty selector is invalid for deployment');
  checkOwnedTemplate(check, 'spec.template', spec?.template, spec?.selector, {
    owner: 'ReplicaSet',
    stored: old?.template,
  });
}

export function validateReplicaSet(set: apps.ReplicaSet): Errors {
  const check = new Check();
  checkObjectMeta(check, set.metadata, SUBDOMAIN);
  checkReplicaSetSpec(check, set.spec);
  return check.errors;
}

export function validateReplicaSetUpdate(set: apps.ReplicaSet, old: apps.ReplicaSet): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, set.metadata, old.metadata);
  checkReplicaSetSpec(check, set.spec, old.spec);
  check.immutable('spec.selector', set.spec?.selector, old.spec?.selector);
  return check.errors;
}

const REPLICA_COUNTS = [
  'replicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'availableReplicas',
  'observedGeneration',
];

/** Status of ReplicaSets and ReplicationControllers. */
export function validateReplicaStatusUpdate(
  object: { metadata: meta.ObjectMeta; status?: object },
  old: { metadata: meta.ObjectMeta },
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, object.metadata, old.metadata);
  checkCounts(check, countsOf(object.status), REPLICA_COUNTS, REPLICA_COUNTS.slice(1, 4));
  return check.errors;
}

function checkControllerSpec(
  check: Check,
  spec: core.ReplicationControllerSpec | undefined,
  old?: core.ReplicationControllerSpec,
): void {
  check.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  const matchLabels = spec?.selector ?? {};
  if (Object.keys(matchLabels).length === 0) check.required('spec.selector');
  check.nonNegative('spec.replicas', spec?.replicas);
  if (spec?.template === undefined) return check.required('spec.template');
  checkOwnedTemplate(
    check,
    'spec.template',
    spec.template,
    { matchLabels },
    {
      owner: 'ReplicationController',
      stored: old?.template,
    },
  );
}

export function validateReplicationController(controller: core.ReplicationController): Errors {
  const check = new Check();
  checkObjectMeta(check, controller.metadata, SUBDOMAIN);
  checkControllerSpec(check, controller.spec);
  return check.errors;
}

export function validateReplicationControllerUpdate(
  controller: core.ReplicationController,
  old: core.ReplicationController,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, controller.metadata, old.metadata);
  checkControllerSpec(check, controller.spec, old.spec);
  return check.errors;
}

export function validateControllerRevision(revision: apps.ControllerRevision): Errors {
  const check = new Check();
  checkObjectMeta(check, revision.metadata, SUBDOMAIN);
  if (revision.data === undefined) check.required('data', 'data is mandatory');
  check.nonNegative('revision', revision.revision);
  return check.errors;
}

export function validateControllerRevisionUpdate(
  revision: apps.ControllerRevision,
  old: apps.ControllerRevision,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, revision.metadata, old.metadata);
  check.errors.push(...validateControllerRevision(revision));
  check.immutable('data', revision.data, old.data);
  return check.errors;
}

export function validatePodTemplate(template: core.PodTemplate): Errors {
  const check = new Check();
  checkObjectMeta(check, template.metadata, SUBDOMAIN);
  checkPodTemplateSpec(check, 'template', template.template);
  return check.errors;
}
