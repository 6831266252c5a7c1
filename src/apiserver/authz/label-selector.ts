import type { meta } from '#api';

type Labels = Readonly<Record<string, string>> | undefined;

function requirementMatches(requirement: meta.LabelSelectorRequirement, labels: Labels): boolean {
  const value = labels?.[requirement.key];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && (requirement.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(requirement.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** metav1.LabelSelector semantics: absent selects nothing, empty selects everything. */
export function selectorMatches(selector: meta.LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  const exact = Object.entries(selector.matchLabels ?? {});
  return (
    exact.every(([key, value]) => labels?.[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => requirementMatches(requirement, labels))
  );
}
