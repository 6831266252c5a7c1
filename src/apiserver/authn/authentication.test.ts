import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { authentication, core, StatusError } from '#api';
import type { ApiRequest } from '../contracts.js';
import { startTestServer, type TestServer } from '../testing/in-process-server.js';
import { parseTokenFile } from './token-file.js';

let server: TestServer;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubesvc-authn-'));
  const file = join(directory, 'tokens.csv');
  await writeFile(file, '# comment\nsecret,alice,u1,"dev,ops"\n"to""ken",bob,u2\n');
  server = await startTestServer({ tokenAuthFile: file });
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  await server.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'app' } });
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** A request as it comes from the network: nobody vouches for it. */
async function raw(
  url: string,
  request: Partial<ApiRequest> = {},
): Promise<{ status: number; text: string }> {
  const response = await server.server.handle({
    method: 'GET',
    url,
    headers: {},
    signal: new AbortController().signal,
    body: async () => Buffer.alloc(0),
    stream: () => {
      throw new Error('no body');
    },
    ...request,
  });
  return { status: response.status, text: Buffer.isBuffer(response.body) ? response.body.toString() : '' };
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function whoami(request: Partial<ApiRequest>): Promise<authentication.UserInfo> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} };
  const { text } = await raw('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    ...request,
    headers: { 'content-type': 'application/json', ...request.headers },
    body: async () => Buffer.from(JSON.stringify(body)),
  });
  return (JSON.parse(text) as authentication.SelfSubjectReview).status!.userInfo!;
}

async function issue(
  account: string,
  spec: authentication.TokenRequestSpec = {},
): Promise<authentication.TokenRequest> {
  return server.call('POST', `/api/v1/namespaces/default/serviceaccounts/${account}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec,
  });
}

async function review(token: string, audiences?: string[]): Promise<authentication.TokenReviewStatus> {
  const answer = await server.call<authentication.TokenReview>(
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, ...(audiences === undefined ? {} : { audiences }) },
    },
  );
  return answer.status!;
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());

describe('authentication', () => {
  it.each(['/healthz', '/livez', '/readyz', '/version', '/readyz?verbose'])(
    'lets anybody read %s',
    async (path) => {
      expect((await raw(path)).status).toBe(200);
    },
  );

  it.each(['/api', '/api/v1/namespaces', '/metrics', '/healthzz', '/versions', '/openid/v1/jwks', '/'])(
    'answers 401 for %s without credentials',
    async (path) => {
      const { status, text } = await raw(path);
      expect(status).toBe(401);
      expect(JSON.parse(text)).toMatchObject({
        kind: 'Status',
        reason: 'Unauthorized',
        message: 'Unauthorized',
      });
    },
  );

  it.each(['Bearer wrong', 'Bearer ', 'Basic YTpi', 'secret', 'Bearer a.b.c', 'Bearer secret extra'])(
    'answers 401 for the header %j, on health paths too',
    async (authorization) => {
      expect((await raw('/api', { headers: { authorization } })).status).toBe(401);
      expect((await raw('/readyz', { headers: { authorization } })).status).toBe(401);
    },
  );

  it('knows the token file and adds system:authenticated', async () => {
    expect(await whoami(bearer('secret'))).toEqual({
      username: 'alice',
      uid: 'u1',
      groups: ['dev', 'ops', 'system:authenticated'],
    });
    expect((await whoami(bearer('to"ken'))).username).toBe('bob');
  });

  it('takes name and groups from a client certificate, before any token', async () => {
    const clientCertificate = { commonName: 'carol', organizations: ['team'], fingerprint: 'ab01' };
    expect(await whoami({ clientCertificate, ...bearer('wrong') })).toEqual({
      username: 'carol',
      groups: ['team', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab01'] },
    });
  });

  it('reads a token from the WebSocket subprotocol and takes it out of the offer', async () => {
    const token = Buffer.from('secret').toString('base64url');
    const headers: Record<string, string | undefined> = {
      'sec-websocket-protocol': `base64url.bearer.authorization.k8s.io.${token}, v4.channel.k8s.io`,
    };
    expect((await raw('/api', { headers })).status).toBe(200);
    expect(headers['sec-websocket-protocol']).toBe('v4.channel.k8s.io');
  });
});

it('attempts are counted by result', async () => {
  const count = async (result: string) => {
    const { text } = await raw('/metrics', { user: { name: 'admin', groups: ['system:masters'] } });
    return Number(new RegExp(`authentication_attempts\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  const before = await count('failure');
  await raw('/api', bearer('wrong'));
  expect(await count('failure')).toBe(before + 1);
  expect(await count('success')).toBeGreaterThan(0);
});

describe('service account tokens', () => {
  it('carry upstream’s claims and let their bearer in', async () => {
    const { status, spec } = await issue('app');
    expect(spec).toMatchObject({ audiences: ['https://kubernetes.default.svc'], expirationSeconds: 3600 });
    const claims = claimsOf(status!.token!);
    expect(claims).toMatchObject({
      iss: 'https://kubernetes.default.svc',
      sub: 'system:serviceaccount:default:app',
      aud: ['https://kubernetes.default.svc'],
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'app' } },
    });
    expect(claims.exp - claims.iat).toBe(3600);
    const user = await whoami(bearer(status!.token!));
    expect(user.username).toBe('system:serviceaccount:default:app');
    expect(user.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:default',
      'system:authenticated',
    ]);
    expect(user.extra!['authentication.kubernetes.io/credential-id']![0]).toBe(`JTI=${claims.jti}`);
  });

  it('for other audiences are good there and not here', async () => {
    const token = (await issue('app', { audiences: ['vault'] })).status!.token!;
    expect((await raw('/api', bearer(token))).status).toBe(401);
    expect(await review(token)).toMatchObject({ error: expect.any(String) });
    expect(await review(token, ['vault', 'other'])).toMatchObject({
      authenticated: true,
      audiences: ['vault'],
    });
  });

  it('bound to a Pod name it, live longer than asked only when asked for 3607 s, and die with it', async () => {
    const pod = await server.call<core.Pod>('POST', '/api/v1/namespaces/default/pods', {
      metadata: { name: 'bound' },
      spec: { serviceAccountName: 'app', containers: [{ name: 'c', image: 'host' }] },
    });
    const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: pod.metadata.uid };
    const { status } = await issue('app', { boundObjectRef, expirationSeconds: 3607 });
    const claims = claimsOf(status!.token!);
    expect(claims['kubernetes.io'].pod).toEqual({ name: 'bound', uid: pod.metadata.uid });
    expect(claims.exp - claims.iat).toBe(365 * 24 * 3600);
    expect(claims['kubernetes.io'].warnafter - claims.iat).toBe(3607);
    await server.call('DELETE', '/api/v1/namespaces/default/pods/bound');
    expect(await review(status!.token!)).not.toHaveProperty('authenticated');
    const wrong = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: 'x' };
    await expect(issue('app', { boundObjectRef: wrong })).rejects.toMatchObject({ code: 404 });
  });

  it.each<[authentication.TokenRequestSpec, number, string]>([
    [{ expirationSeconds: 599 }, 422, 'may not specify a duration less than 10 minutes'],
    [
      { boundObjectRef: { kind: 'Service', apiVersion: 'v1', name: 'x' } },
      400,
      'cannot bind token to object of type v1, Kind=Service',
    ],
  ])('are refused for %j', async (spec, code, text) => {
    const error = (await issue('app', spec).catch((reason: unknown) => reason)) as StatusError;
    expect([error.code, error.message]).toEqual([code, expect.stringContaining(text)]);
  });

  it('of a deleted and recreated account are no good', async () => {
    const accounts = '/api/v1/namespaces/default/serviceaccounts';
    await server.call('POST', accounts, { metadata: { name: 'brief' } });
    const token = (await issue('brief')).status!.token!;
    await server.call('DELETE', `${accounts}/brief`);
    await server.call('POST', accounts, { metadata: { name: 'brief' } });
    expect(await review(token)).not.toHaveProperty('authenticated');
  });

  it('with any byte changed, or another algorithm, are refused and never crash the server', async () => {
    const token = (await issue('app')).status!.token!;
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('A', 'z', '.', '-', '%'),
        async (at, char) => {
          if (token[at] === char) return;
          const forged = token.slice(0, at) + char + token.slice(at + 1);
          // The last character of base64url carries bits that are not part of the value.
          if (at === token.length - 1 && char !== '.' && char !== '%') return;
          expect((await raw('/api', bearer(forged))).status).toBe(401);
        },
      ),
      { numRuns: 150 },
    );
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`;
    expect((await raw('/api', bearer(none))).status).toBe(401);
    const hs256 = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${token.split('.').slice(1).join('.')}`;
    expect((await raw('/api', bearer(hs256))).status).toBe(401);
  });

  it('can be verified with the published keys', async () => {
    const token = (await issue('app')).status!.token!;
    const { createLocalJWKSet, jwtVerify } = await import('jose');
    const discovery = await server.call<Record<string, string>>('GET', '/.well-known/openid-configuration');
    expect(discovery).toMatchObject({
      issuer: 'https://kubernetes.default.svc',
      jwks_uri: expect.stringMatching(/\/openid\/v1\/jwks$/),
    });
    const keys = await server.call<Parameters<typeof createLocalJWKSet>[0]>('GET', '/openid/v1/jwks');
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), { issuer: discovery['issuer']! });
    expect(payload.sub).toBe('system:serviceaccount:default:app');
  });
});

describe('the token file', () => {
  it.each(['a', 'a,', ',b,c', '"a,b,c'])('with the line %j stops the server from starting', (line) => {
    expect(() => parseTokenFile(line)).toThrow(SyntaxError);
  });
  it('never hangs or misreads, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (text) => {
        try {
          for (const user of parseTokenFile(text).values()) expect(user.name).not.toBe('');
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
    );
  });
});
