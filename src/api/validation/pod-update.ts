import type { core } from '../types/index.js';
import { describeDifference } from './difference.js';
import { Check, type Path, semanticEqual } from './field-error.js';
import { rangeError } from './formats.js';
import { checkObjectMetaUpdate } from './object-meta.js';
import { checkMirrorUpdate, checkPod, MIRROR, NO_SPEC, WHITESPACE } from './pod.js';
import { checkTolerations } from './scheduling.js';

const MAX_INT32 = 2 ** 31 - 1;
const MUTABLE_FIELDS = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
];

/** False when containers were added or removed: nothing else can be compared then. */
function checkContainerImages(
  check: Check,
  path: Path,
  now: core.Container[],
  before: core.Container[],
): boolean {
  if (now.length !== before.length) {
    check.forbidden(path, 'pod updates may not add or remove containers');
    return false;
  }
  now.forEach((container, i) => {
    const image = container.image ?? '';
    if (image === '') check.required(`${path}[${i}].image`);
    if (image !== image.trim()) check.invalid(`${path}[${i}].image`, image, WHITESPACE);
  });
  return true;
}

/** From nothing to a value, or to a smaller one; false stops the comparison, as upstream does. */
function checkDeadline(check: Check, spec: core.PodSpec, old: core.PodSpec): boolean {
  const path = 'spec.activeDeadlineSeconds';
  const now = spec.activeDeadlineSeconds;
  const before = old.activeDeadlineSeconds;
  if (now === undefined) {
    if (before !== undefined)
      check.invalid(path, now, 'must not update from a positive integer to nil value');
    return true;
  }
  if (now < 0 || now > MAX_INT32) {
    check.invalid(path, now, rangeError(0, MAX_INT32));
    return false;
  }
  if (before !== undefined && before < now) {
    check.invalid(path, now, 'must be less than or equal to previous value');
    return false;
  }
  return true;
}

function checkAddedTolerations(check: Check, spec: core.PodSpec, old: core.PodSpec): void {
  const path = 'spec.tolerations';
  const now = spec.tolerations ?? [];
  const kept = (old.tolerations ?? []).every((before) =>
    now.some((one) => semanticEqual({ ...before, tolerationSeconds: one.tolerationSeconds }, one)),
  );
  if (!kept) check.forbidden(path, 'existing toleration can not be modified except its tolerationSeconds');
  else checkTolerations(check, path, now);
}

function checkRemovedGates(check: Check, spec: core.PodSpec, old: core.PodSpec): void {
  const before = new Set((old.schedulingGates ?? []).map((gate) => gate.name));
  (spec.schedulingGates ?? []).forEach((gate, i) => {
    if (!before.has(gate.name)) {
      check.forbidden(
        `spec.schedulingGates[${i}].name`,
        `only deletion is allowed, but found new scheduling gate '${gate.name}'`,
      );
    }
  });
}

function withImagesOf(now: core.Container[] = [], before: core.Container[] = []): core.Container[] {
  return now.map((container, i) => ({ ...container, image: before[i]?.image }));
}

function isAdded(now: Record<string, string>, before: Record<string, string>): boolean {
  return Object.entries(before).every(([key, value]) => now[key] === value);
}

/** Gated pods may narrow where they run: more node selector entries, more node affinity requirements. */
function checkGatedPod(check: Check, masked: core.PodSpec, old: core.PodSpec): void {
  if ((old.schedulingGates ?? []).length === 0) return;
  if (!isAdded(masked.nodeSelector ?? {}, old.nodeSelector ?? {})) {
    check.invalid(
      'spec.nodeSelector',
      masked.nodeSelector,
      'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    );
  }
  masked.nodeSelector = old.nodeSelector;
  const before =
    old.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const now =
    masked.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  if (before.length > 0 && before.length !== now.length) {
    check.invalid(path, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
  } else {
    before.forEach((term, i) => {
      if (!onlyAdds(now[i]!, term)) {
        check.invalid(`${path}[${i}]`, now[i], 'only additions are allowed (no mutations or deletions)');
      }
    });
  }
  if (masked.affinity !== undefined || old.affinity?.nodeAffinity !== undefined) {
    masked.affinity = { ...masked.affinity, nodeAffinity: old.affinity?.nodeAffinity };
  }
}

function onlyAdds(now: core.NodeSelectorTerm, before: core.NodeSelectorTerm): boolean {
  const { matchExpressions = [], matchFields = [] } = before;
  const nowExpressions = now.matchExpressions ?? [];
  const nowFields = now.matchFields ?? [];
  if (matchExpressions.length + matchFields.length === 0)
    return nowExpressions.length + nowFields.length === 0;
  return (
    semanticEqual(nowExpressions.slice(0, matchExpressions.length), matchExpressions) &&
    semanticEqual(nowFields.slice(0, matchFields.length), matchFields)
  );
}

function checkImmutableSpec(check: Check, spec: core.PodSpec, old: core.PodSpec): void {
  const masked: core.PodSpec = {
    ...spec,
    containers: withImagesOf(spec.containers, old.containers),
    initContainers: withImagesOf(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    masked.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  checkGatedPod(check, masked, old);
  if (semanticEqual(masked, old)) return;
  const difference = describeDifference('core.PodSpec', old, masked);
  check.forbidden(
    'spec',
    `pod updates may not change fields other than ${MUTABLE_FIELDS.join(',')}\n${difference}`,
  );
}

/** Upstream's ValidatePodUpdate: images, deadline, added tolerations, removed gates; nothing else of the spec. */
export function validatePodUpdate(pod: core.Pod, old: core.Pod): Check['errors'] {
  const check = new Check();
  const spec = pod.spec ?? NO_SPEC;
  const before = old.spec ?? NO_SPEC;
  checkObjectMetaUpdate(check, pod.metadata, old.metadata);
  checkPod(check, pod, old);
  checkMirrorUpdate(check, pod, old);
  const comparable =
    checkContainerImages(check, 'spec.containers', spec.containers ?? [], before.containers ?? []) &&
    checkContainerImages(
      check,
      'spec.initContainers',
      spec.initContainers ?? [],
      before.initContainers ?? [],
    ) &&
    checkDeadline(check, spec, before);
  if (!comparable) return check.errors;
  checkAddedTolerations(check, spec, before);
  checkRemovedGates(check, spec, before);
  checkImmutableSpec(check, spec, before);
  return check.errors;
}

/** Upstream's ValidatePodEphemeralContainersUpdate: only additions. */
export function validateEphemeralContainersUpdate(pod: core.Pod, old: core.Pod): Check['errors'] {
  const check = new Check();
  checkObjectMetaUpdate(check, pod.metadata, old.metadata);
  checkPod(check, pod, old);
  checkMirrorUpdate(check, pod, old);
  if (old.metadata.annotations?.[MIRROR] !== undefined) {
    const only = new Check();
    only.forbidden('', 'static pods do not support ephemeral containers');
    return only.errors;
  }
  const now = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const before of old.spec?.ephemeralContainers ?? []) {
    const same = now.get(before.name);
    const what = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (same === undefined) check.forbidden('spec.ephemeralContainers', `${what} may not be removed\n`);
    else if (!semanticEqual(before, same)) {
      const difference = describeDifference('core.EphemeralContainer', before, same);
      check.forbidden('spec.ephemeralContainers', `${what} may not be changed\n${difference}`);
    }
  }
  return check.errors;
}
