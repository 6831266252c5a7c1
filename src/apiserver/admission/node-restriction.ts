import type { authentication, core, KubeObject } from '#api';
import { semanticEqual } from '#api';
import { nodeOf } from '../authz/index.js';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { restrictCertificateRequest } from './certificates.js';
import { refuse } from './refuse.js';

const MIRROR = 'kubernetes.io/config.mirror';
const RESTRICTED_PREFIX = 'node-restriction.kubernetes.io';
/** Labels of the kubernetes.io and k8s.io domains that a node may set on itself. */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
]);
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

/** What a node may write: itself, and the Pods bound to it (upstream plugin/pkg/admission/noderestriction). */
export class NodeRestriction implements AdmissionPlugin {
  readonly name = 'NodeRestriction';
  readonly #deps: ServerDeps;
  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  admit(attributes: AdmissionAttributes): Promise<void> | void {
    const node = nodeOf(attributes.user);
    if (node === undefined) return;
    switch (attributes.kind.message) {
      case 'core.v1.Pod':
        return this.#pod(node, attributes);
      case 'core.v1.Node':
        return restrictNode(node, attributes);
      case 'coordination.v1.Lease':
        return restrictLease(node, attributes);
      case 'core.v1.ServiceAccount':
        return this.#token(node, attributes);
      case 'certificates.v1.CertificateSigningRequest':
        return restrictCertificateRequest(node, attributes);
      default:
        return;
    }
  }

  async #pod(node: string, attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource === 'eviction') {
      const kind = this.#deps.kind('core.v1.Pod');
      const pod = await this.#deps.store.get<core.Pod>(kind, attributes.namespace, attributes.name);
      if (pod?.spec?.nodeName === node) return;
      throw refuse(attributes, `node ${quote(node)} can only evict pods with spec.nodeName set to itself`);
    }
    if (attributes.subresource === 'status') return restrictPodStatus(node, attributes);
    if (attributes.subresource !== '') return;
    if (attributes.operation === 'CREATE') return restrictMirrorPod(node, attributes);
    if (attributes.operation !== 'DELETE') {
      throw refuse(attributes, `unexpected operation ${quote(attributes.operation)}`);
    }
    if ((attributes.oldObject as core.Pod).spec?.nodeName === node) return;
    throw refuse(attributes, `node ${quote(node)} can only delete pods with spec.nodeName set to itself`);
  }

  /** A node's token requests are for its own Pods, and the tokens die with them. */
  async #token(node: string, attributes: AdmissionAttributes): Promise<void> {
    if (attributes.subresource !== 'token') return;
    const reference = (attributes.object as authentication.TokenRequest).spec?.boundObjectRef;
    if (reference === undefined || reference.kind !== 'Pod' || reference.apiVersion !== 'v1') {
      throw refuse(attributes, 'node requested token not bound to a pod');
    }
    if ((reference.name ?? '') === '')
      throw refuse(attributes, 'node requested token bound to a pod without a name');
    if ((reference.uid ?? '') === '')
      throw refuse(attributes, 'node requested token with a pod binding without a uid');
    const kind = this.#deps.kind('core.v1.Pod');
    const pod = await this.#deps.store.get<core.Pod>(kind, attributes.namespace, reference.name!);
    if (pod === undefined) throw refuse(attributes, `pod ${quote(reference.name!)} not found`);
    if (pod.metadata.uid !== reference.uid) {
      throw refuse(attributes, 'the UID in the bound object reference does not match the UID in record');
    }
    if (pod.spec?.nodeName !== node) {
      throw refuse(attributes, 'node requested token bound to a pod scheduled on a different node');
    }
    if (pod.spec.serviceAccountName !== attributes.name) {
      throw refuse(attributes, 'node requested token bound to a pod with different service account');
    }
  }
}

const quote = (text: string): string => JSON.stringify(text);

function restrictMirrorPod(node: string, attributes: AdmissionAttributes): void {
  const pod = attributes.object as core.Pod;
  if (pod.metadata.annotations?.[MIRROR] === undefined) {
    throw refuse(
      attributes,
      `pod does not have ${quote(MIRROR)} annotation, node ${quote(node)} can only create mirror pods`,
    );
  }
  if (pod.spec?.nodeName !== node) {
    throw refuse(attributes, `node ${quote(node)} can only create pods with spec.nodeName set to itself`);
  }
  if ((pod.spec.serviceAccountName ?? '') !== '') {
    throw refuse(attributes, `node ${quote(node)} can not create pods that reference a service account`);
  }
  for (const volume of pod.spec.volumes ?? []) {
    const kinds = ['secret', 'configMap', 'persistentVolumeClaim'] as const;
    const used = kinds.find((kind) => volume[kind] !== undefined);
    if (used !== undefined) {
      throw refuse(
        attributes,
        `node ${quote(node)} can not create pods that reference ${used.toLowerCase()}s`,
      );
    }
  }
}

function restrictPodStatus(node: string, attributes: AdmissionAttributes): void {
  const old = attributes.oldObject as core.Pod;
  if (old.spec?.nodeName !== node) {
    throw refuse(
      attributes,
      `node ${quote(node)} can only update pod status for pods with spec.nodeName set to itself`,
    );
  }
  if (!semanticEqual(old.metadata.labels, attributes.object?.metadata.labels)) {
    throw refuse(attributes, `node ${quote(node)} cannot update labels through pod status`);
  }
}

function restrictLease(node: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== 'kube-node-lease') {
    throw refuse(attributes, 'can only access leases in the "kube-node-lease" namespace');
  }
  const name = attributes.operation === 'CREATE' ? attributes.object?.metadata.name : attributes.name;
  if (name !== node) {
    throw refuse(attributes, 'can only access node lease with the same name as the requesting node');
  }
}

function restrictNode(node: string, attributes: AdmissionAttributes): void {
  const name = attributes.name || (attributes.object?.metadata.name ?? '');
  if (name !== node)
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify node ${quote(name)}`);
  const object = attributes.object as core.Node | undefined;
  if (object === undefined) return;
  const old = attributes.oldObject as core.Node | undefined;
  refuseLabels(node, attributes, forbiddenLabels(object, old));
  if (old === undefined) return;
  if (!semanticEqual(object.spec?.taints, old.spec?.taints)) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify taints`);
  }
  if (!semanticEqual(object.metadata.ownerReferences, old.metadata.ownerReferences)) {
    throw refuse(attributes, `node ${quote(node)} is not allowed to modify ownerReferences`);
  }
}

function refuseLabels(node: string, attributes: AdmissionAttributes, labels: string[]): void {
  if (labels.length === 0) return;
  const what = attributes.operation === 'CREATE' ? 'set' : 'modify';
  throw refuse(
    attributes,
    `node ${quote(node)} is not allowed to ${what} the following labels: ${labels.join(', ')}`,
  );
}

function forbiddenLabels(object: KubeObject, old: KubeObject | undefined): string[] {
  const now = object.metadata.labels ?? {};
  const before = old?.metadata.labels ?? {};
  const changed = [...new Set([...Object.keys(now), ...Object.keys(before)])].filter(
    (label) => now[label] !== before[label],
  );
  return changed.filter((label) => !isOwnLabel(label)).sort();
}

function isOwnLabel(label: string): boolean {
  const domain = label.includes('/') ? label.slice(0, label.indexOf('/')) : '';
  const within = (parent: string) => domain === parent || domain.endsWith(`.${parent}`);
  if (within(RESTRICTED_PREFIX)) return false;
  if (!within('kubernetes.io') && !within('k8s.io')) return true;
  return OWN_LABELS.has(label) || OWN_DOMAINS.some(within);
}
