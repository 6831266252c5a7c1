import type { core } from '#api';
import { untolerated } from '../common/tolerations.js';

/** Tolerations that every daemon Pod gets (daemon/util.AddOrUpdateDaemonPodTolerations). */
const ALWAYS: core.Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const HOST_NETWORK: core.Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** The template as it is for daemon Pods: it tolerates what a node agent has to live with. */
export function daemonTemplate(template: core.PodTemplateSpec): core.PodTemplateSpec {
  const added = template.spec?.hostNetwork === true ? [...ALWAYS, HOST_NETWORK] : ALWAYS;
  const own = (template.spec?.tolerations ?? []).filter(
    (toleration) =>
      !added.some((other) => other.key === toleration.key && other.effect === toleration.effect),
  );
  return { ...template, spec: { ...template.spec!, tolerations: [...own, ...added] } };
}

/** Whether the node wants a daemon Pod, and whether one that is there may go on. */
export function daemonFits(
  template: core.PodTemplateSpec,
  node: core.Node,
  matchesSelection: (node: core.Node) => boolean,
): { shouldRun: boolean; mayStay: boolean } {
  const spec = template.spec!;
  const misplaced = (spec.nodeName ?? '') !== '' && spec.nodeName !== node.metadata.name;
  if (misplaced || !matchesSelection(node)) return { shouldRun: false, mayStay: false };
  const taints = node.spec?.taints;
  return {
    shouldRun: untolerated(spec.tolerations, taints, ['NoSchedule', 'NoExecute']) === undefined,
    mayStay: untolerated(spec.tolerations, taints, ['NoExecute']) === undefined,
  };
}

/** Ties a Pod to its node through the scheduler: required affinity on metadata.name, other terms kept. */
export function pinToNode(spec: core.PodSpec, node: string): core.PodSpec {
  const affinity = spec.affinity?.nodeAffinity;
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [node] }];
  const terms = required?.nodeSelectorTerms ?? [];
  // Upstream replaces the terms: the controller has already decided that the node matches them.
  const nodeSelectorTerms = terms.length === 0 ? [{ matchFields }] : terms.map(() => ({ matchFields }));
  return {
    ...spec,
    affinity: {
      ...spec.affinity,
      nodeAffinity: {
        ...affinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: nodeSelectorTerms.slice(0, 1) },
      },
    },
  };
}

/** The node that a Pod runs on or is pinned to. */
export function nodeOf(pod: core.Pod): string {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const field = required?.nodeSelectorTerms[0]?.matchFields?.find((r) => r.key === 'metadata.name');
  return field?.values?.[0] ?? '';
}
