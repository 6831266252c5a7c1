import type { networking } from '../types/index.js';
import { Check, type Path, semanticEqual } from './field-error.js';
import {
  dns1123Label,
  dns1123Subdomain,
  nameIsDnsSubdomain,
  pathSegmentName,
  portNumber,
} from './formats.js';
import {
  canonicalCidr,
  canonicalIp,
  checkCanonicalCidr,
  checkCanonicalIp,
  checkLegacyCidr,
  cidrContains,
  cidrFamilyOf,
} from './ip-formats.js';
import { checkLabelSelector } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkPortNumOrName } from './service.js';

type Errors = Check['errors'];

function checkPolicyPort(check: Check, path: Path, port: networking.NetworkPolicyPort): void {
  check.optionalOneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  const end = port.endPort;
  if (port.port === undefined) {
    if (end !== undefined)
      check.invalid(`${path}.endPort`, end, 'may not be specified when `port` is not specified');
    return;
  }
  checkPortNumOrName(check, `${path}.port`, port.port);
  if (end === undefined) return;
  if (typeof port.port === 'string') {
    check.invalid(`${path}.endPort`, end, 'may not be specified when `port` is non-numeric');
    return;
  }
  if (end < port.port) check.invalid(`${path}.endPort`, end, 'must be greater than or equal to `port`');
  check.invalidEach(`${path}.endPort`, end, portNumber(end));
}

function checkBlock(check: Check, path: Path, block: networking.IPBlock, stored: string[]): void {
  if ((block.cidr ?? '') === '') return check.required(`${path}.cidr`);
  if (!checkLegacyCidr(check, `${path}.cidr`, block.cidr, stored)) return;
  (block.except ?? []).forEach((except, i) => {
    const at = `${path}.except[${i}]`;
    if (!checkLegacyCidr(check, at, except, stored)) return;
    const strict = cidrContains(block.cidr, except) && canonicalCidr(block.cidr) !== canonicalCidr(except);
    if (!strict) check.invalid(at, except, 'must be a strict subset of `cidr`');
  });
}

function checkPeer(check: Check, path: Path, peer: networking.NetworkPolicyPeer, stored: string[]): void {
  checkLabelSelector(check, `${path}.podSelector`, peer.podSelector);
  checkLabelSelector(check, `${path}.namespaceSelector`, peer.namespaceSelector);
  if (peer.ipBlock !== undefined) checkBlock(check, `${path}.ipBlock`, peer.ipBlock, stored);
  const selected = peer.podSelector !== undefined || peer.namespaceSelector !== undefined;
  if (peer.ipBlock !== undefined && selected) {
    check.forbidden(path, 'may not specify both ipBlock and another peer');
  } else if (peer.ipBlock === undefined && !selected) check.required(path, 'must specify a peer');
}

type Rule = { ports?: networking.NetworkPolicyPort[]; peers: networking.NetworkPolicyPeer[] | undefined };

function checkPolicyRule(check: Check, path: Path, rule: Rule, side: 'from' | 'to', stored: string[]): void {
  (rule.ports ?? []).forEach((port, i) => {
    checkPolicyPort(check, `${path}.ports[${i}]`, port);
  });
  (rule.peers ?? []).forEach((peer, i) => {
    checkPeer(check, `${path}.${side}[${i}]`, peer, stored);
  });
}

function blocksOf(policy: networking.NetworkPolicy | undefined): string[] {
  const { ingress = [], egress = [] } = policy?.spec ?? {};
  const peers = [...ingress.flatMap((rule) => rule.from ?? []), ...egress.flatMap((rule) => rule.to ?? [])];
  return peers.flatMap(({ ipBlock }) =>
    ipBlock === undefined ? [] : [ipBlock.cidr, ...(ipBlock.except ?? [])],
  );
}

function checkNetworkPolicy(
  check: Check,
  policy: networking.NetworkPolicy,
  old?: networking.NetworkPolicy,
): void {
  checkObjectMeta(check, policy.metadata, { namespaced: true, name: nameIsDnsSubdomain });
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = policy.spec ?? {};
  const stored = blocksOf(old);
  checkLabelSelector(check, 'spec.podSelector', podSelector);
  ingress.forEach((rule, i) => {
    checkPolicyRule(check, `spec.ingress[${i}]`, { ...rule, peers: rule.from }, 'from', stored);
  });
  egress.forEach((rule, i) => {
    checkPolicyRule(check, `spec.egress[${i}]`, { ...rule, peers: rule.to }, 'to', stored);
  });
  if (policyTypes.length > 2) {
    check.invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes');
    return;
  }
  policyTypes.forEach((type, i) => {
    check.optionalOneOf(`spec.policyTypes[${i}]`, type, ['Egress', 'Ingress']);
  });
}

export function validateNetworkPolicy(policy: networking.NetworkPolicy): Errors {
  const check = new Check();
  checkNetworkPolicy(check, policy);
  return check.errors;
}

export function validateNetworkPolicyUpdate(
  policy: networking.NetworkPolicy,
  old: networking.NetworkPolicy,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, policy.metadata, old.metadata);
  checkNetworkPolicy(check, policy, old);
  return check.errors;
}

function checkCidrs(check: Check, cidrs: string[]): void {
  if (cidrs.length === 0) return check.required('spec.cidrs', 'at least one CIDR required');
  if (cidrs.length > 2) return check.invalid('spec.cidrs', cidrs, 'may only hold up to 2 values');
  const families = new Set(cidrs.map(cidrFamilyOf));
  if (cidrs.length === 2 && families.size < 2) {
    check.invalid(
      'spec.cidrs',
      cidrs,
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    );
  }
  cidrs.forEach((cidr, i) => {
    checkCanonicalCidr(check, `spec.cidrs[${i}]`, cidr);
  });
}

export function validateServiceCIDR(cidr: networking.ServiceCIDR): Errors {
  const check = new Check();
  checkObjectMeta(check, cidr.metadata, { namespaced: false, name: nameIsDnsSubdomain });
  checkCidrs(check, cidr.spec?.cidrs ?? []);
  return check.errors;
}

/** The only change of spec is adding the second family. */
export function validateServiceCIDRUpdate(cidr: networking.ServiceCIDR, old: networking.ServiceCIDR): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, cidr.metadata, old.metadata);
  const now = cidr.spec?.cidrs ?? [];
  const before = old.spec?.cidrs ?? [];
  const upgraded = before.length === 1 && now.length === 2 && now[0] === before[0];
  if (upgraded) checkCidrs(check, now);
  else if (!semanticEqual(now, before)) check.invalid('spec.cidrs', now, 'field is immutable');
  return check.errors;
}

function nameIsCanonicalIp(name: string): string[] {
  const check = new Check();
  checkCanonicalIp(check, 'name', name);
  const canonical = canonicalIp(name);
  if (check.errors.length === 0) return [];
  return canonical === undefined
    ? ['must be a valid IP address']
    : [`must be a canonical IP address (${JSON.stringify(canonical)})`];
}

function checkParentRef(check: Check, parent: networking.ParentReference | undefined): void {
  const path = 'spec.parentRef';
  if (parent === undefined) return check.required(path);
  const { group = '', namespace = '' } = parent;
  if (group !== '') check.invalidEach(`${path}.group`, group, dns1123Subdomain(group));
  for (const field of ['resource', 'name'] as const) {
    const value = parent[field] ?? '';
    if (value === '') check.required(`${path}.${field}`);
    else check.invalidEach(`${path}.${field}`, value, pathSegmentName(value));
  }
  if (namespace !== '') check.invalidEach(`${path}.namespace`, namespace, dns1123Label(namespace));
}

/** Named by the address in canonical form: creating it is what takes the address. */
export function validateIPAddress(address: networking.IPAddress): Errors {
  const check = new Check();
  checkObjectMeta(check, address.metadata, { namespaced: false, name: nameIsCanonicalIp });
  checkParentRef(check, address.spec?.parentRef);
  return check.errors;
}

export function validateIPAddressUpdate(address: networking.IPAddress, old: networking.IPAddress): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, address.metadata, old.metadata);
  check.immutable('spec.parentRef', address.spec?.parentRef, old.spec?.parentRef);
  return check.errors;
}
