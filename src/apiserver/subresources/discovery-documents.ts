import type { ServiceAccountTokens } from '../authn/index.js';
import type { ApiResponse, RequestContext } from '../contracts.js';

const JWKS_PATH = '/openid/v1/jwks';

/** A document outside the resource API: its path and what answers it. */
export type Document = [path: string, answer: (context: RequestContext) => ApiResponse];

function answer(contentType: string, document: object): ApiResponse {
  const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' };
  return { status: 200, headers, body: Buffer.from(JSON.stringify(document), 'utf8') };
}

/**
 * OpenID discovery of the service account issuer, for those who verify tokens by themselves. Only served when the
 * issuer is an https URL, as upstream; readable by every service account (RBAC role system:service-account-issuer-discovery).
 */
export function issuerDocuments(tokens: ServiceAccountTokens): Document[] {
  const { issuer, keys } = tokens;
  if (!issuer.startsWith('https://')) return [];
  return [
    [
      '/.well-known/openid-configuration',
      () =>
        answer('application/json', {
          issuer,
          jwks_uri: new URL(JWKS_PATH, issuer).href,
          response_types_supported: ['id_token'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: keys.algorithms,
        }),
    ],
    [JWKS_PATH, () => answer('application/jwk-set+json', keys.jwks())],
  ];
}
