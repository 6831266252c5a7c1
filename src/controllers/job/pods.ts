import type { batch, core } from '#api';
import { isPodTerminal } from '../common/pods.js';
import { parseTime } from '../common/time.js';

/** Keeps a Pod until the Job's status has counted it. */
export const TRACKING = 'batch.kubernetes.io/job-tracking';
const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

export function isIndexed({ spec }: batch.Job): boolean {
  return spec!.completionMode === 'Indexed';
}

/** The index of an indexed Job's Pod. */
export function indexOf({ metadata }: core.Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** The Job's template with the finalizer, and what an indexed Pod knows its index by. */
export function jobTemplate(job: batch.Job, index: number | undefined): core.PodTemplateSpec {
  const { template } = job.spec!;
  const metadata = {
    ...template.metadata,
    finalizers: [...(template.metadata?.finalizers ?? []), TRACKING],
  };
  if (index === undefined) return { ...template, metadata };
  const env = {
    name: 'JOB_COMPLETION_INDEX',
    valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } },
  };
  const knowing = (container: core.Container): core.Container => ({
    ...container,
    env: [...(container.env ?? []), env],
  });
  const spec = template.spec!;
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, [COMPLETION_INDEX]: String(index) },
      annotations: { ...metadata.annotations, [COMPLETION_INDEX]: String(index) },
    },
    spec: {
      ...spec,
      hostname: `${job.metadata.name}-${index}`,
      containers: spec.containers.map(knowing),
      ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(knowing) }),
    },
  };
}

export function isTracked({ metadata }: core.Pod): boolean {
  return metadata.finalizers?.includes(TRACKING) ?? false;
}

/** Pods that only failed ones replace count as failed when they have; else already when they are being deleted. */
export function isFailed(pod: core.Pod, job: batch.Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (replacesFailedOnly(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

export function replacesFailedOnly({ spec }: batch.Job): boolean {
  return spec!.podReplacementPolicy === 'Failed' || spec!.podFailurePolicy !== undefined;
}

export function isTerminating(pod: core.Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod);
}

/** When the Pod's containers ended; its deletion or last condition where that is not known. */
export function finishedAt({ metadata, status }: core.Pod): number {
  const ends = (status?.containerStatuses ?? []).map((each) => parseTime(each.state?.terminated?.finishedAt));
  const latest = Math.max(0, ...ends);
  if (latest > 0) return latest;
  const conditions = (status?.conditions ?? []).map((each) => parseTime(each.lastTransitionTime));
  return Math.max(
    parseTime(metadata.deletionTimestamp),
    parseTime(metadata.creationTimestamp),
    ...conditions,
  );
}

/** What the failure policy says of a failed Pod: the first rule that matches; undefined counts the failure. */
export function failurePolicy(
  pod: core.Pod,
  policy: batch.PodFailurePolicy | undefined,
): { action: string; message: string } | undefined {
  for (const [i, rule] of (policy?.rules ?? []).entries()) {
    const found = matchesRule(pod, rule);
    if (found === undefined) continue;
    const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
    return {
      action: rule.action,
      message: `${found.replace('%s', name)} matching ${rule.action} rule at index ${i}`,
    };
  }
  return undefined;
}

function matchesRule(pod: core.Pod, rule: batch.PodFailurePolicyRule): string | undefined {
  const codes = rule.onExitCodes;
  if (codes !== undefined) {
    const all = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const found = all.find((each) => {
      const code = each.state?.terminated?.exitCode;
      if (code === undefined || code === 0) return false;
      if (codes.containerName !== undefined && codes.containerName !== each.name) return false;
      return codes.values.includes(code) === (codes.operator === 'In');
    });
    return (
      found && `Container ${found.name} for pod %s failed with exit code ${found.state!.terminated!.exitCode}`
    );
  }
  for (const pattern of rule.onPodConditions ?? []) {
    const found = pod.status?.conditions?.find(
      (each) => each.type === pattern.type && each.status === (pattern.status ?? 'True'),
    );
    if (found !== undefined) return `Pod %s has condition ${found.type}`;
  }
  return undefined;
}
