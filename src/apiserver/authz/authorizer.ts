import type { CounterSeries } from '#base';
import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from '../contracts.js';
import type { Living, ServerDeps } from '../deps.js';
import { type Soon, soon } from '../soon.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { NodeReferences } from './node-references.js';
import { PolicyCache } from './policy-cache.js';
import { type PolicyRule, ruleAllows } from './rules.js';

export const SUPERUSERS = 'system:masters';
const ALLOW: Decision = { decision: 'allow', reason: '' };
/** Upstream's default of --authorization-always-allow-paths: probes must not depend on stored roles. */
const ALWAYS_ALLOWED = new Set(['/healthz', '/livez', '/readyz']);

/** Rules that apply to a user, for reviews and escalation checks. */
export interface RuleResolver {
  rulesFor(user: UserInfo, namespace: string): { rules: PolicyRule[]; missing: string[] };
}

/** Superusers, then nodes, then roles: the first that allows decides; nobody denies outright. */
export class ChainAuthorizer implements Living<Authorizer & RuleResolver> {
  readonly policy: PolicyCache;
  readonly #references: NodeReferences;
  readonly #nodes: NodeAuthorizer;
  readonly #allowedByNode: CounterSeries;
  readonly #allowedByRole: CounterSeries;

  constructor(deps: ServerDeps) {
    const decisions = deps.metrics.counter(
      'apiserver_authorization_decisions_total',
      'Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.',
      ['type', 'name', 'decision'],
    );
    this.#allowedByNode = decisions.with({ type: 'Node', name: 'node', decision: 'allowed' });
    this.#allowedByRole = decisions.with({ type: 'RBAC', name: 'rbac', decision: 'allowed' });
    this.policy = new PolicyCache(deps);
    this.#references = new NodeReferences(deps);
    this.#nodes = new NodeAuthorizer(this.#references);
  }

  async start(): Promise<void> {
    await Promise.all([this.policy.start(), this.#references.start()]);
  }
  async stop(): Promise<void> {
    await Promise.all([this.policy.stop(), this.#references.stop()]);
  }

  authorize(attributes: AuthorizationAttributes): Soon<Decision> {
    if (attributes.user.groups.includes(SUPERUSERS)) return ALLOW;
    if (!attributes.isResourceRequest && ALWAYS_ALLOWED.has(attributes.path)) return ALLOW;
    return soon(this.#nodes.authorize(attributes), (node) => {
      if (node.decision === 'allow') {
        this.#allowedByNode.inc();
        return node;
      }
      const role = this.#byRole(attributes);
      if (role.decision === 'allow') {
        this.#allowedByRole.inc();
        return role;
      }
      return { decision: 'noOpinion', reason: [node.reason, role.reason].filter((r) => r !== '').join(', ') };
    });
  }

  #byRole(attributes: AuthorizationAttributes): Decision {
    const missing: string[] = [];
    for (const grant of this.policy.grants(attributes.user, attributes.namespace)) {
      if (grant.missing !== undefined) missing.push(grant.missing);
      for (const rule of grant.rules) {
        if (ruleAllows(rule, attributes)) {
          return { decision: 'allow', reason: `RBAC: allowed by ${grant.origin}` };
        }
      }
    }
    return { decision: 'noOpinion', reason: missing.length === 0 ? '' : `RBAC: ${joined(missing)}` };
  }

  rulesFor(user: UserInfo, namespace: string): { rules: PolicyRule[]; missing: string[] } {
    return this.policy.rulesFor(user, namespace);
  }
}

function joined(texts: string[]): string {
  return texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
}
