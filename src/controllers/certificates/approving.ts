import type { authorization } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import { createLoop } from '../common/loop.js';
import type { ControllerDeps } from '../deps.js';
import {
  askedBy,
  conditionsOf,
  hasCondition,
  isIssued,
  type Request,
  requestHandlers,
} from './conditions.js';
import { SIGNERS } from './signers.js';

const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SELF = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const ANY = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

/**
 * Approves client certificates of nodes for those who may have them: the node itself with the right to
 * `certificatesigningrequests/selfnodeclient`, others with that to `nodeclient`
 * (certificatesigningrequest-approving-controller).
 */
export function createCertificateApprovingController(deps: ControllerDeps): Startable {
  const requests = deps.informers.informer(Resources.certificateSigningRequests);
  const client = deps.client.resource(Resources.certificateSigningRequests);
  const reviews = deps.client.resource(Resources.subjectAccessReviews);

  async function may({ spec }: Request, subresource: string): Promise<boolean> {
    const { username: user = '', uid, groups, extra } = spec;
    const resourceAttributes = {
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      subresource,
      verb: 'create',
    };
    const who = { user, ...(uid && { uid }), ...(groups && { groups }), ...(extra && { extra }) };
    const review: authorization.SubjectAccessReview = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: {},
      spec: { ...who, resourceAttributes },
    };
    return (await reviews.create(review)).status?.allowed === true;
  }

  return createLoop(deps, 'certificate_approving', () => ({
    workers: 5,
    caches: [requests],
    subscribe: (queue) => [requests.on(requestHandlers(queue))],
    async sync(key) {
      const request = requests.get(key);
      if (request === undefined || !waits(request)) return;
      const own = askedBy(request).commonName === request.spec.username;
      for (const { subresource, message } of own ? [SELF, ANY] : [ANY]) {
        if (!(await may(request, subresource))) continue;
        const approved = { type: 'Approved', status: 'True', reason: 'AutoApproved', message };
        const conditions = [...conditionsOf(request), approved];
        await client.updateSubresource('approval', { ...request, status: { ...request.status, conditions } });
        return;
      }
    },
  }));
}

/** Undecided, and what the signer of node certificates would sign. */
function waits(request: Request): boolean {
  const { signerName, usages = [] } = request.spec;
  if (signerName !== KUBELET_CLIENT || isIssued(request)) return false;
  if (hasCondition(request, 'Approved') || hasCondition(request, 'Denied')) return false;
  return SIGNERS[KUBELET_CLIENT]!(askedBy(request), usages) === undefined;
}
