import type { core } from '#api';
import { matchesTerm } from '../common/node-selection.js';
import { controllerOf } from '../common/owners.js';
import { untolerated } from '../common/tolerations.js';
import type { NodeState, PodInfo } from './cluster-state.js';
import { compileTerm, type NamespaceLabels } from './pod-affinity.js';
import { countMatching, spreadMatcher } from './topology-spread.js';

/** What a container without requests is assumed to need, so that such Pods spread too (util/non_zero.go). */
const ASSUMED_CPU = 100;
const ASSUMED_MEMORY = 200 * 1024 * 1024;

/** How good a node is; any range, higher is better. Normalised to 0..100 over the nodes that fit. */
type Score = (state: NodeState) => number;

/** The node that suits best (upstream's default plugins and weights); undefined without candidates. */
export function bestNode(
  info: PodInfo,
  candidates: NodeState[],
  all: NodeState[],
  namespaces: NamespaceLabels,
  random: () => number = Math.random,
): NodeState | undefined {
  if (candidates.length < 2) return candidates[0];
  const totals = new Map(candidates.map((state) => [state, 0]));
  for (const { weight, score } of scores(info, all, namespaces)) {
    const raw = candidates.map(score);
    const low = Math.min(...raw);
    const range = Math.max(...raw) - low;
    if (range === 0) continue;
    for (const [i, state] of candidates.entries())
      totals.set(state, totals.get(state)! + (weight * 100 * (raw[i]! - low)) / range);
  }
  const best = Math.max(...totals.values());
  const winners = candidates.filter((state) => totals.get(state)! >= best - 1e-9);
  return winners[Math.floor(random() * winners.length)];
}

function scores(
  info: PodInfo,
  all: NodeState[],
  namespaces: NamespaceLabels,
): { weight: number; score: Score }[] {
  const { pod } = info;
  return [
    { weight: 1, score: (state) => leastAllocated(info, state) },
    { weight: 1, score: (state) => balancedAllocation(info, state) },
    { weight: 3, score: (state) => -softTaints(pod, state.node!) },
    { weight: 2, score: (state) => preferredNode(pod, state.node!) },
    { weight: 2, score: spread(pod, all) },
    { weight: 2, score: preferredPods(pod, all, namespaces) },
  ];
}

/** Share of a resource that would be taken, with assumed requests for Pods that state none. */
function utilisation(info: PodInfo, state: NodeState, name: 'cpu' | 'memory'): number {
  const capacity = state.allocatable.get(name) ?? 0;
  if (capacity === 0) return 1;
  const assumed = name === 'cpu' ? ASSUMED_CPU : ASSUMED_MEMORY;
  let used = info.requests.get(name) || assumed;
  for (const other of state.pods.values()) used += other.requests.get(name) || assumed;
  return Math.min(1, used / capacity);
}

function leastAllocated(info: PodInfo, state: NodeState): number {
  return 2 - utilisation(info, state, 'cpu') - utilisation(info, state, 'memory');
}
function balancedAllocation(info: PodInfo, state: NodeState): number {
  return -Math.abs(utilisation(info, state, 'cpu') - utilisation(info, state, 'memory'));
}

function softTaints(pod: core.Pod, node: core.Node): number {
  const taints = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule');
  return taints.filter(
    (taint) => untolerated(pod.spec?.tolerations, [taint], ['PreferNoSchedule']) !== undefined,
  ).length;
}

function preferredNode(pod: core.Pod, node: core.Node): number {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return preferred.reduce((sum, term) => sum + (matchesTerm(term.preference, node) ? term.weight : 0), 0);
}

/** Soft spread constraints; without any, Pods of one owner spread over nodes and zones. */
function spread(pod: core.Pod, all: NodeState[]): Score {
  const declared = pod.spec?.topologySpreadConstraints ?? [];
  const soft = declared.filter((constraint) => constraint.whenUnsatisfiable === 'ScheduleAnyway');
  if (declared.length === 0) return spreadByOwner(pod, all);
  const parts = soft.map((constraint) => {
    const matches = spreadMatcher(pod, constraint);
    return byDomain(all, constraint.topologyKey, (state) => countMatching(pod, matches, state));
  });
  return (state) => -parts.reduce((sum, part) => sum + part(state), 0);
}

function spreadByOwner(pod: core.Pod, all: NodeState[]): Score {
  const owner = controllerOf(pod)?.uid;
  if (owner === undefined) return () => 0;
  const siblings = (state: NodeState) =>
    [...state.pods.values()].filter((other) => controllerOf(other.pod)?.uid === owner).length;
  const byNode = byDomain(all, 'kubernetes.io/hostname', siblings);
  const byZone = byDomain(all, 'topology.kubernetes.io/zone', siblings);
  return (state) => -byNode(state) - byZone(state);
}

/** The sum of a measure over all nodes of the same domain; 0 for nodes without the label. */
function byDomain(all: NodeState[], key: string, measure: Score): Score {
  const sums = new Map<string, number>();
  for (const state of all) {
    const domain = state.node?.metadata.labels?.[key];
    if (domain !== undefined) sums.set(domain, (sums.get(domain) ?? 0) + measure(state));
  }
  return (state) => sums.get(state.node!.metadata.labels?.[key] ?? '') ?? 0;
}

/** Preferred affinity adds, preferred anti-affinity subtracts, per matching Pod in the domain. */
function preferredPods(pod: core.Pod, all: NodeState[], namespaces: NamespaceLabels): Score {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const weighted = [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => ({ ...t, sign: 1 })),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => ({
      ...t,
      sign: -1,
    })),
  ];
  const parts = weighted.map(({ weight, sign, podAffinityTerm }) => {
    const term = compileTerm(pod, podAffinityTerm, namespaces);
    const matching = (state: NodeState) =>
      [...state.pods.values()].filter((other) => term.matches(other.pod)).length;
    const inDomain = byDomain(all, term.topologyKey, matching);
    return (state: NodeState) => sign * weight * inDomain(state);
  });
  return (state) => parts.reduce((sum, part) => sum + part(state), 0);
}
