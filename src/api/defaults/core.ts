import type { authentication, core, discovery, networking, rbac, scheduling } from '../types/index.js';
import { setDefault, setDefaultText } from './set.js';

/** The label every Namespace carries, and the phase it starts in. */
export function defaultNamespace(namespace: core.Namespace): void {
  const { name } = namespace.metadata;
  if (name) {
    namespace.metadata.labels ??= {};
    namespace.metadata.labels['kubernetes.io/metadata.name'] = name;
  }
  namespace.status ??= {};
  setDefaultText(namespace.status, 'phase', 'Active');
}

/** SetDefaults_NodeStatus, and the old `podCIDR` kept in step with `podCIDRs`. */
export function defaultNode(node: core.Node): void {
  const { status, spec } = node;
  if (status?.capacity !== undefined && status.allocatable === undefined) {
    status.allocatable = { ...status.capacity };
  }
  if (spec === undefined) return;
  const first = spec.podCIDRs?.[0];
  if (spec.podCIDR && spec.podCIDR !== first) spec.podCIDRs = [spec.podCIDR];
  else if (first) spec.podCIDR = first;
}

/** Type Opaque, and `stringData` moved into `data`: it is never stored. */
export function defaultSecret(secret: core.Secret): void {
  setDefaultText(secret, 'type', 'Opaque');
  if (secret.stringData === undefined) return;
  const data = { ...secret.data };
  for (const [key, text] of Object.entries(secret.stringData)) {
    Object.defineProperty(data, key, {
      value: Buffer.from(text, 'utf8').toString('base64'),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  if (Object.keys(data).length > 0) secret.data = data;
  delete secret.stringData;
}

/** SetDefaults_Endpoints. */
export function defaultEndpoints(endpoints: core.Endpoints): void {
  for (const subset of endpoints.subsets ?? []) {
    for (const port of subset.ports ?? []) setDefaultText(port, 'protocol', 'TCP');
  }
}

/** SetDefaults_EndpointPort of discovery: an absent name is the empty one. */
export function defaultEndpointSlice(slice: discovery.EndpointSlice): void {
  for (const port of slice.ports ?? []) {
    setDefault(port, 'name', '');
    setDefault(port, 'protocol', 'TCP');
  }
}

/** SetDefaults_LimitRangeItem: for containers, `default` from `max` and `defaultRequest` from `default`, then `min`. */
export function defaultLimitRange(range: core.LimitRange): void {
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    const limits = { ...item.max, ...item.default };
    const requests = { ...item.min, ...limits, ...item.defaultRequest };
    if (Object.keys(limits).length > 0) item.default = limits;
    if (Object.keys(requests).length > 0) item.defaultRequest = requests;
  }
}

/** SetDefaults_NetworkPolicy. */
export function defaultNetworkPolicy(policy: networking.NetworkPolicy): void {
  const { spec } = policy;
  if (spec === undefined) return;
  for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
    for (const port of rule.ports ?? []) setDefault(port, 'protocol', 'TCP');
  }
  if ((spec.policyTypes ?? []).length > 0) return;
  spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}

/** SetDefaults_IngressClass. */
export function defaultIngressClass(ingressClass: networking.IngressClass): void {
  const parameters = ingressClass.spec?.parameters;
  if (parameters !== undefined) setDefault(parameters, 'scope', 'Cluster');
}

const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** Group of a binding's role and of its users and groups. */
export function defaultBinding(binding: rbac.RoleBinding | rbac.ClusterRoleBinding): void {
  setDefaultText(binding.roleRef, 'apiGroup', RBAC_GROUP);
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') setDefaultText(subject, 'apiGroup', RBAC_GROUP);
  }
}

export function defaultPriorityClass(priorityClass: scheduling.PriorityClass): void {
  setDefault(priorityClass, 'preemptionPolicy', 'PreemptLowerPriority');
}

/** Seconds a requested token lives unless it says otherwise. */
export function defaultTokenRequest(request: authentication.TokenRequest): void {
  if (request.spec !== undefined) setDefault(request.spec, 'expirationSeconds', 3600);
}
