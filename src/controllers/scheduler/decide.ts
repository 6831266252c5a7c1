import { count } from '../common/maps.js';
import type { NodeState, PodInfo } from './cluster-state.js';
import { nodeFilters } from './filters.js';
import { type NamespaceLabels, PodAffinity } from './pod-affinity.js';
import { bestNode } from './scores.js';
import { TopologySpread } from './topology-spread.js';

export type Decision = { node: string } | { node: undefined; message: string };

/** Picks a node for a Pod, or says in upstream's words why there is none. Pure. */
export function decide(
  info: PodInfo,
  nodes: NodeState[],
  namespaces: NamespaceLabels,
  random?: () => number,
): Decision {
  if (nodes.length === 0) return { node: undefined, message: 'no nodes available to schedule pods' };
  const spread = new TopologySpread(info.pod, nodes);
  const affinity = new PodAffinity(info.pod, nodes, namespaces);
  const filters = [
    ...nodeFilters,
    (_: PodInfo, state: NodeState) => spread.filter(state),
    (_: PodInfo, state: NodeState) => affinity.filter(state),
  ];
  const fitting: NodeState[] = [];
  const reasons = new Map<string, number>();
  for (const state of nodes) {
    const against = firstObjection(filters, info, state);
    if (against.length === 0) fitting.push(state);
    else for (const reason of against) count(reasons, reason);
  }
  const best = bestNode(info, fitting, nodes, namespaces, random);
  if (best !== undefined) return { node: best.name };
  const listed = [...reasons].map(([reason, n]) => `${n} ${reason}`).sort();
  return { node: undefined, message: `0/${nodes.length} nodes are available: ${listed.join(', ')}.` };
}

function firstObjection(
  filters: ((info: PodInfo, state: NodeState) => string[])[],
  info: PodInfo,
  state: NodeState,
): string[] {
  for (const filter of filters) {
    const against = filter(info, state);
    if (against.length > 0) return against;
  }
  return [];
}
