import type { meta } from '#api';

export type Labels = Record<string, string> | undefined;
export type LabelMatcher = (labels: Labels) => boolean;

/**
 * Compiles a LabelSelector (metav1.LabelSelectorAsSelector): absent matches nothing, empty matches
 * everything, all requirements must hold. An unknown operator matches nothing.
 */
export function compileSelector(selector: meta.LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return () => false;
  const equal = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (labels) =>
    equal.every(([name, value]) => labels?.[name] === value) &&
    expressions.every((requirement) => holds(requirement, labels));
}

function holds(requirement: meta.LabelSelectorRequirement, labels: Labels): boolean {
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

/** True for `{}`: selects everything, which workload controllers treat as a mistake. */
export function isEmptySelector(selector: meta.LabelSelector | undefined): boolean {
  return (
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0
  );
}
