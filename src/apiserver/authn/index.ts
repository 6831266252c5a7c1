import type { ServerDeps } from '../deps.js';
import { type AuthnOptions, RequestAuthenticator } from './authenticator.js';
import { ServiceAccountKeys } from './service-account-keys.js';
import { ServiceAccountTokens } from './service-account-tokens.js';

export { type AuthnOptions, RequestAuthenticator, type TokenAuthenticator } from './authenticator.js';
export { ServiceAccountKeys } from './service-account-keys.js';
export { ServiceAccountTokens } from './service-account-tokens.js';

/** Flags --service-account-issuer, --api-audiences, --service-account-signing-key-file, --service-account-key-file. */
export interface ServiceAccountOptions {
  issuers: string[];
  apiAudiences?: string[];
  /** PEM of the private key, EC (P-256, P-384, P-521) or RSA. Without it no tokens are issued. */
  signingKey?: string;
  /** PEMs of more keys that tokens may be signed with (rotation). */
  verificationKeys?: string[];
}

/** Issues and verifies service account tokens; shared by the authenticator, TokenRequest and the discovery documents. */
export function createServiceAccountTokens(
  options: ServiceAccountOptions,
  deps: ServerDeps,
): ServiceAccountTokens {
  const keys = new ServiceAccountKeys(options.signingKey, options.verificationKeys);
  return new ServiceAccountTokens(options, keys, deps);
}

export function createAuthenticator(
  options: AuthnOptions,
  tokens: ServiceAccountTokens,
): RequestAuthenticator {
  return new RequestAuthenticator(options, tokens);
}
