import { type core, requirementHolds } from '#api';

/** spec.nodeSelector and required node affinity together. */
export function matchesNodeSelection(pod: core.Pod, node: core.Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [name, value] of Object.entries(pod.spec?.nodeSelector ?? {}))
    if (labels[name] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

/** All requirements of a term hold; a term without any matches no node. */
export function matchesTerm(term: core.NodeSelectorTerm, node: core.Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((r) => holds(r, node.metadata.labels?.[r.key])) &&
    fields.every((r) => r.key === 'metadata.name' && holds(r, node.metadata.name))
  );
}

/** The operators of label selectors, and two that compare numbers. */
function holds(requirement: core.NodeSelectorRequirement, value: string | undefined): boolean {
  const bound = Number(requirement.values?.[0]);
  switch (requirement.operator) {
    case 'Gt':
      return isInteger(value) && Number(value) > bound;
    case 'Lt':
      return isInteger(value) && Number(value) < bound;
    default:
      return requirementHolds(requirement, value);
  }
}

function isInteger(value: string | undefined): boolean {
  return value !== undefined && /^-?[0-9]+$/.test(value);
}
