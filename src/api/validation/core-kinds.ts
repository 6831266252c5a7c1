import type { coordination, core, events, meta } from '../types/index.js';
import { Check, semanticEqual } from './field-error.js';
import {
  configMapKey,
  labelValue,
  type NameFormat,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  qualifiedName,
} from './formats.js';
import { checkLegacyCidr, cidrFamilyOf } from './ip-formats.js';
import { checkLabelName } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkQuantity } from './resources.js';
import { checkTaintEffect } from './scheduling.js';

type Errors = Check['errors'];

const SUBDOMAIN = { namespaced: true, name: nameIsDnsSubdomain };
const MAX_DATA_BYTES = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';

/** Kinds whose only rules are those of metadata: ServiceAccount, Lease's name and the like. */
export function validateMetadataOnly(
  object: { metadata: meta.ObjectMeta },
  namespaced: boolean,
  name: NameFormat = nameIsDnsSubdomain,
): Errors {
  const check = new Check();
  checkObjectMeta(check, object.metadata, { namespaced, name });
  return check.errors;
}

export function validateMetadataUpdate(
  object: { metadata: meta.ObjectMeta },
  old: { metadata: meta.ObjectMeta },
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, object.metadata, old.metadata);
  return check.errors;
}

const base64Length = (text: string): number => Buffer.byteLength(text, 'base64');

function checkConfigMap(check: Check, map: core.ConfigMap): void {
  checkObjectMeta(check, map.metadata, SUBDOMAIN);
  let bytes = 0;
  for (const [key, value] of Object.entries(map.data ?? {})) {
    check.invalidEach(`data[${key}]`, key, configMapKey(key));
    if (Object.hasOwn(map.binaryData ?? {}, key)) {
      check.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData');
    }
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(map.binaryData ?? {})) {
    check.invalidEach(`binaryData[${key}]`, key, configMapKey(key));
    bytes += base64Length(value);
  }
  if (bytes > MAX_DATA_BYTES) check.tooLong('', MAX_DATA_BYTES);
}

function checkFrozen(check: Check, object: object, old: object, fields: string[]): void {
  const now = object as Record<string, unknown>;
  const before = old as Record<string, unknown>;
  if (before['immutable'] !== true) return;
  if (now['immutable'] !== true) check.forbidden('immutable', FROZEN);
  for (const field of fields) if (!semanticEqual(now[field], before[field])) check.forbidden(field, FROZEN);
}

export function validateConfigMap(map: core.ConfigMap): Errors {
  const check = new Check();
  checkConfigMap(check, map);
  return check.errors;
}

export function validateConfigMapUpdate(map: core.ConfigMap, old: core.ConfigMap): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, map.metadata, old.metadata);
  checkFrozen(check, map, old, ['data', 'binaryData']);
  checkConfigMap(check, map);
  return check.errors;
}

/** Keys that a well-known type of Secret cannot do without. */
const SECRET_KEYS: Record<string, string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function checkSecretType(check: Check, secret: core.Secret): void {
  const data = secret.data ?? {};
  const type = secret.type ?? '';
  for (const key of Object.hasOwn(SECRET_KEYS, type) ? SECRET_KEYS[type]! : []) {
    if (!Object.hasOwn(data, key)) check.required(`data[${key}]`);
    else if (key.startsWith('.docker') && !isJsonObject(data[key]!)) {
      check.invalid(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object');
    }
  }
  if (type === 'kubernetes.io/service-account-token') {
    const name = 'kubernetes.io/service-account.name';
    if ((secret.metadata.annotations?.[name] ?? '') === '') check.required(`metadata.annotations[${name}]`);
  } else if (type === 'kubernetes.io/basic-auth') {
    if (!Object.hasOwn(data, 'username') && !Object.hasOwn(data, 'password')) {
      check.required('data[username]');
      check.required('data[password]');
    }
  } else if (type === 'kubernetes.io/ssh-auth' && (data['ssh-privatekey'] ?? '') === '') {
    check.required('data[ssh-privatekey]');
  }
}

function isJsonObject(base64: string): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function checkSecret(check: Check, secret: core.Secret): void {
  checkObjectMeta(check, secret.metadata, SUBDOMAIN);
  let bytes = 0;
  for (const [key, value] of Object.entries(secret.data ?? {})) {
    check.invalidEach(`data[${key}]`, key, configMapKey(key));
    bytes += base64Length(value);
  }
  if (bytes > MAX_DATA_BYTES) check.tooLong('data', MAX_DATA_BYTES);
  checkSecretType(check, secret);
}

export function validateSecret(secret: core.Secret): Errors {
  const check = new Check();
  checkSecret(check, secret);
  return check.errors;
}

export function validateSecretUpdate(secret: core.Secret, old: core.Secret): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, secret.metadata, old.metadata);
  check.immutable('type', secret.type ?? '', old.type ?? '');
  checkFrozen(check, secret, old, ['data']);
  checkSecret(check, secret);
  return check.errors;
}

function checkNamespaceFinalizers(check: Check, finalizers: string[] = [], indexed: boolean): void {
  finalizers.forEach((finalizer, i) => {
    const path = indexed ? `spec.finalizers[${i}]` : 'spec.finalizers';
    check.invalidEach(path, finalizer, qualifiedName(finalizer));
    if (!finalizer.includes('/') && !['kubernetes', 'orphan', 'foregroundDeletion'].includes(finalizer)) {
      check.invalid(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
    }
  });
}

export function validateNamespace(namespace: core.Namespace): Errors {
  const check = new Check();
  checkObjectMeta(check, namespace.metadata, { namespaced: false, name: nameIsDnsLabel });
  checkNamespaceFinalizers(check, namespace.spec?.finalizers, false);
  return check.errors;
}

export function validateNamespaceFinalize(namespace: core.Namespace, old: core.Namespace): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, namespace.metadata, old.metadata);
  checkNamespaceFinalizers(check, namespace.spec?.finalizers, true);
  return check.errors;
}

export function validateNamespaceStatusUpdate(namespace: core.Namespace, old: core.Namespace): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, namespace.metadata, old.metadata);
  const phase = namespace.status?.phase ?? '';
  if (namespace.metadata.deletionTimestamp === undefined) {
    if (phase !== 'Active') {
      check.invalid('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty");
    }
  } else if (phase !== 'Terminating') {
    check.invalid('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
  return check.errors;
}

function checkTaints(check: Check, taints: core.Taint[] = []): void {
  const seen = new Set<string>();
  taints.forEach((taint, i) => {
    const path = `metadata.taints[${i}]`;
    checkLabelName(check, `${path}.key`, taint.key ?? '');
    const errors = labelValue(taint.value ?? '');
    if (errors.length > 0) check.invalid(`${path}.value`, taint.value, errors.join(';'));
    checkTaintEffect(check, `${path}.effect`, taint.effect ?? '', false);
    const key = `${taint.effect}/${taint.key}`;
    if (seen.has(key)) check.duplicate(path, taint, 'taints must be unique by key and effect pair');
    seen.add(key);
  });
}

function checkNodeResources(check: Check, node: core.Node): void {
  for (const list of ['capacity', 'allocatable'] as const) {
    for (const [name, value] of Object.entries(node.status?.[list] ?? {})) {
      checkQuantity(check, `status.${list}.${name}`, name, value);
    }
  }
}

function checkPodCIDRs(check: Check, cidrs: string[] = []): void {
  cidrs.forEach((cidr, i) => {
    checkLegacyCidr(check, `spec.podCIDRs[${i}]`, cidr);
  });
  if (cidrs.length < 2) return;
  if (new Set(cidrs.map(cidrFamilyOf)).size < 2 || cidrs.length > 2) {
    check.invalid('spec.podCIDRs', cidrs, 'may specify no more than one CIDR for each IP family');
  }
  cidrs.forEach((cidr, i) => {
    if (cidrs.indexOf(cidr) < i) check.duplicate(`spec.podCIDRs[${i}]`, cidr);
  });
}

export function validateNode(node: core.Node): Errors {
  const check = new Check();
  checkObjectMeta(check, node.metadata, { namespaced: false, name: nameIsDnsSubdomain });
  checkTaints(check, node.spec?.taints);
  checkNodeResources(check, node);
  checkPodCIDRs(check, node.spec?.podCIDRs);
  return check.errors;
}

/** podCIDRs and providerID may be set once; everything else of the spec may change. */
export function validateNodeUpdate(node: core.Node, old: core.Node): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, node.metadata, old.metadata);
  checkNodeResources(check, node);
  const addresses = new Set<string>();
  (node.status?.addresses ?? []).forEach((address, i) => {
    const key = `${address.type}/${address.address}`;
    if (addresses.has(key)) check.duplicate(`status.addresses[${i}]`, address);
    addresses.add(key);
  });
  const before = old.spec?.podCIDRs ?? [];
  if (before.length > 0 && !semanticEqual(before, node.spec?.podCIDRs)) {
    check.forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid');
  }
  const provider = old.spec?.providerID ?? '';
  if (provider !== '' && provider !== node.spec?.providerID) {
    check.forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid');
  }
  checkTaints(check, node.spec?.taints);
  return check.errors;
}

function checkLeaseSpec(check: Check, spec: coordination.LeaseSpec | undefined): void {
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    check.invalid('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0');
  }
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0) {
    check.invalid('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0');
  }
  if (spec?.preferredHolder !== undefined && (spec.strategy ?? '') === '') {
    check.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined');
  }
}

export function validateLease(lease: coordination.Lease): Errors {
  const check = new Check();
  checkObjectMeta(check, lease.metadata, SUBDOMAIN);
  checkLeaseSpec(check, lease.spec);
  return check.errors;
}

export function validateLeaseUpdate(lease: coordination.Lease, old: coordination.Lease): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, lease.metadata, old.metadata);
  checkLeaseSpec(check, lease.spec);
  return check.errors;
}

/** Events live in the namespace of what they are about; those of cluster-scoped objects in default. */
export function validateEvent(event: core.Event | events.Event): Errors {
  const check = new Check();
  checkObjectMeta(check, event.metadata, SUBDOMAIN);
  const about = 'involvedObject' in event ? event.involvedObject : (event as events.Event).regarding;
  const path = 'involvedObject' in event ? 'involvedObject.namespace' : 'regarding.namespace';
  const namespace = about?.namespace ?? '';
  const own = event.metadata.namespace ?? '';
  if (namespace === '' ? own !== 'default' && own !== 'kube-system' : own !== namespace) {
    check.invalid(path, namespace, 'does not match event.namespace');
  }
  return check.errors;
}

export function validateServiceAccount(account: core.ServiceAccount): Errors {
  return validateMetadataOnly(account, true);
}
