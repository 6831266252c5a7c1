import type { rbac } from '#api';
import { policyTable } from './rbac-table.js';

const GROUP = 'rbac.authorization.k8s.io';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const EVENTS: rbac.PolicyRule = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};
/** Controllers that record no Events. */
const SILENT = new Set([
  'clusterrole-aggregation-controller',
  'namespace-controller',
  'pod-garbage-collector',
]);

/** The default policy, as objects to be created or completed. */
export interface Policy {
  clusterRoles: rbac.ClusterRole[];
  roles: rbac.Role[];
  clusterRoleBindings: rbac.ClusterRoleBinding[];
  roleBindings: rbac.RoleBinding[];
}

function list(text: string): string[] {
  return text
    .trim()
    .split(',')
    .map((item) => (item.trim() === 'core' ? '' : item.trim()));
}

function parseRule(line: string): rbac.PolicyRule {
  const [verbs = '', groups = '', resources, names] = line.split('|');
  if (resources === undefined) return { nonResourceURLs: list(groups), verbs: list(verbs) };
  return {
    apiGroups: list(groups),
    resources: list(resources),
    ...(names === undefined ? {} : { resourceNames: list(names) }),
    verbs: list(verbs),
  };
}

function parseSubject(text: string): rbac.Subject {
  const colon = text.indexOf(':');
  const name = text.slice(colon + 1);
  switch (text.slice(0, colon)) {
    case 'group':
      return { kind: 'Group', apiGroup: GROUP, name };
    case 'user':
      return { kind: 'User', apiGroup: GROUP, name };
    default: {
      const [namespace, account = ''] = name.split('/');
      return { kind: 'ServiceAccount', name: account, namespace };
    }
  }
}

function metadata(name: string, namespace?: string, label?: string): rbac.Role['metadata'] {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    labels: { ...LABELS, ...(label === undefined ? {} : { [`${GROUP}/${label}`]: 'true' }) },
    annotations: { ...ANNOTATIONS },
  };
}

function splitName(text: string): [string, string] {
  const slash = text.indexOf('/');
  return [text.slice(0, slash), text.slice(slash + 1)];
}

class PolicyBuilder {
  readonly policy: Policy = { clusterRoles: [], roles: [], clusterRoleBindings: [], roleBindings: [] };
  #rules: rbac.PolicyRule[] = [];

  line(line: string): void {
    if (line.startsWith(' ')) this.#rules.push(parseRule(line));
    else this.#object(line.trim().split(/\s+/));
  }

  #object([what = '', name = '', ...rest]: string[]): void {
    this.#rules = [];
    if (what === 'clusterrole') this.#clusterRole(name, rest);
    else if (what === 'controller') this.#controller(name);
    else if (what === 'role') {
      const [namespace, role] = splitName(name);
      this.policy.roles.push({ metadata: metadata(role, namespace), rules: this.#rules });
    } else if (what === 'clusterbinding')
      this.#clusterBinding(name, rest[0]!, rest.slice(1).map(parseSubject));
    else {
      const [namespace, binding] = splitName(name);
      this.policy.roleBindings.push({
        metadata: metadata(binding, namespace),
        roleRef: { apiGroup: GROUP, kind: 'Role', name: rest[0]! },
        subjects: rest.slice(1).map(parseSubject),
      });
    }
  }

  #clusterRole(name: string, options: string[]): void {
    const option = (key: string) => options.find((text) => text.startsWith(`${key}=`))?.slice(key.length + 1);
    const aggregate = option('aggregate');
    this.policy.clusterRoles.push({
      metadata: metadata(name, undefined, option('label')),
      ...(aggregate === undefined
        ? {}
        : {
            aggregationRule: {
              clusterRoleSelectors: [{ matchLabels: { [`${GROUP}/${aggregate}`]: 'true' } }],
            },
          }),
      rules: this.#rules,
    });
  }

  /** Each controller has a role of its own, bound to its service account in kube-system. */
  #controller(name: string): void {
    const role = `system:controller:${name}`;
    if (!SILENT.has(name)) this.#rules.push(EVENTS);
    this.policy.clusterRoles.push({ metadata: metadata(role), rules: this.#rules });
    this.#clusterBinding(role, role, [{ kind: 'ServiceAccount', name, namespace: 'kube-system' }]);
  }

  #clusterBinding(name: string, role: string, subjects: rbac.Subject[]): void {
    this.policy.clusterRoleBindings.push({
      metadata: metadata(name),
      roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role },
      ...(subjects.length === 0 ? {} : { subjects }),
    });
  }
}

/** Parses the table. Called once at start; nothing is kept. */
export function bootstrapPolicy(): Policy {
  const builder = new PolicyBuilder();
  for (const line of policyTable.split('\n')) if (line.trim() !== '') builder.line(line);
  return builder.policy;
}
