import type { AuthorizationAttributes, Authorizer, Decision, UserInfo } from '../contracts.js';
import { type Soon, soon } from '../soon.js';
import type { NodeReferences } from './node-references.js';
import { type PolicyRule, ruleAllows } from './rules.js';

const PREFIX = 'system:node:';
const READ = ['get', 'list', 'watch'];

/** The node that a user is, if it is one: `system:node:NAME` in group `system:nodes`. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.groups.includes('system:nodes') || !user.name.startsWith(PREFIX)) return undefined;
  const name = user.name.slice(PREFIX.length);
  return name === '' ? undefined : name;
}

const rule = (apiGroups: string[], resources: string[], verbs: string[]): PolicyRule => ({
  apiGroups,
  resources,
  verbs,
});

/** What every node may do, whatever runs on it (upstream bootstrappolicy.NodeRules, for the kinds served here). */
const NODE_RULES: PolicyRule[] = [
  rule(['authentication.k8s.io'], ['tokenreviews'], ['create']),
  rule(['authorization.k8s.io'], ['localsubjectaccessreviews', 'subjectaccessreviews'], ['create']),
  rule([''], ['services'], READ),
  rule([''], ['nodes'], ['create', 'update', 'patch', 'delete']),
  rule([''], ['nodes/status'], ['update', 'patch']),
  rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  rule([''], ['pods'], ['create', 'delete']),
  rule([''], ['pods/status'], ['update', 'patch']),
  rule([''], ['pods/eviction'], ['create']),
  rule([''], ['endpoints'], ['get']),
  rule(['discovery.k8s.io'], ['endpointslices'], READ),
  rule(['certificates.k8s.io'], ['certificatesigningrequests'], ['create', ...READ]),
  rule(['storage.k8s.io'], ['csidrivers'], READ),
  rule(['node.k8s.io'], ['runtimeclasses'], READ),
];

const allow: Decision = { decision: 'allow', reason: '' };
const pass = (reason: string): Decision => ({ decision: 'noOpinion', reason });
const none = pass('');

function selects(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? '').split(',').some((term) => {
    const [left, right] = term.split(/==?/);
    return left?.trim() === field && right?.trim() === value;
  });
}

/**
 * Limits nodes to what concerns them: their own Node, Lease and Pods, and the objects that those Pods use
 * (upstream plugin/pkg/auth/authorizer/node, with the selector rules of KEP-4601). Has no opinion on others.
 */
export class NodeAuthorizer implements Authorizer {
  readonly #references: NodeReferences;
  constructor(references: NodeReferences) {
    this.#references = references;
  }

  authorize(attributes: AuthorizationAttributes): Soon<Decision> {
    const node = nodeOf(attributes.user);
    if (node === undefined || !attributes.isResourceRequest) return none;
    return soon(this.#specific(node, attributes), (specific) => {
      if (specific !== undefined) return specific;
      return NODE_RULES.some((candidate) => ruleAllows(candidate, attributes)) ? allow : none;
    });
  }

  #specific(node: string, attributes: AuthorizationAttributes): Soon<Decision | undefined> {
    if (attributes.group === 'coordination.k8s.io' && attributes.resource === 'leases') {
      return lease(node, attributes);
    }
    if (attributes.group === 'storage.k8s.io' && attributes.resource === 'csinodes') {
      return csiNode(node, attributes);
    }
    if (attributes.group !== '') return undefined;
    switch (attributes.resource) {
      case 'secrets':
        return this.#read(node, attributes, 'secrets');
      case 'configmaps':
        return this.#read(node, attributes, 'configMaps');
      case 'persistentvolumeclaims':
        return this.#read(node, attributes, 'claims');
      case 'serviceaccounts':
        return this.#token(node, attributes);
      case 'pods':
        return this.#pods(node, attributes);
      case 'nodes':
        return nodes(node, attributes);
      default:
        return undefined;
    }
  }

  async #read(
    node: string,
    { verb, subresource, namespace, name }: AuthorizationAttributes,
    reference: 'secrets' | 'configMaps' | 'claims',
  ): Promise<Decision> {
    if (!READ.includes(verb) || subresource !== '') {
      return pass('can only read resources of this type');
    }
    if (name === '') return pass('can only read individual resources of this type');
    if (await this.#references.uses(node, reference, namespace, name)) return allow;
    return pass(`no relationship found between node '${node}' and this object`);
  }

  async #token(
    node: string,
    { verb, subresource, namespace, name }: AuthorizationAttributes,
  ): Promise<Decision> {
    if (subresource !== 'token' || verb !== 'create') {
      return pass('only create tokens of service accounts');
    }
    if (await this.#references.runsAs(node, namespace, name)) return allow;
    return pass(`no relationship found between node '${node}' and this object`);
  }

  async #pods(node: string, attributes: AuthorizationAttributes): Promise<Decision | undefined> {
    const { verb, subresource, namespace, name, fieldSelector } = attributes;
    if (subresource !== '') return undefined;
    if (verb === 'get') {
      if (await this.#references.runs(node, namespace, name)) return allow;
      return pass(`no relationship found between node '${node}' and this object`);
    }
    if (verb !== 'list' && verb !== 'watch') return undefined;
    if (selects(fieldSelector, 'spec.nodeName', node)) return allow;
    if (name !== '' && (await this.#references.runs(node, namespace, name))) return allow;
    return pass(`can only list/watch pods with spec.nodeName field selector`);
  }
}

function nodes(node: string, { verb, subresource, name }: AuthorizationAttributes): Decision | undefined {
  if (!READ.includes(verb) || subresource !== '') return undefined;
  return name === node ? allow : pass('node can only read its own Node object');
}

function lease(node: string, { verb, namespace, name, subresource }: AuthorizationAttributes): Decision {
  if (subresource !== '' || !['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return pass('can only get, create, update, patch, or delete a node lease');
  }
  if (namespace !== 'kube-node-lease')
    return pass('can only access leases in the "kube-node-lease" namespace');
  if (verb !== 'create' && name !== node)
    return pass('can only access node lease with the same name as the requesting node');
  return allow;
}

function csiNode(node: string, { verb, name, subresource }: AuthorizationAttributes): Decision {
  if (subresource !== '' || !['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return pass('can only get, create, update, patch, or delete a CSINode');
  }
  if (verb !== 'create' && name !== node)
    return pass('can only access CSINode with the same name as the requesting node');
  return allow;
}
