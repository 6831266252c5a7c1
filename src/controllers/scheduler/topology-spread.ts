import { compileSelector, type core, type LabelMatcher } from '#api';
import { count } from '../common/maps.js';
import { matchesNodeSelection } from '../common/node-selection.js';
import { untolerated } from '../common/tolerations.js';
import type { NodeState } from './cluster-state.js';

interface Constraint {
  maxSkew: number;
  topologyKey: string;
  minDomains: number;
  matches: LabelMatcher;
  /** 1 when the Pod itself counts. */
  self: number;
  /** Matching Pods per domain, over the nodes that are eligible. */
  counts: Map<string, number>;
}

/** Hard topology spread constraints of one Pod (plugins/podtopologyspread), counted once, asked per node. */
export class TopologySpread {
  readonly #constraints: Constraint[];

  constructor(pod: core.Pod, nodes: NodeState[]) {
    const hard = (pod.spec?.topologySpreadConstraints ?? []).filter(
      (c) => c.whenUnsatisfiable === 'DoNotSchedule',
    );
    const keys = hard.map((constraint) => constraint.topologyKey);
    this.#constraints = hard.map((constraint) => compile(pod, constraint, nodes, keys));
  }

  /** Reasons against a node. */
  filter(state: NodeState): string[] {
    const labels = state.node!.metadata.labels ?? {};
    for (const { topologyKey, maxSkew, minDomains, self, counts } of this.#constraints) {
      const domain = labels[topologyKey];
      if (domain === undefined)
        return ["node(s) didn't match pod topology spread constraints (missing required label)"];
      const minimum = counts.size < minDomains ? 0 : Math.min(...counts.values());
      if ((counts.get(domain) ?? 0) + self - (Number.isFinite(minimum) ? minimum : 0) > maxSkew)
        return ["node(s) didn't match pod topology spread constraints"];
    }
    return [];
  }
}

function compile(
  pod: core.Pod,
  constraint: core.TopologySpreadConstraint,
  nodes: NodeState[],
  allKeys: string[],
): Constraint {
  const matches = spreadMatcher(pod, constraint);
  const counts = new Map<string, number>();
  for (const state of nodes) {
    const labels = state.node?.metadata.labels ?? {};
    if (allKeys.some((key) => labels[key] === undefined) || !isEligible(pod, constraint, state.node!))
      continue;
    count(counts, labels[constraint.topologyKey]!, countMatching(pod, matches, state));
  }
  return {
    maxSkew: constraint.maxSkew,
    topologyKey: constraint.topologyKey,
    minDomains: constraint.minDomains ?? 1,
    matches,
    self: matches(pod.metadata.labels) ? 1 : 0,
    counts,
  };
}

/** The constraint's selector with the Pod's own values of matchLabelKeys. */
export function spreadMatcher(pod: core.Pod, constraint: core.TopologySpreadConstraint): LabelMatcher {
  const selector = compileSelector(constraint.labelSelector);
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => pod.metadata.labels?.[key] !== undefined);
  return (labels) => selector(labels) && keys.every((key) => labels?.[key] === pod.metadata.labels![key]);
}

/** Pods of the same namespace that match and are not on their way out. */
export function countMatching(pod: core.Pod, matches: LabelMatcher, state: NodeState): number {
  let matching = 0;
  for (const { pod: other } of state.pods.values()) {
    if (other.metadata.namespace !== pod.metadata.namespace) continue;
    if (other.metadata.deletionTimestamp === undefined && matches(other.metadata.labels)) matching++;
  }
  return matching;
}

function isEligible(pod: core.Pod, constraint: core.TopologySpreadConstraint, node: core.Node): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesNodeSelection(pod, node))
    return false;
  if (constraint.nodeTaintsPolicy !== 'Honor') return true;
  return untolerated(pod.spec?.tolerations, node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined;
}
