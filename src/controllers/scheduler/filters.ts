import type { core } from '#api';
import { matchesNodeSelection } from '../common/node-selection.js';
import { tolerates, untolerated } from '../common/tolerations.js';
import type { HostPort, NodeState, PodInfo } from './cluster-state.js';

/** Why a Pod does not fit on a node, in upstream's words; empty when it does. */
export type Filter = (info: PodInfo, state: NodeState) => string[];

const UNSCHEDULABLE: core.Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Filters that look at one node alone, in upstream's order. The first that objects decides. */
export const nodeFilters: Filter[] = [unschedulable, taints, nodeAffinity, ports, resources];

function unschedulable({ pod }: PodInfo, { node }: NodeState): string[] {
  if (node!.spec?.unschedulable !== true) return [];
  const tolerated = (pod.spec?.tolerations ?? []).some((t) => tolerates(t, UNSCHEDULABLE));
  return tolerated ? [] : ['node(s) were unschedulable'];
}

function taints({ pod }: PodInfo, { node }: NodeState): string[] {
  const taint = untolerated(pod.spec?.tolerations, node!.spec?.taints, ['NoSchedule', 'NoExecute']);
  return taint === undefined ? [] : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`];
}

function nodeAffinity({ pod }: PodInfo, { node }: NodeState): string[] {
  return matchesNodeSelection(pod, node!) ? [] : ["node(s) didn't match Pod's node affinity/selector"];
}

function ports({ hostPorts }: PodInfo, state: NodeState): string[] {
  if (hostPorts.length === 0) return [];
  for (const other of state.pods.values())
    if (other.hostPorts.some((used) => hostPorts.some((wanted) => conflict(used, wanted))))
      return ["node(s) didn't have free ports for the requested pod ports"];
  return [];
}

/** Same port and protocol, and one of the two wants all addresses or both want the same. */
function conflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return isAny(a.ip) || isAny(b.ip) || a.ip === b.ip;
}
function isAny(ip: string): boolean {
  return ip === '' || ip === '0.0.0.0';
}

function resources({ requests }: PodInfo, state: NodeState): string[] {
  const reasons: string[] = [];
  const maxPods = state.allocatable.get('pods');
  if (maxPods !== undefined && state.pods.size + 1 > maxPods) reasons.push('Too many pods');
  for (const [name, wanted] of requests) {
    if (wanted === 0) continue;
    const free = (state.allocatable.get(name) ?? 0) - (state.requested.get(name) ?? 0);
    if (wanted > free) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}
