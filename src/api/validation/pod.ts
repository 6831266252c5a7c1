import type { core } from '../types/index.js';
import { describeDifference } from './difference.js';
import { Check, type Path, semanticEqual } from './field-error.js';
import { nameIsDnsSubdomain, qualifiedName, rangeError } from './formats.js';
import { checkLegacyIp, ipFamilyOf } from './ip-formats.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkPodSpec } from './pod-spec.js';
import { checkTolerations } from './scheduling.js';

const MAX_INT32 = 2 ** 31 - 1;
const MIRROR = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const WHITESPACE = 'must not have leading or trailing whitespace';
const NO_SPEC: core.PodSpec = { containers: [] };

const MUTABLE_FIELDS = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
];

function checkPodAnnotations(check: Check, pod: core.Pod): void {
  const annotations = pod.metadata.annotations ?? {};
  const path = 'metadata.annotations';
  if (annotations[MIRROR] !== undefined && (pod.spec?.nodeName ?? '') === '') {
    check.invalid(
      `${path}[${MIRROR}]`,
      annotations[MIRROR],
      'must set spec.nodeName if mirror pod annotation is set',
    );
  }
  const cost = annotations[DELETION_COST];
  if (cost === undefined) return;
  const valid = /^(0|-?[1-9]\d{0,9})$/.test(cost) && Math.abs(Number(cost)) <= MAX_INT32;
  if (!valid) check.invalid(`${path}[${DELETION_COST}]`, cost, 'must be a 32bit integer');
}

function checkPod(check: Check, pod: core.Pod, old?: core.Pod): void {
  const spec = pod.spec ?? NO_SPEC;
  checkObjectMeta(check, pod.metadata, { namespaced: true, name: nameIsDnsSubdomain });
  checkPodAnnotations(check, pod);
  checkPodSpec(check, 'spec', spec, { isPod: true, stored: old?.spec });
  if ((spec.serviceAccountName ?? '') === '') {
    (spec.volumes ?? []).forEach((volume, v) => {
      (volume.projected?.sources ?? []).forEach((source, s) => {
        if (source.serviceAccountToken === undefined) return;
        check.forbidden(
          `spec.volumes[${v}].projected.sources[${s}].serviceAccountToken`,
          'must not be specified when serviceAccountName is not set',
        );
      });
    });
  }
  for (const list of ['containers', 'initContainers'] as const) {
    (spec[list] ?? []).forEach((container, i) => {
      const image = container.image ?? '';
      if (image !== image.trim()) check.invalid(`spec.${list}[${i}].image`, image, WHITESPACE);
    });
  }
}

/** Upstream's ValidatePodCreate. */
export function validatePod(pod: core.Pod): Check['errors'] {
  const check = new Check();
  checkPod(check, pod);
  const spec = pod.spec ?? NO_SPEC;
  if ((spec.ephemeralContainers ?? []).length > 0) {
    check.forbidden('spec.ephemeralContainers', 'cannot be set on create');
  }
  if ((spec.nodeName ?? '') !== '' && (spec.schedulingGates ?? []).length > 0) {
    check.forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared');
  }
  return check.errors;
}

function checkMirrorUpdate(check: Check, pod: core.Pod, old: core.Pod): void {
  const now = pod.metadata.annotations?.[MIRROR];
  const before = old.metadata.annotations?.[MIRROR];
  if (now === before) return;
  const path = `metadata.annotations[${MIRROR}]`;
  if (before === undefined) check.forbidden(path, 'may not add mirror pod annotation');
  else check.forbidden(path, 'may not remove or update mirror pod annotation');
}

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

function checkStateTransitions(
  check: Check,
  path: Path,
  now: core.ContainerStatus[] = [],
  before: core.ContainerStatus[] = [],
  mayRestart: (status: core.ContainerStatus) => boolean,
): void {
  before.forEach((old, i) => {
    if (old.state?.terminated === undefined || mayRestart(old)) return;
    for (const status of now) {
      if (status.name === old.name && status.state?.terminated === undefined) {
        check.forbidden(`${path}[${i}].state`, 'may not be transitioned to non-terminated state');
      }
    }
  });
}

function checkStatusIPs(check: Check, field: 'podIPs' | 'hostIPs', pod: core.Pod, old: core.Pod): void {
  const path = `status.${field}`;
  const entries = pod.status?.[field] ?? [];
  const stored = (old.status?.[field] ?? []).map((entry) => entry.ip);
  if (field === 'hostIPs' && entries.length > 0 && pod.status?.hostIP !== entries[0]!.ip) {
    check.invalid(`${path}[0].ip`, entries[0]!.ip, 'must be equal to `hostIP`');
  }
  entries.forEach((entry, i) => {
    checkLegacyIp(check, `${path}[${i}]`, entry.ip ?? '', stored);
  });
  if (entries.length < 2) return;
  const families = new Set(entries.map((entry) => ipFamilyOf(entry.ip)));
  if (families.size < 2 || entries.length > 2) {
    check.invalid(path, entries, 'may specify no more than one IP for each IP family');
  }
  const seen = new Set<string>();
  entries.forEach((entry, i) => {
    if (seen.has(entry.ip)) check.duplicate(`${path}[${i}]`, entry);
    seen.add(entry.ip);
  });
}

/** Upstream's ValidatePodStatusUpdate. */
export function validatePodStatusUpdate(pod: core.Pod, old: core.Pod): Check['errors'] {
  const check = new Check();
  const status = pod.status ?? {};
  const before = old.status ?? {};
  checkObjectMetaUpdate(check, pod.metadata, old.metadata);
  checkMirrorUpdate(check, pod, old);
  (status.conditions ?? []).forEach((condition, i) => {
    if (['PodScheduled', 'Ready', 'Initialized'].includes(condition.type)) return;
    check.invalidEach(
      `metadata.conditions[${i}].Type`,
      condition.type ?? '',
      qualifiedName(condition.type ?? ''),
    );
  });
  if ((pod.spec?.nodeName ?? '') !== (old.spec?.nodeName ?? '')) {
    check.forbidden('status.nodeName', 'may not be changed directly');
  }
  check.immutable('status.qosClass', status.qosClass ?? '', before.qosClass ?? '');
  const policy = old.spec?.restartPolicy;
  const sidecars = (old.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  const podRestarts = (one: core.ContainerStatus): boolean =>
    policy === 'Always' || (policy === 'OnFailure' && one.state?.terminated?.exitCode !== 0);
  checkStateTransitions(
    check,
    'status.containerStatuses',
    status.containerStatuses,
    before.containerStatuses,
    podRestarts,
  );
  checkStateTransitions(
    check,
    'status.initContainerStatuses',
    status.initContainerStatuses,
    before.initContainerStatuses,
    (one) => podRestarts(one) || sidecars.some((sidecar) => sidecar.name === one.name),
  );
  checkStateTransitions(
    check,
    'status.ephemeralContainerStatuses',
    status.ephemeralContainerStatuses,
    before.ephemeralContainerStatuses,
    () => false,
  );
  checkStatusIPs(check, 'podIPs', pod, old);
  checkStatusIPs(check, 'hostIPs', pod, old);
  return check.errors;
}
