import type { rbac } from '#api';
import type { AuthorizationAttributes } from '../contracts.js';

export type PolicyRule = rbac.PolicyRule;

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list?.includes('*') === true || list?.includes(value) === true;

/** Upstream plugin/pkg/auth/authorizer/rbac RuleAllows. */
export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest) return pathMatches(rule.nonResourceURLs, attributes.path);
  return (
    has(rule.apiGroups, attributes.group) &&
    resourceMatches(rule.resources, attributes.resource, attributes.subresource) &&
    nameMatches(rule.resourceNames, attributes.name)
  );
}

/** `*`, the exact path, or a prefix ending in `*`. */
function pathMatches(rules: readonly string[] | undefined, path: string): boolean {
  return (rules ?? []).some(
    (rule) => rule === '*' || rule === path || (rule.endsWith('*') && path.startsWith(rule.slice(0, -1))),
  );
}

function resourceMatches(
  rules: readonly string[] | undefined,
  resource: string,
  subresource: string,
): boolean {
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return (rules ?? []).some(
    (rule) => rule === '*' || rule === full || (subresource !== '' && rule === `*/${subresource}`),
  );
}

/** A rule with names never matches requests without one (create, list). */
function nameMatches(names: readonly string[] | undefined, name: string): boolean {
  return names === undefined || names.length === 0 || names.includes(name);
}

/** Splits rules until each names one verb and one thing, for comparison. */
function* atoms(rule: PolicyRule): IterableIterator<PolicyRule> {
  for (const verb of rule.verbs ?? []) {
    for (const url of rule.nonResourceURLs ?? []) yield { verbs: [verb], nonResourceURLs: [url] };
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const one = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if ((rule.resourceNames ?? []).length === 0) yield one;
        else for (const name of rule.resourceNames!) yield { ...one, resourceNames: [name] };
      }
    }
  }
}

function covers(owner: PolicyRule, atom: PolicyRule): boolean {
  if (!has(owner.verbs, atom.verbs[0]!)) return false;
  const url = atom.nonResourceURLs?.[0];
  if (url !== undefined) {
    return (owner.nonResourceURLs ?? []).some(
      (rule) => rule === '*' || rule === url || (rule.endsWith('*') && url.startsWith(rule.slice(0, -1))),
    );
  }
  const [resource = '', subresource] = atom.resources![0]!.split('/');
  const names = owner.resourceNames ?? [];
  return (
    has(owner.apiGroups, atom.apiGroups![0]!) &&
    resourceMatches(owner.resources, resource, subresource ?? '') &&
    (names.length === 0 || (atom.resourceNames?.[0] !== undefined && names.includes(atom.resourceNames[0])))
  );
}

/** What of `wanted` the `owned` rules do not allow, as single permissions (component-helpers rbac Covers). */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const rule of wanted) {
    for (const atom of atoms(rule)) if (!owned.some((owner) => covers(owner, atom))) missing.push(atom);
  }
  return missing;
}

/** One line per rule as upstream's CompactString prints it. */
export function ruleText(rule: PolicyRule): string {
  const parts: string[] = [];
  const part = (name: string, list: readonly string[] | undefined) => {
    if (list !== undefined && list.length > 0) {
      parts.push(`${name}:[${list.map((item) => JSON.stringify(item)).join(' ')}]`);
    }
  };
  part('APIGroups', rule.apiGroups);
  part('Resources', rule.resources);
  part('ResourceNames', rule.resourceNames);
  part('NonResourceURLs', rule.nonResourceURLs);
  part('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}
