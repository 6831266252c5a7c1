import { compileSelector, type core } from '#api';
import { count, getOrMake } from '../common/maps.js';
import type { NodeState, PodInfo } from './cluster-state.js';

/** Labels of a namespace, for terms with a namespaceSelector. */
export type NamespaceLabels = (name: string) => Record<string, string> | undefined;
type PodMatcher = (other: core.Pod) => boolean;

interface Term {
  topologyKey: string;
  matches: PodMatcher;
}
/** Matching Pods by topology key and value. */
type DomainCounts = Map<string, Map<string, number>>;

/**
 * Required inter-Pod affinity of one Pod against the cluster (plugins/interpodaffinity): counted once per
 * Pod, then asked per node.
 */
export class PodAffinity {
  readonly #affinity: Term[];
  readonly #antiAffinity: Term[];
  readonly #matching: DomainCounts = new Map();
  readonly #avoided: DomainCounts = new Map();
  /** Domains in which Pods run that refuse to be together with this one. */
  readonly #refusing: DomainCounts = new Map();
  readonly #matchesItself: boolean;

  constructor(pod: core.Pod, nodes: NodeState[], namespaces: NamespaceLabels) {
    const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
    const compile = (term: core.PodAffinityTerm) => compileTerm(pod, term, namespaces);
    this.#affinity = (podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile);
    this.#antiAffinity = (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(compile);
    this.#matchesItself = this.#affinity.every((term) => term.matches(pod));
    for (const state of nodes)
      for (const other of state.pods.values()) this.#count(pod, other, state, namespaces);
  }

  #count(pod: core.Pod, other: PodInfo, state: NodeState, namespaces: NamespaceLabels): void {
    const labels = state.node?.metadata.labels ?? {};
    const tally = (counts: DomainCounts, { topologyKey }: Term) => {
      const value = labels[topologyKey];
      if (value !== undefined)
        count(
          getOrMake(counts, topologyKey, () => new Map()),
          value,
        );
    };
    if (this.#affinity.length > 0 && this.#affinity.every((term) => term.matches(other.pod)))
      for (const term of this.#affinity) tally(this.#matching, term);
    for (const term of this.#antiAffinity) if (term.matches(other.pod)) tally(this.#avoided, term);
    const theirs = other.pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    for (const raw of theirs ?? []) {
      const term = compileTerm(other.pod, raw, namespaces);
      if (term.matches(pod)) tally(this.#refusing, term);
    }
  }

  /** Reasons against a node. */
  filter(state: NodeState): string[] {
    const labels = state.node!.metadata.labels ?? {};
    if (!this.#affinityHolds(labels)) return ["node(s) didn't match pod affinity rules"];
    if (this.#antiAffinity.some((term) => inDomain(this.#avoided, term.topologyKey, labels)))
      return ["node(s) didn't match pod anti-affinity rules"];
    if ([...this.#refusing.keys()].some((key) => inDomain(this.#refusing, key, labels)))
      return ["node(s) didn't satisfy existing pods anti-affinity rules"];
    return [];
  }

  #affinityHolds(labels: Record<string, string>): boolean {
    if (this.#affinity.some((term) => labels[term.topologyKey] === undefined)) return false;
    if (this.#affinity.every((term) => inDomain(this.#matching, term.topologyKey, labels))) return true;
    // The first of a group that wants to be together may start anywhere.
    return this.#matching.size === 0 && this.#matchesItself;
  }
}

function inDomain(counts: DomainCounts, key: string, labels: Record<string, string>): boolean {
  const value = labels[key];
  return value !== undefined && (counts.get(key)?.get(value) ?? 0) > 0;
}

/** A term as its owner means it: own namespace by default, matchLabelKeys filled from its labels. */
export function compileTerm(owner: core.Pod, term: core.PodAffinityTerm, namespaces: NamespaceLabels): Term {
  const labels = compileSelector(withLabelKeys(owner, term));
  const listed = term.namespaces ?? [];
  const selector = term.namespaceSelector;
  const own = listed.length === 0 && selector === undefined;
  const bySelector = compileSelector(selector);
  const inScope = (namespace: string) =>
    own
      ? namespace === owner.metadata.namespace
      : listed.includes(namespace) || bySelector(namespaces(namespace) ?? {});
  return {
    topologyKey: term.topologyKey,
    matches: (pod) => inScope(pod.metadata.namespace!) && labels(pod.metadata.labels),
  };
}

function withLabelKeys(owner: core.Pod, term: core.PodAffinityTerm) {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  if (labelSelector === undefined || matchLabelKeys.length + mismatchLabelKeys.length === 0)
    return labelSelector;
  const of = (keys: string[], operator: string) =>
    keys
      .filter((key) => owner.metadata.labels?.[key] !== undefined)
      .map((key) => ({ key, operator, values: [owner.metadata.labels![key]!] }));
  return {
    ...labelSelector,
    matchExpressions: [
      ...(labelSelector.matchExpressions ?? []),
      ...of(matchLabelKeys, 'In'),
      ...of(mismatchLabelKeys, 'NotIn'),
    ],
  };
}
