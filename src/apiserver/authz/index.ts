import type { ServerDeps } from '../deps.js';
import { ChainAuthorizer } from './authorizer.js';

export { ChainAuthorizer, type RuleResolver, SUPERUSERS } from './authorizer.js';
export { nodeOf } from './node-authorizer.js';
export { type PolicyRule, ruleText, uncovered } from './rules.js';

/** Who may do what: RBAC and the node authorizer. Start it before serving: until then it knows no roles. */
export function createAuthorizer(deps: ServerDeps): ChainAuthorizer {
  return new ChainAuthorizer(deps);
}
