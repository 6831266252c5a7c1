import type { core } from '../types/index.js';
import { Check } from './field-error.js';
import { nameIsDnsSubdomain } from './formats.js';
import { checkObjectMeta } from './object-meta.js';
import { checkPodSpec } from './pod-spec.js';

const MAX_INT32 = 2 ** 31 - 1;
/** Annotation of static pods. */
export const MIRROR = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
/** Images are names: blanks around them are mistakes. */
export const WHITESPACE = 'must not have leading or trailing whitespace';
/** Stands for a missing spec, so that its absence is reported field by field. */
export const NO_SPEC: core.PodSpec = { containers: [] };

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

/** A pod whole, as it is checked on create and on update. */
export function checkPod(check: Check, pod: core.Pod, old?: core.Pod): void {
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

/** Whether a pod is a static one cannot change. */
export function checkMirrorUpdate(check: Check, pod: core.Pod, old: core.Pod): void {
  const now = pod.metadata.annotations?.[MIRROR];
  const before = old.metadata.annotations?.[MIRROR];
  if (now === before) return;
  const path = `metadata.annotations[${MIRROR}]`;
  if (before === undefined) check.forbidden(path, 'may not add mirror pod annotation');
  else check.forbidden(path, 'may not remove or update mirror pod annotation');
}
