import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { builtInKind, FakeObjectStore, fakeDeps } from '../testing/fake-object-store.js';
import { ServiceAccountKeys } from './service-account-keys.js';
import { ServiceAccountTokens, type TokenClaims } from './service-account-tokens.js';

const ISSUER = 'https://kubernetes.default.svc';
const accounts = builtInKind('core.v1.ServiceAccount');
const secrets = builtInKind('core.v1.Secret');

/** An account with a token in a Secret, as the token controller of kube-controller-manager makes it. */
async function world(change: Record<string, unknown> = {}) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys = new ServiceAccountKeys(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), []);
  const store = new FakeObjectStore();
  const tokens = new ServiceAccountTokens({ issuers: [ISSUER] }, keys, fakeDeps(store));
  const account = await store.create<core.ServiceAccount>(accounts, {
    metadata: { name: 'app', namespace: 'team', uid: 'u1' },
  });
  const claims = {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': 'team',
    'kubernetes.io/serviceaccount/secret.name': 'app-token',
    'kubernetes.io/serviceaccount/service-account.name': 'app',
    'kubernetes.io/serviceaccount/service-account.uid': account.metadata.uid,
    sub: 'system:serviceaccount:team:app',
    ...change,
  };
  const token = keys.sign(claims as unknown as TokenClaims);
  await store.create<core.Secret>(secrets, {
    metadata: { name: 'app-token', namespace: 'team' },
    type: 'kubernetes.io/service-account-token',
    data: { token: Buffer.from(token).toString('base64') },
  });
  return { store, tokens, token };
}

describe('tokens that live in Secrets', () => {
  it('are good for the API server without audience or expiry', async () => {
    const { tokens, token } = await world();
    expect(await tokens.verify(token)).toMatchObject({
      kind: 'accepted',
      user: {
        name: 'system:serviceaccount:team:app',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:team'],
      },
      audiences: [ISSUER],
    });
    expect(await tokens.verify(token, ['vault'])).toMatchObject({ kind: 'refused' });
  });

  it('end with their Secret, their account, and the token in the Secret', async () => {
    const gone = await world();
    await gone.store.delete(secrets, 'team', 'app-token');
    expect(await gone.tokens.verify(gone.token)).toMatchObject({ why: expect.stringMatching(/is gone/) });
    const other = await world();
    await other.store.update<core.Secret>(secrets, 'team', 'app-token', (secret) => ({
      ...secret,
      data: { token: 'b3RoZXI=' },
    }));
    expect(await other.tokens.verify(other.token)).toMatchObject({
      why: expect.stringMatching(/another token/),
    });
    const orphan = await world();
    await orphan.store.delete(accounts, 'team', 'app');
    expect(await orphan.tokens.verify(orphan.token)).toMatchObject({ kind: 'refused' });
  });

  it.each([
    ['another account', { sub: 'system:serviceaccount:team:root' }],
    ['another UID', { 'kubernetes.io/serviceaccount/service-account.uid': 'x' }],
    ['no Secret', { 'kubernetes.io/serviceaccount/secret.name': undefined }],
    ['a claim of another type', { 'kubernetes.io/serviceaccount/namespace': ['team'] }],
  ])('are refused for %s', async (_, change) => {
    const { tokens, token } = await world(change);
    expect(await tokens.verify(token)).toMatchObject({ kind: 'refused' });
  });

  it('are refused with another signature', async () => {
    const { tokens } = await world();
    const stranger = await world();
    expect(await tokens.verify(stranger.token)).toMatchObject({ kind: 'refused', why: 'invalid signature' });
  });
});
