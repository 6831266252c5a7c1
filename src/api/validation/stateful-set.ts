import type { apps } from '../types/index.js';
import { Check, semanticEqual } from './field-error.js';
import { nameIsDnsLabel } from './formats.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkCollisions, checkCounts, checkOwnedTemplate, checkSelector, countsOf } from './workloads.js';

type Errors = Check['errors'];

function checkStatefulSetStrategy(check: Check, spec: apps.StatefulSetSpec | undefined): void {
  const policy = spec?.podManagementPolicy ?? '';
  if (policy === '') check.required('spec.podManagementPolicy');
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    check.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  }
  const path = 'spec.updateStrategy';
  const strategy = spec?.updateStrategy;
  const rolling = strategy?.rollingUpdate;
  if ((strategy?.type ?? '') === '') check.required(path);
  else if (strategy!.type === 'OnDelete') {
    if (rolling !== undefined) {
      check.invalid(`${path}.rollingUpdate`, rolling, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (strategy!.type === 'RollingUpdate') {
    check.nonNegative(`${path}.rollingUpdate.partition`, rolling?.partition);
  } else check.invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'");
}

function checkStatefulSetSpec(
  check: Check,
  spec: apps.StatefulSetSpec | undefined,
  old?: apps.StatefulSetSpec,
): void {
  checkStatefulSetStrategy(check, spec);
  check.nonNegative('spec.replicas', spec?.replicas);
  check.nonNegative('spec.minReadySeconds', spec?.minReadySeconds);
  check.nonNegative('spec.ordinals.start', spec?.ordinals?.start);
  checkSelector(check, 'spec.selector', spec?.selector, 'empty selector is invalid for statefulset');
  const claims = (spec?.volumeClaimTemplates ?? []).map((claim) => ({
    name: claim.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claim.metadata?.name ?? '' },
  }));
  const template = spec?.template;
  // Claims become volumes of the pods; mounts may name them.
  const claimNames = new Set(claims.map((claim) => claim.name));
  const volumes = [
    ...(template?.spec?.volumes ?? []).filter((volume) => !claimNames.has(volume.name)),
    ...claims,
  ];
  const whole =
    template?.spec === undefined ? template : { ...template, spec: { ...template.spec, volumes } };
  checkOwnedTemplate(check, 'spec.template', whole, spec?.selector, {
    owner: 'StatefulSet',
    stored: old?.template,
  });
}

/** Pod names, and so hostnames, derive from the set's name: it must be a label. */
export function validateStatefulSet(set: apps.StatefulSet): Errors {
  const check = new Check();
  checkObjectMeta(check, set.metadata, { namespaced: true, name: nameIsDnsLabel });
  checkStatefulSetSpec(check, set.spec);
  return check.errors;
}

const STATEFUL_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export function validateStatefulSetUpdate(set: apps.StatefulSet, old: apps.StatefulSet): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, set.metadata, old.metadata);
  checkStatefulSetSpec(check, set.spec, old.spec);
  const masked: Record<string, unknown> = { ...set.spec };
  for (const field of STATEFUL_MUTABLE) masked[field] = old.spec?.[field];
  if (!semanticEqual(masked, old.spec)) {
    check.forbidden(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    );
  }
  return check.errors;
}

const STATEFUL_COUNTS = [
  'replicas',
  'readyReplicas',
  'currentReplicas',
  'updatedReplicas',
  'availableReplicas',
];

export function validateStatefulSetStatusUpdate(set: apps.StatefulSet, old: apps.StatefulSet): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, set.metadata, old.metadata);
  const fields = [...STATEFUL_COUNTS, 'observedGeneration', 'collisionCount'];
  checkCounts(check, countsOf(set.status), fields, STATEFUL_COUNTS.slice(1));
  checkCollisions(check, set.status?.collisionCount, old.status?.collisionCount);
  return check.errors;
}
