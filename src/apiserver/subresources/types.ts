import type { meta } from '#api';
import type { AdmissionChain } from '../admission/chain.js';
import type { ServiceAccountTokens, TokenAuthenticator } from '../authn/index.js';
import type { RuleResolver } from '../authz/index.js';
import type { Authorizer, EgressDialer, RequestContext } from '../contracts.js';
import type { BodyCodec, ServerDeps } from '../deps.js';

/** What subresources and reviews need besides the store. */
export interface SubresourceDeps extends ServerDeps {
  codec: BodyCodec;
  /** Absent: nothing on nodes can be reached, and such requests answer 503. */
  egress?: EgressDialer;
  authorizer: Authorizer & RuleResolver;
  authenticator: TokenAuthenticator;
  tokens: ServiceAccountTokens;
  /** Requests that do not pass the generic registry are admitted here. */
  admission: AdmissionChain;
  /** DELETE of a Pod with all of its rules (grace, finalizers, preconditions), on behalf of the request's user. */
  deletePod(
    context: RequestContext,
    namespace: string,
    name: string,
    options: meta.DeleteOptions,
  ): Promise<void>;
}

/** How node agents are spoken to (--kubelet-client-certificate, --kubelet-client-key, --kubelet-certificate-authority). */
export interface KubeletOptions {
  clientCertificate?: string;
  clientKey?: string;
  /** PEM; without it the node's serving certificate is not verified, as with kube-apiserver's flag unset. */
  certificateAuthority?: string;
}
