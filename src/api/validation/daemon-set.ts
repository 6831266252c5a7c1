import type { apps } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { nameIsDnsSubdomain } from './formats.js';
import { checkAtMost100Percent, checkIntOrPercent, intOrPercentValue } from './int-or-percent.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkCollisions, checkCounts, checkOwnedTemplate, checkSelector, countsOf } from './workloads.js';

type Errors = Check['errors'];

const SUBDOMAIN = { namespaced: true, name: nameIsDnsSubdomain };

function checkDaemonSetStrategy(
  check: Check,
  path: Path,
  strategy: apps.DaemonSetUpdateStrategy | undefined,
): void {
  if (strategy?.type === 'OnDelete') return;
  if (strategy?.type !== 'RollingUpdate') {
    return check.notSupported(path, strategy ?? {}, ['RollingUpdate', 'OnDelete']);
  }
  const rolling = strategy.rollingUpdate;
  if (rolling === undefined) return check.required(`${path}.rollingUpdate`);
  const at = `${path}.rollingUpdate`;
  const { maxUnavailable = 0, maxSurge = 0 } = rolling;
  checkIntOrPercent(check, `${at}.maxUnavailable`, maxUnavailable);
  checkAtMost100Percent(check, `${at}.maxUnavailable`, maxUnavailable);
  checkIntOrPercent(check, `${at}.maxSurge`, maxSurge);
  checkAtMost100Percent(check, `${at}.maxSurge`, maxSurge);
  const unavailable = intOrPercentValue(maxUnavailable) !== 0;
  const surge = intOrPercentValue(maxSurge) !== 0;
  if (unavailable && surge) {
    check.invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero');
  } else if (!unavailable && !surge) {
    check.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0');
  }
}

function checkDaemonSetSpec(
  check: Check,
  spec: apps.DaemonSetSpec | undefined,
  old?: apps.DaemonSetSpec,
): void {
  checkSelector(check, 'spec.selector', spec?.selector, 'empty selector is invalid for daemonset');
  checkOwnedTemplate(check, 'spec.template', spec?.template, spec?.selector, {
    owner: 'DaemonSet',
    stored: old?.template,
  });
  check.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  checkDaemonSetStrategy(check, 'spec.updateStrategy', spec?.updateStrategy);
  check.nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit);
}

export function validateDaemonSet(set: apps.DaemonSet): Errors {
  const check = new Check();
  checkObjectMeta(check, set.metadata, SUBDOMAIN);
  checkDaemonSetSpec(check, set.spec);
  return check.errors;
}

export function validateDaemonSetUpdate(set: apps.DaemonSet, old: apps.DaemonSet): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, set.metadata, old.metadata);
  checkDaemonSetSpec(check, set.spec, old.spec);
  check.immutable('spec.selector', set.spec?.selector, old.spec?.selector);
  return check.errors;
}

const DAEMON_COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
];

export function validateDaemonSetStatusUpdate(set: apps.DaemonSet, old: apps.DaemonSet): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, set.metadata, old.metadata);
  checkCounts(check, countsOf(set.status), DAEMON_COUNTS, []);
  checkCollisions(check, set.status?.collisionCount, old.status?.collisionCount);
  return check.errors;
}
