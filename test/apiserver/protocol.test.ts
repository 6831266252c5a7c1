import { once } from 'node:events';
import { statSync } from 'node:fs';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createInProcessTransport } from '#apiserver';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
});
afterAll(async () => {
  client?.close();
  await server?.close();
});

function over2(
  session: ClientHttp2Session,
  path: string,
  { body, ...more }: OutgoingHttpHeaders & { body?: string } = {},
): Promise<{ headers: IncomingHttpHeaders; text: string; continued: boolean }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, 'content-type': 'application/json', ...more });
    let headers: IncomingHttpHeaders = {};
    let text = '';
    let continued = false;
    stream.on('continue', () => {
      continued = true;
    });
    if (body !== undefined) stream.end(body);
    stream.setEncoding('utf8');
    stream.on('response', (head) => {
      headers = head;
    });
    stream.on('data', (chunk) => {
      text += chunk;
    });
    stream.on('end', () => resolve({ headers, text, continued }));
    stream.on('error', reject);
  });
}

describe('HTTP', () => {
  it('speaks HTTP/2 and HTTP/1.1 on one port', async () => {
    const session = connectHttp2(`https://127.0.0.1:${server.port}`, {
      ca: server.ca.certificate,
      cert: server.admin.certificate,
      key: server.admin.key,
    });
    try {
      const answers = await Promise.all([over2(session, '/version'), over2(session, MAPS)]);
      expect(answers.map((a) => a.headers[':status'])).toEqual([200, 200]);
      expect(JSON.parse(answers[1]!.text).kind).toBe('ConfigMapList');
    } finally {
      session.close();
    }
    expect((await client.get('/version')).json.minor).toBe('36');
  });

  it('takes bodies and answers HEAD, refusals and long lists over HTTP/2', async () => {
    const { ca, admin, port } = server;
    const identity = { ca: ca.certificate, cert: admin.certificate, key: admin.key };
    const session = connectHttp2(`https://127.0.0.1:${port}`, identity);
    try {
      const object = (name: string, text: string) => JSON.stringify({ metadata: { name }, data: { text } });
      const post = (body: string, more: OutgoingHttpHeaders = {}) =>
        over2(session, MAPS, { ':method': 'POST', body, ...more });
      for (let i = 0; i < 4; i++) {
        const made = await post(object(`long-${i}`, 'ü'.repeat(100_000)), { expect: '100-continue' });
        expect([made.headers[':status'], made.continued]).toEqual([201, true]);
      }
      const head = await over2(session, MAPS, { ':method': 'HEAD' });
      expect([head.headers[':status'], head.text]).toEqual([200, '']);
      const list = JSON.parse((await over2(session, MAPS)).text);
      expect(list.items).toEqual((await client.get(MAPS)).json.items);
      expect((await post(object('big', 'x'.repeat(3 * 1024 * 1024)))).headers[':status']).toBe(413);
      expect((await post('{')).headers[':status']).toBe(400);
      expect((await over2(session, '/version')).headers[':status']).toBe(200);
    } finally {
      session.close();
    }
  });

  it('tags every answer with an audit ID and forbids caching', async () => {
    const own = await client.get(MAPS, { 'audit-id': 'my-id' });
    expect(own.headers['audit-id']).toBe('my-id');
    expect(own.headers['cache-control']).toBe('no-cache, private');
    const made = await client.get(`${MAPS}/none`);
    expect(made.headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each<[string, string, Record<string, string>, boolean]>([
    ['for curl', MAPS, { 'user-agent': 'curl/8.5.0' }, true],
    ['on request', `${MAPS}?pretty=true`, {}, true],
    ['not for curl when it says so', `${MAPS}?pretty=0`, { 'user-agent': 'curl/8.5.0' }, false],
    ['not for other clients', MAPS, { 'user-agent': 'kubectl/v1.36.2' }, false],
    ['in errors', `${MAPS}/none?pretty=1`, {}, true],
    ['in discovery', '/api/v1?pretty=1', {}, true],
  ])('indents JSON %s', async (_when, path, headers, indents) => {
    const { text, json } = await client.get(path, headers);
    expect(text).toBe(indents ? JSON.stringify(json, null, 2) : `${JSON.stringify(json)}\n`);
  });

  it('answers HEAD like GET, without a body', async () => {
    const { status, text, headers } = await client.call('HEAD', MAPS);
    expect([status, text]).toEqual([200, '']);
    expect(headers['content-type']).toBe('application/json');
  });

  it('refuses bodies above 3 MiB, announced or not, and goes on serving the connection', async () => {
    const blob = 'x'.repeat(3 * 1024 * 1024);
    const { status, json } = await client.post(MAPS, { metadata: { name: 'big' }, data: { blob } });
    expect(status).toBe(413);
    expect(json.reason).toBe('RequestEntityTooLarge');
    expect((await client.get('/version')).status).toBe(200);
  });

  it.each([
    ['GET', '/nowhere', 404],
    ['GET', '/api/v2/pods', 404],
    ['GET', '/apis/nothing.example.com/v1/things', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/configmaps/name', 404],
    ['GET', `${MAPS}/x/status`, 404],
    ['POST', '/api/v1/configmaps', 405],
    ['PUT', MAPS, 405],
    ['DELETE', '/api/v1/namespaces', 405],
    ['GET', '/apis/authentication.k8s.io/v1/tokenreviews', 405],
    ['OPTIONS', MAPS, 405],
    ['POST', '/version', 404],
    ['GET', '/api/v1/%zz', 400],
    ['GET', '/api/v1/namespaces/default/configmaps/..%2f..%2fsecrets', 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    const body = method === 'GET' || method === 'OPTIONS' ? undefined : {};
    expect((await client.call(method, path, { body })).status).toBe(status);
  });

  it('answers 415 for bodies in an encoding that it does not know', async () => {
    const { status, json } = await client.post(MAPS, 'x', { 'content-type': 'text/csv' });
    expect(status).toBe(415);
    expect(json.message).toContain('accepted media types include: application/json, application/yaml');
  });
});

describe('a unix socket', () => {
  it('speaks the same TLS, is closed to other users, and goes away', async () => {
    const path = join(server.dir, 'api.sock');
    const local = await startServer({ securePort: undefined, unixSocket: path, advertisePort: 6443 });
    try {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const socket = connectTls({
        path,
        ca: local.ca.certificate,
        servername: 'localhost',
        ALPNProtocols: ['http/1.1'],
      });
      const text = await new Promise<string>((resolve, reject) => {
        let all = '';
        socket.on('data', (chunk) => {
          all += String(chunk);
        });
        socket.on('end', () => resolve(all)).on('error', reject);
        socket.write('GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
      });
      expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
      expect(text).toMatch(/ok$/);
    } finally {
      await local.close();
    }
    expect(() => statSync(path)).toThrow('ENOENT');
  });
});

describe('who gets in', () => {
  it('lets anonymous callers see health and version only', async () => {
    const anonymous = new TestClient(server);
    try {
      for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
        expect((await anonymous.get(path)).status).toBe(200);
      }
      for (const path of [MAPS, '/api', '/metrics', '/openapi/v3', '/']) {
        const { status, json } = await anonymous.get(path);
        expect([status, json.reason]).toEqual([401, 'Unauthorized']);
      }
    } finally {
      anonymous.close();
    }
  });

  it('refuses certificates of other authorities', async () => {
    const other = await startServer();
    const stranger = new TestClient(server, other.admin);
    try {
      expect((await stranger.get(MAPS)).status).toBe(401);
    } finally {
      stranger.close();
      await other.close();
    }
  });

  it('tells users without rights what they lack', async () => {
    const plain = new TestClient(server, await server.client('jane', ['dev']));
    try {
      const { status, json } = await plain.get(`${MAPS}/x`);
      expect(status).toBe(403);
      expect(json.message).toBe(
        'configmaps "x" is forbidden: User "jane" cannot get resource "configmaps" in API group "" in the namespace "default"',
      );
      expect(json.details).toMatchObject({ name: 'x', kind: 'configmaps' });
      expect((await plain.get('/api')).status).toBe(200);
    } finally {
      plain.close();
    }
  });

  it('impersonates for those who may', async () => {
    const as = (name: string) => ({ 'impersonate-user': name });
    expect((await client.get(MAPS, as('jane'))).status).toBe(403);
    const groups = { ...as('jane'), 'impersonate-group': 'system:masters' };
    expect((await client.get(MAPS, groups)).status).toBe(200);
    const plain = new TestClient(server, await server.client('jane', ['dev']));
    try {
      const { status, json } = await plain.get(MAPS, as('admin'));
      expect(status).toBe(403);
      expect(json.message).toContain('cannot impersonate resource "users"');
    } finally {
      plain.close();
    }
  });

  it('serves in-process callers as the user they are given', async () => {
    const signal = new AbortController().signal;
    const request = { method: 'GET', url: MAPS, headers: {}, signal };
    const admin = createInProcessTransport(server.server, { name: 'a', groups: ['system:masters'] });
    expect((await admin(request)).status).toBe(200);
    const nobody = createInProcessTransport(server.server, { name: 'b', groups: ['system:authenticated'] });
    expect((await nobody(request)).status).toBe(403);
  });
});

describe('discovery', () => {
  const V2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

  it('answers the aggregated form with its parameters, and 304 for the same ETag', async () => {
    const { headers, json } = await client.get('/apis', { accept: `${V2},application/json` });
    expect(headers['content-type']).toBe(V2);
    expect(json).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    const apps = json.items.find((i: { metadata: { name: string } }) => i.metadata.name === 'apps');
    const deployments = apps.versions[0].resources.find(
      (r: { resource: string }) => r.resource === 'deployments',
    );
    expect(deployments).toMatchObject({
      responseKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      shortNames: ['deploy'],
    });
    expect(deployments.subresources.map((s: { subresource: string }) => s.subresource)).toEqual([
      'scale',
      'status',
    ]);
    const again = await client.get('/apis', { accept: V2, 'if-none-match': String(headers['etag']) });
    expect([again.status, again.text]).toEqual([304, '']);
    const beta = await client.get('/api', { accept: V2.replace('v=v2;', 'v=v2beta1;') });
    expect(beta.json.apiVersion).toBe('apidiscovery.k8s.io/v2beta1');
  });

  it('answers the legacy lists', async () => {
    expect((await client.get('/api')).json).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await client.get('/apis')).json.kind).toBe('APIGroupList');
    expect((await client.get('/apis/apps')).json).toMatchObject({ kind: 'APIGroup', name: 'apps' });
    const list = (await client.get('/api/v1')).json;
    expect(list).toMatchObject({ kind: 'APIResourceList', groupVersion: 'v1' });
    const eviction = list.resources.find((r: { name: string }) => r.name === 'pods/eviction');
    expect(eviction).toMatchObject({ group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] });
  });

  it('lets OpenAPI documents be cached by their hash', async () => {
    const index = (await client.get('/openapi/v3')).json;
    const url = index.paths['api/v1'].serverRelativeURL;
    expect(url).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]+$/);
    const document = await client.get(url);
    expect(document.status).toBe(200);
    expect(document.headers['cache-control']).toContain('immutable');
    expect(document.json.paths['/api/v1/namespaces/{namespace}/services/{name}']).toBeDefined();
    const moved = await client.get('/openapi/v3/api/v1?hash=OLD');
    expect([moved.status, moved.headers['location']]).toEqual([301, url]);
    const accept = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
    expect((await client.get('/openapi/v2', { accept })).status).toBe(200);
    expect((await client.get('/openapi/v2')).json.swagger).toBe('2.0');
  });

  it.each(['.v1.0+protobuf', '@v1.0+protobuf'])(
    'writes OpenAPI documents in protobuf for application/com.github.proto-openapi.spec.v3%s',
    async (suffix) => {
      const accept = `application/com.github.proto-openapi.spec.v3${suffix}`;
      const url = (await client.get('/openapi/v3')).json.paths['apis/apps/v1'].serverRelativeURL;
      const [json, protobuf] = [await client.get(url), await client.get(url, { accept })];
      expect(protobuf.headers).toMatchObject({
        'content-type': 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
        'cache-control': 'public, immutable',
        etag: json.headers['etag'],
        vary: 'Accept',
      });
      expect(protobuf.text).toContain('readAppsV1NamespacedDeployment');
      expect(protobuf.text).toMatch(/^\n\x053\.0\.0/);
      const etag = json.headers['etag']!;
      expect((await client.get(url, { accept, 'if-none-match': etag })).status).toBe(304);
      const moved = await client.get('/openapi/v3/apis/apps/v1?hash=OLD', { accept });
      expect([moved.status, moved.headers['location']]).toEqual([301, url]);
      expect((await client.get(url, { accept: 'image/png' })).status).toBe(406);
    },
  );
});

describe('health and metrics', () => {
  it('answers checks in total, verbosely, one by one and with exclusions', async () => {
    expect((await client.get('/livez')).text).toBe('ok');
    const verbose = (await client.get('/readyz?verbose')).text;
    expect(verbose).toContain('[+]etcd ok');
    expect(verbose).toMatch(/readyz check passed\n$/);
    expect((await client.get('/livez/etcd')).text).toBe('ok');
    expect((await client.get('/livez/nothing')).status).toBe(404);
    const excluded = (await client.get('/healthz?verbose&exclude=etcd&exclude=foo')).text;
    expect(excluded).toContain('[+]etcd excluded: ok');
    expect(excluded).toContain('no matches for "foo"');
  });

  it('counts requests by upstream labels', async () => {
    await client.get(MAPS);
    const { text } = await client.get('/metrics');
    expect(text).toMatch(
      /apiserver_request_total\{verb="LIST",group="",version="v1",resource="configmaps",subresource="",scope="namespace",component="apiserver",dry_run="",code="200"\} \d+/,
    );
    expect(text).toContain('apiserver_request_duration_seconds_bucket');
    expect(text).toContain('apiserver_current_inflight_requests{request_kind="mutating"}');
    expect(text).toMatch(/kubesvc_event_loop_delay_seconds\{quantile="0\.99"\} [\d.e-]+/);
  });
});

describe('fairness', () => {
  it('answers 429 with Retry-After above the limit, but lets health, watches and admins in', async () => {
    const tight = await startServer({ maxRequestsInflight: 1 });
    const admin = new TestClient(tight, tight.admin);
    await admin.post('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'jane' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }],
    });
    const plain = new TestClient(tight, await tight.client('jane', []));
    try {
      // A version ahead of the store keeps the request running for three seconds.
      const slow = plain.get(`${MAPS}?resourceVersion=99999999`);
      const busy = async (): Promise<boolean> =>
        /inflight_requests\{request_kind="readOnly"\} [12]/.test((await admin.get('/metrics')).text);
      while (!(await plain.get(MAPS).then((a) => a.status === 429))) await busy();
      const refused = await plain.get(MAPS);
      expect(refused.json).toMatchObject({ reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } });
      expect(refused.headers['retry-after']).toBe('1');
      expect((await plain.get('/readyz')).status).toBe(200);
      expect((await admin.get(MAPS)).status).toBe(200);
      const watch = await plain.watch(`${MAPS}?watch=true`);
      expect(watch.response.statusCode).toBe(200);
      watch.close();
      await slow;
    } finally {
      plain.close();
      admin.close();
      await tight.close();
    }
  });
});

describe('clients that speak nonsense', () => {
  const tls = (text: string): Promise<string> => {
    const socket = connectTls({
      host: '127.0.0.1',
      port: server.port,
      ca: server.ca.certificate,
      ALPNProtocols: ['http/1.1'],
    });
    return new Promise((resolve) => {
      let all = '';
      socket.on('data', (chunk) => {
        all += String(chunk);
      });
      socket.on('close', () => resolve(all)).on('error', () => {});
      socket.end(text);
    });
  };

  it.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400/],
    ['endless headers', `GET / HTTP/1.1\r\nx: ${'y'.repeat(200_000)}\r\n\r\n`, /^(HTTP\/1\.1 431|$)/],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      /^HTTP\/1\.1 400/,
    ],
    [
      'a body that ends early',
      'POST /api/v1/namespaces HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{',
      /^(HTTP\/1\.1 4\d\d|$)/,
    ],
    [
      'an upgrade that nobody serves',
      'GET /version HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      /^HTTP\/1\.1 404/,
    ],
    [
      'an upgrade without credentials',
      'GET /api/v1/namespaces/a/pods/b/exec HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      /^HTTP\/1\.1 401/,
    ],
  ])('get an answer or a closed connection for %s', async (_what, text, expected) => {
    expect(await tls(text)).toMatch(expected);
    expect((await client.get('/readyz')).text).toBe('ok');
  });

  it('do not disturb others with bytes that are no TLS', async () => {
    const socket = connectTcp(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await once(socket, 'close');
    expect((await client.get('/readyz')).text).toBe('ok');
  });
});

describe('clients that hang up', () => {
  it('leave nothing in flight, over either protocol', async () => {
    const busy = await startServer({ maxRequestsInflight: 1 });
    const admin = new TestClient(busy, busy.admin);
    const running = async (): Promise<number> => {
      const { text } = await admin.get('/metrics');
      return Number(/inflight_requests\{request_kind="readOnly"\} (\d+)/.exec(text)?.[1]);
    };
    const blob = 'x'.repeat(500_000);
    for (let i = 0; i < 20; i++) await admin.post(MAPS, { metadata: { name: `b${i}` }, data: { blob } });
    const { ca, admin: identity, port } = busy;
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      ca: ca.certificate,
      cert: identity.certificate,
      key: identity.key,
    });
    try {
      const stream = session.request({ ':path': MAPS });
      await once(stream, 'response');
      stream.close();
      const response = await admin.open('GET', MAPS);
      response.destroy();
      // The scrape itself is in flight while it counts.
      await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 10_000 });
    } finally {
      session.destroy();
      admin.close();
      await busy.close();
    }
  });
});

describe('drain', () => {
  it('ends watches and finishes running requests before it stops', async () => {
    const going = await startServer();
    const caller = new TestClient(going, going.admin);
    const watch = await caller.watch(`${MAPS}?watch=true`);
    const slow = caller.get(`${MAPS}?resourceVersion=99999999`);
    await caller.get('/readyz');
    const stopped = going.close();
    expect(await watch.rest()).toEqual([]);
    expect((await slow).status).toBe(504);
    await stopped;
    await expect(caller.get('/readyz')).rejects.toThrow(/ECONNREFUSED|socket hang up|ECONNRESET/);
    caller.close();
  });
});
