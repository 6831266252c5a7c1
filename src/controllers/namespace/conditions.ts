import type { core } from '#api';
import type { Remains } from './content.js';

interface Finding {
  type: string;
  reason: string;
  message: string;
  bad: boolean;
}

/** What keeps a namespace from going away, as conditions (pkg/controller/namespace/deletion). */
export function deletionConditions(
  current: core.NamespaceCondition[],
  remains: Remains,
  discoveryError: string | undefined,
  now: string,
): core.NamespaceCondition[] {
  const conditions = [...current];
  for (const finding of findings(remains, discoveryError)) {
    const status = finding.bad ? 'True' : 'False';
    const known = conditions.findIndex((condition) => condition.type === finding.type);
    const old = conditions[known];
    const { type, reason, message } = finding;
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? now) : now;
    const condition = { type, status, reason, message, lastTransitionTime };
    if (known < 0) conditions.push(condition);
    else conditions[known] = condition;
  }
  return conditions;
}

function findings(remains: Remains, discoveryError: string | undefined): Finding[] {
  const left = listed(remains.resources, (name, n) => `${name} has ${n} resource instances`);
  const held = listed(remains.finalizers, (name, n) => `${name} in ${n} resource instances`);
  const failed = remains.errors.join(', ');
  return [
    finding(
      'NamespaceDeletionDiscoveryFailure',
      discoveryError === undefined ? '' : `Discovery failed for some groups: ${discoveryError}`,
      'DiscoveryFailed',
      ['ResourcesDiscovered', 'All resources successfully discovered'],
    ),
    finding('NamespaceDeletionGroupVersionParsingFailure', '', 'GroupVersionParsingFailed', [
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ]),
    finding(
      'NamespaceDeletionContentFailure',
      failed === ''
        ? ''
        : `Failed to delete all resource types, ${remains.errors.length} remaining: ${failed}`,
      'ContentDeletionFailed',
      ['ContentDeleted', 'All content successfully deleted, may be waiting on finalization'],
    ),
    finding(
      'NamespaceContentRemaining',
      left === '' ? '' : `Some resources are remaining: ${left}`,
      'SomeResourcesRemain',
      ['ContentRemoved', 'All content successfully removed'],
    ),
    finding(
      'NamespaceFinalizersRemaining',
      held === '' ? '' : `Some content in the namespace has finalizers remaining: ${held}`,
      'SomeFinalizersRemain',
      ['ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
    ),
  ];
}

function finding(type: string, problem: string, reason: string, fine: [string, string]): Finding {
  return problem === ''
    ? { type, reason: fine[0], message: fine[1], bad: false }
    : { type, reason, message: problem, bad: true };
}

function listed(counts: Map<string, number>, phrase: (name: string, n: number) => string): string {
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, n]) => phrase(name, n))
    .join(', ');
}
