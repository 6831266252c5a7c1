import { Errors, type rbac } from '#api';
import { type PolicyRule, type RuleResolver, ruleText, SUPERUSERS, uncovered } from '../authz/index.js';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../contracts.js';
import type { ServerDeps } from '../deps.js';

const GROUP = 'rbac.authorization.k8s.io';
const ROLES: Record<string, string> = { 'rbac.v1.Role': 'roles', 'rbac.v1.ClusterRole': 'clusterroles' };
const BINDINGS = new Set(['rbac.v1.RoleBinding', 'rbac.v1.ClusterRoleBinding']);

/**
 * Nobody grants what they do not have: writing a role needs its permissions or the verb `escalate`, binding one
 * needs its permissions or the verb `bind` (upstream registry/rbac/<kind>/policybased, where it is a storage layer).
 */
export class RbacEscalation implements AdmissionPlugin {
  readonly name = 'RBACEscalation';
  readonly kinds = [...Object.keys(ROLES), ...BINDINGS];
  readonly #deps: ServerDeps;
  readonly #authorizer: Authorizer & RuleResolver;

  constructor(deps: ServerDeps, authorizer: Authorizer & RuleResolver) {
    this.#deps = deps;
    this.#authorizer = authorizer;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { operation, kind, object, user } = attributes;
    if (object === undefined || operation === 'DELETE' || user.groups.includes(SUPERUSERS)) return;
    const resource = ROLES[kind.message];
    if (resource !== undefined) return this.#role(attributes, resource, object as rbac.ClusterRole);
    if (BINDINGS.has(kind.message)) return this.#binding(attributes, object as rbac.RoleBinding);
  }

  async #role(attributes: AdmissionAttributes, resource: string, role: rbac.ClusterRole): Promise<void> {
    const old = attributes.oldObject as rbac.ClusterRole | undefined;
    const unchanged =
      old !== undefined &&
      JSON.stringify(old.rules ?? []) === JSON.stringify(role.rules ?? []) &&
      JSON.stringify(old.aggregationRule) === JSON.stringify(role.aggregationRule);
    const name = role.metadata.name ?? '';
    if (unchanged || (await this.#may(attributes, 'escalate', resource, name))) return;
    // Whatever the aggregation picks up later is not known now, so it needs everything.
    const rules = [...(role.rules ?? []), ...(role.aggregationRule === undefined ? [] : everything())];
    this.#demand(attributes, rules);
  }

  async #binding(attributes: AdmissionAttributes, binding: rbac.RoleBinding): Promise<void> {
    const old = attributes.oldObject as rbac.RoleBinding | undefined;
    const same =
      old !== undefined &&
      JSON.stringify(old.roleRef) === JSON.stringify(binding.roleRef) &&
      JSON.stringify(old.subjects ?? []) === JSON.stringify(binding.subjects ?? []);
    const { kind, name } = binding.roleRef;
    const resource = kind === 'ClusterRole' ? 'clusterroles' : 'roles';
    if (same || (await this.#may(attributes, 'bind', resource, name))) return;
    const message = kind === 'ClusterRole' ? 'rbac.v1.ClusterRole' : 'rbac.v1.Role';
    const namespace = kind === 'ClusterRole' ? '' : attributes.namespace;
    const role = await this.#deps.store.get<rbac.ClusterRole>(this.#deps.kind(message), namespace, name);
    if (role === undefined) throw Errors.notFound({ group: GROUP, resource }, name);
    this.#demand(attributes, role.rules ?? []);
  }

  async #may(
    attributes: AdmissionAttributes,
    verb: string,
    resource: string,
    name: string,
  ): Promise<boolean> {
    const decision = await this.#authorizer.authorize({
      user: attributes.user,
      verb,
      isResourceRequest: true,
      path: '',
      group: GROUP,
      version: 'v1',
      namespace: attributes.namespace,
      resource,
      subresource: '',
      name,
    });
    return decision.decision === 'allow';
  }

  #demand(attributes: AdmissionAttributes, rules: PolicyRule[]): void {
    const { user, kind, namespace, object } = attributes;
    const missing = uncovered(this.#authorizer.rulesFor(user, namespace).rules, rules);
    if (missing.length === 0) return;
    const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
    throw Errors.forbidden(
      { group: kind.group, resource: kind.resource },
      object?.metadata.name ?? '',
      `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).join('\n')}`,
    );
  }
}

function everything(): PolicyRule[] {
  return [
    { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
    { nonResourceURLs: ['*'], verbs: ['*'] },
  ];
}
