import type { RuleResolver } from '../authz/index.js';
import type { AdmissionPlugin, Authorizer } from '../contracts.js';
import type { Living, ServerDeps } from '../deps.js';
import { CertificateApproval, CertificateSigning, CertificateSubjectRestriction } from './certificates.js';
import { LimitRanger } from './limit-ranger.js';
import { NamespaceLifecycle } from './namespace-lifecycle.js';
import { NodeRestriction } from './node-restriction.js';
import {
  DefaultIngressClass,
  DefaultTolerationSeconds,
  Priority,
  TaintNodesByCondition,
} from './pod-defaults.js';
import { PodSecurity } from './pod-security/pod-security.js';
import { RbacEscalation } from './rbac-escalation.js';
import { ResourceQuotaAdmission } from './resource-quota.js';
import { ServiceAccountAdmission } from './service-account.js';

export { AdmissionChain } from './chain.js';

/** The plugins in kube-apiserver's order. Start before serving: some watch the store. */
export interface Admission {
  plugins: AdmissionPlugin[];
}

export function createAdmission(deps: ServerDeps, authorizer: Authorizer & RuleResolver): Living<Admission> {
  const lifecycle = new NamespaceLifecycle(deps);
  const podSecurity = new PodSecurity(deps);
  const quota = new ResourceQuotaAdmission(deps);
  return {
    plugins: [
      lifecycle,
      new LimitRanger(deps),
      new ServiceAccountAdmission(deps),
      new NodeRestriction(deps),
      new TaintNodesByCondition(),
      podSecurity,
      new Priority(deps),
      new DefaultTolerationSeconds(),
      new CertificateApproval(authorizer),
      new CertificateSigning(authorizer),
      new CertificateSubjectRestriction(),
      new DefaultIngressClass(deps),
      new RbacEscalation(deps, authorizer),
      // Last, so that only what everything else lets pass is counted.
      quota,
    ],
    start: async () => {
      await Promise.all([lifecycle.start(), podSecurity.start(), quota.start()]);
    },
    stop: async () => {
      await Promise.all([lifecycle.stop(), podSecurity.stop(), quota.stop()]);
    },
  };
}
