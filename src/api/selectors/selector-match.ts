import type { meta } from '../types/index.js';

type Labels = Readonly<Record<string, string>> | undefined;
export type LabelMatcher = (labels: Labels) => boolean;

/**
 * Whether labels satisfy the object form of a selector: absent selects nothing, empty everything. For selectors that
 * were validated when they were stored, hence nothing is thrown: an operator that does not exist matches nothing.
 * `labelSelectorOf` is the strict form, for what a client sends.
 */
export function selectorMatches(selector: meta.LabelSelector | undefined, labels: Labels): boolean {
  return compileSelector(selector)(labels);
}

/** `selectorMatches` for many objects: the selector is taken apart once. */
export function compileSelector(selector: meta.LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return () => false;
  const exact = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (labels) =>
    exact.every(([key, value]) => labelOf(labels, key) === value) &&
    expressions.every((requirement) => requirementHolds(requirement, labelOf(labels, requirement.key)));
}

function labelOf(labels: Labels, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** Whether the value of the requirement's key, undefined when there is none, is as it asks. */
export function requirementHolds(
  requirement: Pick<meta.LabelSelectorRequirement, 'operator' | 'values'>,
  value: string | undefined,
): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}
