import type { core } from '#api';
import type { ServerDeps } from '../deps.js';

/** Issuer of the tokens that live in Secrets: they have no audience, no expiry, and end with their Secret. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const CLAIM = 'kubernetes.io/serviceaccount/';

/** Who the token of a Secret is for. */
export interface LegacySubject {
  namespace: string;
  name: string;
  uid: string;
}

/**
 * Judges claims whose signature has been verified (upstream pkg/serviceaccount/legacy.go): the Secret must still hold
 * this very token, and the account must be the one that it was made for. A text says why not.
 */
export async function legacySubject(
  claims: Record<string, unknown>,
  token: string,
  { store, kind }: Pick<ServerDeps, 'store' | 'kind'>,
): Promise<LegacySubject | string> {
  const text = (name: string) => (typeof claims[name] === 'string' ? (claims[name] as string) : '');
  const namespace = text(`${CLAIM}namespace`);
  const name = text(`${CLAIM}service-account.name`);
  const uid = text(`${CLAIM}service-account.uid`);
  const secretName = text(`${CLAIM}secret.name`);
  if (text('sub') !== `system:serviceaccount:${namespace}:${name}`) return 'sub claim mismatch';
  if (namespace === '' || name === '' || uid === '' || secretName === '') return 'claims are missing';
  const secret = await store.get<core.Secret>(kind('core.v1.Secret'), namespace, secretName);
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined)
    return `the secret ${namespace}/${secretName} of the token is gone`;
  if (secret.data?.['token'] !== Buffer.from(token).toString('base64'))
    return `the secret ${namespace}/${secretName} holds another token`;
  const account = await store.get<core.ServiceAccount>(kind('core.v1.ServiceAccount'), namespace, name);
  if (account === undefined || account.metadata.deletionTimestamp !== undefined)
    return `the service account ${namespace}/${name} is gone`;
  if (account.metadata.uid !== uid) return `the UID of the service account ${namespace}/${name} has changed`;
  return { namespace, name, uid };
}
