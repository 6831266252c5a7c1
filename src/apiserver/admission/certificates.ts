import { type certificates, semanticEqual } from '#api';
import { type CertificateSigningData, parseCertificateRequest } from '#base';
import { SUPERUSERS } from '../authz/index.js';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../contracts.js';
import { isKind, refuse } from './refuse.js';

type Request = certificates.CertificateSigningRequest;

const MESSAGE = 'certificates.v1.CertificateSigningRequest';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
const NODE_SIGNERS = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** Who approves or denies needs the verb `approve` on the signer (plugin/pkg/admission/certificates/approval). */
export class CertificateApproval implements AdmissionPlugin {
  readonly name = 'CertificateApproval';
  readonly kinds = [MESSAGE];
  readonly #authorizer: Authorizer;
  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!isUpdateOf(attributes, 'approval')) return;
    const { signerName } = (attributes.oldObject as Request).spec;
    if (await maySign(this.#authorizer, attributes, 'approve', signerName)) return;
    throw refuse(
      attributes,
      `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`,
    );
  }
}

/** Who issues or fails needs the verb `sign` on the signer (plugin/pkg/admission/certificates/signing). */
export class CertificateSigning implements AdmissionPlugin {
  readonly name = 'CertificateSigning';
  readonly kinds = [MESSAGE];
  readonly #authorizer: Authorizer;
  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    if (!isUpdateOf(attributes, 'status')) return;
    const { status: before, spec } = attributes.oldObject as Request;
    const { status } = attributes.object as Request;
    const same =
      (status?.certificate ?? '') === (before?.certificate ?? '') &&
      semanticEqual(status?.conditions, before?.conditions);
    if (same || (await maySign(this.#authorizer, attributes, 'sign', spec.signerName))) return;
    throw refuse(
      attributes,
      `user not permitted to sign requests with signerName ${JSON.stringify(spec.signerName)}`,
    );
  }
}

/** Nobody becomes a superuser by certificate (plugin/pkg/admission/certificates/subjectrestriction). */
export class CertificateSubjectRestriction implements AdmissionPlugin {
  readonly name = 'CertificateSubjectRestriction';
  readonly kinds = [MESSAGE];

  validate(attributes: AdmissionAttributes): void {
    if (attributes.operation !== 'CREATE' || !isKind(attributes, MESSAGE)) return;
    const { spec } = attributes.object as Request;
    if (spec.signerName !== CLIENT_SIGNER) return;
    const asked = parsed(attributes, spec, 'failed to parse CSR');
    if (!asked.organizations.includes(SUPERUSERS)) return;
    throw refuse(attributes, `use of ${CLIENT_SIGNER} signer with ${SUPERUSERS} group is not allowed`);
  }
}

/** A node asks for certificates in its own name only (plugin/pkg/admission/noderestriction, admitCSR). */
export function restrictCertificateRequest(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'CREATE' || attributes.subresource !== '') return;
  const { spec } = attributes.object as Request;
  if (!NODE_SIGNERS.includes(spec.signerName)) return;
  const { commonName } = parsed(attributes, spec, 'unable to parse csr');
  if (commonName === `system:node:${node}`) return;
  throw refuse(attributes, `can only create a node CSR with CN=system:node:${node}`);
}

function isUpdateOf(attributes: AdmissionAttributes, subresource: string): boolean {
  const { operation, kind } = attributes;
  return operation === 'UPDATE' && kind.message === MESSAGE && attributes.subresource === subresource;
}

function parsed(
  attributes: AdmissionAttributes,
  spec: Request['spec'],
  failure: string,
): CertificateSigningData {
  try {
    return parseCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1'));
  } catch (error) {
    throw refuse(attributes, `${failure}: ${(error as Error).message}`);
  }
}

/** The signer's own name, or `domain/*` for all of its domain. */
async function maySign(
  authorizer: Authorizer,
  { user }: AdmissionAttributes,
  verb: 'approve' | 'sign',
  signerName: string,
): Promise<boolean> {
  for (const name of [signerName, `${signerName.split('/')[0]}/*`]) {
    const decision = await authorizer.authorize({
      user,
      verb,
      isResourceRequest: true,
      path: '',
      group: 'certificates.k8s.io',
      version: '*',
      namespace: '',
      resource: 'signers',
      subresource: '',
      name,
    });
    if (decision.decision === 'allow') return true;
  }
  return false;
}
