import { type rbac, selectorMatches } from '#api';
import type { Startable } from '#base';
import type { UserInfo } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';
import type { PolicyRule } from './rules.js';

/** Namespaces remembered per user. */
const MAX_NAMESPACES = 1_000;
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

interface Binding {
  name: string;
  /** Empty for ClusterRoleBindings. */
  namespace: string;
  subjects: rbac.Subject[];
  roleRef: rbac.RoleRef;
}

interface ClusterRole {
  rules: PolicyRule[];
  labels: Record<string, string>;
  aggregation: rbac.AggregationRule | undefined;
}

/** A binding that applies to a user, with the rules it brings. */
export interface Grant {
  rules: PolicyRule[];
  /** `RoleBinding "x/default" of ClusterRole "edit" to Group "dev"`: the reason in decisions. */
  origin: string;
  /** Set when the role that the binding names does not exist. */
  missing?: string;
}

function subjectKey(kind: string, name: string, namespace = ''): string {
  return `${kind}\n${namespace}\n${name}`;
}

function subjectKeys(subject: rbac.Subject, bindingNamespace: string): string {
  const namespace = subject.kind === 'ServiceAccount' ? (subject.namespace ?? bindingNamespace) : '';
  return subjectKey(subject.kind, subject.name, namespace);
}

function userKeys(user: UserInfo): string[] {
  const keys = [subjectKey('User', user.name), ...user.groups.map((group) => subjectKey('Group', group))];
  const account = SERVICE_ACCOUNT.exec(user.name);
  if (account !== null) keys.push(subjectKey('ServiceAccount', account[2]!, account[1]!));
  return keys;
}

function subjectText(subject: rbac.Subject): string {
  const name =
    subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace ?? ''}` : subject.name;
  return `${subject.kind} ${JSON.stringify(name)}`;
}

/** Roles and bindings from watch caches, with bindings indexed by subject: the cost of a decision does not grow with the cluster. */
export class PolicyCache implements Startable {
  readonly #roles: Mirror<rbac.Role, PolicyRule[]>;
  readonly #clusterRoles: Mirror<rbac.ClusterRole, ClusterRole>;
  readonly #bindings: Mirror<rbac.RoleBinding, Binding>;
  readonly #clusterBindings: Mirror<rbac.ClusterRoleBinding, Binding>;
  /** Namespace ('' for cluster-wide) → subject → bindings. */
  readonly #index = new Map<string, Map<string, Set<Binding>>>();
  #aggregated = new Map<string, PolicyRule[]>();
  /** What each user was found to be granted, by namespace, since the last change of any role or binding. */
  #granted = new WeakMap<UserInfo, Map<string, Grant[]>>();

  constructor({ store, kind }: ServerDeps) {
    this.#roles = new Mirror({
      store,
      kind: kind('rbac.v1.Role'),
      project: (role: rbac.Role) => role.rules ?? [],
      onChange: () => this.#forgetGranted(),
    });
    this.#clusterRoles = new Mirror({
      store,
      kind: kind('rbac.v1.ClusterRole'),
      project: (role: rbac.ClusterRole) => ({
        rules: role.rules ?? [],
        labels: role.metadata.labels ?? {},
        aggregation: role.aggregationRule,
      }),
      onChange: () => {
        this.#aggregated.clear();
        this.#forgetGranted();
      },
    });
    const onChange = (_key: string, binding: Binding | undefined, old: Binding | undefined): void => {
      if (old !== undefined) this.#unindex(old);
      if (binding !== undefined) this.#indexBinding(binding);
      this.#forgetGranted();
    };
    const project = (object: rbac.RoleBinding | rbac.ClusterRoleBinding): Binding => ({
      name: object.metadata.name ?? '',
      namespace: object.metadata.namespace ?? '',
      subjects: object.subjects ?? [],
      roleRef: object.roleRef,
    });
    this.#bindings = new Mirror({ store, kind: kind('rbac.v1.RoleBinding'), project, onChange });
    this.#clusterBindings = new Mirror({
      store,
      kind: kind('rbac.v1.ClusterRoleBinding'),
      project,
      onChange,
    });
  }

  async start(): Promise<void> {
    await Promise.all([
      this.#roles.start(),
      this.#clusterRoles.start(),
      this.#bindings.start(),
      this.#clusterBindings.start(),
    ]);
  }
  async stop(): Promise<void> {
    await Promise.all([
      this.#roles.stop(),
      this.#clusterRoles.stop(),
      this.#bindings.stop(),
      this.#clusterBindings.stop(),
    ]);
  }

  #forgetGranted(): void {
    this.#granted = new WeakMap();
  }

  #indexBinding(binding: Binding): void {
    let bySubject = this.#index.get(binding.namespace);
    if (bySubject === undefined) {
      bySubject = new Map();
      this.#index.set(binding.namespace, bySubject);
    }
    for (const subject of binding.subjects) {
      const key = subjectKeys(subject, binding.namespace);
      const bindings = bySubject.get(key) ?? new Set();
      bySubject.set(key, bindings.add(binding));
    }
  }

  #unindex(binding: Binding): void {
    const bySubject = this.#index.get(binding.namespace);
    for (const subject of binding.subjects) {
      const key = subjectKeys(subject, binding.namespace);
      const bindings = bySubject?.get(key);
      bindings?.delete(binding);
      if (bindings?.size === 0) bySubject!.delete(key);
    }
    if (bySubject?.size === 0) this.#index.delete(binding.namespace);
  }

  /** Rules of a role; undefined when it does not exist. `namespace` is that of the binding. */
  rulesOf(roleRef: rbac.RoleRef, namespace: string): PolicyRule[] | undefined {
    if (roleRef.kind === 'Role') return this.#roles.get(`${namespace}/${roleRef.name}`);
    const role = this.#clusterRoles.get(roleRef.name);
    return role?.aggregation === undefined
      ? role?.rules
      : this.aggregatedRules(roleRef.name, role.aggregation);
  }

  /** Union of the rules of all ClusterRoles that the aggregation selects, in name order and without repetitions. */
  aggregatedRules(name: string, aggregation: rbac.AggregationRule): PolicyRule[] {
    const known = this.#aggregated.get(name);
    if (known !== undefined) return known;
    const rules = new Map<string, PolicyRule>();
    const roles = [...this.#clusterRoles.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [other, role] of roles) {
      const selected = (aggregation.clusterRoleSelectors ?? []).some((s) => selectorMatches(s, role.labels));
      if (other === name || !selected) continue;
      for (const rule of role.rules) rules.set(JSON.stringify(rule), rule);
    }
    const list = [...rules.values()];
    this.#aggregated.set(name, list);
    return list;
  }

  /** Everything that applies to the user: cluster-wide bindings first, then those of the namespace. */
  grants(user: UserInfo, namespace: string): readonly Grant[] {
    let known = this.#granted.get(user);
    if (known === undefined) {
      known = new Map();
      this.#granted.set(user, known);
    }
    const granted = known.get(namespace);
    if (granted !== undefined) return granted;
    if (known.size >= MAX_NAMESPACES) known.clear();
    const found = [...this.#findGrants(user, namespace)];
    known.set(namespace, found);
    return found;
  }

  *#findGrants(user: UserInfo, namespace: string): IterableIterator<Grant> {
    const keys = userKeys(user);
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      const bySubject = this.#index.get(scope);
      if (bySubject === undefined) continue;
      const seen = new Set<Binding>();
      for (const key of keys) {
        for (const binding of bySubject.get(key) ?? []) {
          if (seen.has(binding)) continue;
          seen.add(binding);
          yield this.#grant(binding, key);
        }
      }
    }
  }

  #grant(binding: Binding, key: string): Grant {
    const { roleRef, namespace } = binding;
    const subject = binding.subjects.find((candidate) => subjectKeys(candidate, namespace) === key)!;
    const what = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
    const name = namespace === '' ? binding.name : `${binding.name}/${namespace}`;
    const origin = `${what} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subjectText(subject)}`;
    const rules = this.rulesOf(roleRef, namespace);
    if (rules !== undefined) return { rules, origin };
    const resource = `${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io`;
    return { rules: [], origin, missing: `${resource} ${JSON.stringify(roleRef.name)} not found` };
  }

  /** All rules of a user in a namespace, for escalation checks and SelfSubjectRulesReview. */
  rulesFor(user: UserInfo, namespace: string): { rules: PolicyRule[]; missing: string[] } {
    const rules: PolicyRule[] = [];
    const missing: string[] = [];
    for (const grant of this.grants(user, namespace)) {
      rules.push(...grant.rules);
      if (grant.missing !== undefined) missing.push(grant.missing);
    }
    return { rules, missing };
  }
}
