import type { rbac } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { nameIsDnsSubdomain, nameIsPathSegment, pathSegmentName } from './formats.js';
import { checkLabelSelector } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';

type Errors = Check['errors'];

const GROUP = 'rbac.authorization.k8s.io';

function checkRule(check: Check, path: Path, rule: rbac.PolicyRule, namespaced: boolean): void {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  if (verbs.length === 0) check.required(`${path}.verbs`, 'verbs must contain at least one value');
  if (nonResourceURLs.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) check.invalid(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs');
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      check.invalid(
        at,
        nonResourceURLs,
        'rules cannot apply to both regular resources and non-resource URLs',
      );
    }
    return;
  }
  if (apiGroups.length === 0) {
    check.required(`${path}.apiGroups`, 'resource rules must supply at least one api group');
  }
  if (resources.length === 0) {
    check.required(`${path}.resources`, 'resource rules must supply at least one resource');
  }
}

function checkRole(check: Check, role: rbac.Role | rbac.ClusterRole, namespaced: boolean): void {
  checkObjectMeta(check, role.metadata, { namespaced, name: nameIsPathSegment });
  (role.rules ?? []).forEach((rule, i) => {
    checkRule(check, `rules[${i}]`, rule, namespaced);
  });
  const aggregation = 'aggregationRule' in role ? role.aggregationRule : undefined;
  if (aggregation === undefined) return;
  const selectors = aggregation.clusterRoleSelectors ?? [];
  const path = 'aggregationRule.clusterRoleSelectors';
  if (selectors.length === 0) {
    check.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  }
  selectors.forEach((selector, i) => {
    checkLabelSelector(check, `${path}[${i}]`, selector);
  });
}

/** Roles and ClusterRoles; which of them the object is, its kind says. */
export function validateRole(namespaced: boolean): (role: rbac.Role | rbac.ClusterRole) => Errors {
  return (role) => {
    const check = new Check();
    checkRole(check, role, namespaced);
    return check.errors;
  };
}

function checkSubject(check: Check, path: Path, subject: rbac.Subject, namespaced: boolean): void {
  const { name = '', apiGroup = '', namespace = '' } = subject;
  if (name === '') check.required(`${path}.name`);
  if (subject.kind === 'ServiceAccount') {
    if (name !== '') check.invalidEach(`${path}.name`, name, nameIsDnsSubdomain(name));
    if (apiGroup !== '') check.notSupported(`${path}.apiGroup`, apiGroup, ['']);
    if (!namespaced && namespace === '') check.required(`${path}.namespace`);
  } else if (subject.kind === 'User' || subject.kind === 'Group') {
    if (apiGroup !== GROUP) check.notSupported(`${path}.apiGroup`, apiGroup, [GROUP]);
  } else check.notSupported(`${path}.kind`, subject.kind ?? '', ['ServiceAccount', 'User', 'Group']);
}

type Binding = rbac.RoleBinding | rbac.ClusterRoleBinding;

function checkBinding(check: Check, binding: Binding, namespaced: boolean): void {
  checkObjectMeta(check, binding.metadata, { namespaced, name: nameIsPathSegment });
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef ?? {};
  if (apiGroup !== GROUP) check.notSupported('roleRef.apiGroup', apiGroup, [GROUP]);
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(kind)) check.notSupported('roleRef.kind', kind, kinds);
  if (name === '') check.required('roleRef.name');
  else check.invalidEach('roleRef.name', name, pathSegmentName(name));
  (binding.subjects ?? []).forEach((subject, i) => {
    checkSubject(check, `subjects[${i}]`, subject, namespaced);
  });
}

/** RoleBindings and ClusterRoleBindings. */
export function validateBinding(namespaced: boolean): (binding: Binding) => Errors {
  return (binding) => {
    const check = new Check();
    checkBinding(check, binding, namespaced);
    return check.errors;
  };
}

/** The role of a binding never changes: whoever may edit subjects must not gain another role. */
export function validateBindingUpdate(namespaced: boolean): (binding: Binding, old: Binding) => Errors {
  return (binding, old) => {
    const check = new Check();
    checkBinding(check, binding, namespaced);
    checkObjectMetaUpdate(check, binding.metadata, old.metadata);
    const same = (['apiGroup', 'kind', 'name'] as const).every(
      (field) => (binding.roleRef?.[field] ?? '') === (old.roleRef?.[field] ?? ''),
    );
    if (!same) check.invalid('roleRef', binding.roleRef, 'cannot change roleRef');
    return check.errors;
  };
}
