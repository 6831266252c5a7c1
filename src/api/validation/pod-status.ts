import type { core } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { qualifiedName } from './formats.js';
import { checkLegacyIp, ipFamilyOf } from './ip-formats.js';
import { checkObjectMetaUpdate } from './object-meta.js';
import { checkMirrorUpdate } from './pod.js';

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
