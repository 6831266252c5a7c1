import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
let client: TestClient;
let anonymous: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
  anonymous = new TestClient(server);
});
afterAll(async () => {
  client?.close();
  anonymous?.close();
  await server?.close();
});

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Tokens from nearly right to not at all, in characters that a header takes. */
const token = fc.oneof(
  fc.stringMatching(/^[\w.~+/=-]{0,80}$/),
  fc
    .tuple(fc.json({ maxDepth: 3 }), fc.json({ maxDepth: 3 }), fc.stringMatching(/^[\w-]{0,90}$/))
    .map(([header, claims, signature]) =>
      [base64url(JSON.parse(header)), base64url(JSON.parse(claims)), signature].join('.'),
    ),
  fc
    .record({
      alg: fc.constantFrom('none', 'HS256', 'RS256', 'ES256', 'ES512', '__proto__', ''),
      kid: fc.string({ maxLength: 5 }),
      signature: fc.uint8Array({ maxLength: 140 }),
      claims: fc.record(
        {
          iss: fc.constantFrom('https://kubernetes.default.svc', '', 'x'),
          sub: fc.constantFrom('system:serviceaccount:default:default', 'x', ''),
          aud: fc.oneof(fc.string(), fc.array(fc.string()), fc.constant(null)),
          exp: fc.oneof(fc.integer(), fc.double(), fc.string()),
          'kubernetes.io': fc.oneof(fc.constant(null), fc.object({ maxDepth: 2 })),
        },
        { requiredKeys: [] },
      ),
    })
    .map(({ alg, kid, signature, claims }) =>
      [
        base64url({ alg, kid, typ: 'JWT' }),
        base64url(claims),
        Buffer.from(signature).toString('base64url'),
      ].join('.'),
    ),
);

/** A watch over a WebSocket that has been accepted, to write anything to. */
async function openWatch(): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: server.port,
    ca: server.ca.certificate,
    cert: server.admin.certificate,
    key: server.admin.key,
    ALPNProtocols: ['http/1.1'],
  });
  socket.on('error', () => {});
  socket.write(
    `GET ${MAPS}?watch=1 HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const [head] = await once(socket, 'data');
  expect(String(head)).toMatch(/^HTTP\/1\.1 101 /);
  socket.resume();
  return socket;
}

/** WebSocket frames with right and wrong opcodes, masks and lengths. */
const frame = fc
  .record({
    first: fc.integer({ min: 0, max: 255 }),
    length: fc.integer({ min: 0, max: 255 }),
    rest: fc.uint8Array({ maxLength: 40 }),
  })
  .map(({ first, length, rest }) => Buffer.from([first, length, ...rest]));

describe('bytes that nobody should send', () => {
  it('are no token: 401, whatever they are', () =>
    fc.assert(
      fc.asyncProperty(token, async (text) => {
        const answer = await anonymous.get(MAPS, { authorization: `Bearer ${text}` });
        // Without a token the caller is anonymous, who may not either.
        expect(text.trim() === '' ? [401, 403] : [401]).toContain(answer.status);
      }),
      { numRuns: 300 },
    ));

  it('are no WebSocket frames: the watch ends, and nobody else notices', () =>
    fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 4 }), async (frames) => {
        const socket = await openWatch();
        for (const bytes of frames) socket.write(bytes);
        socket.end();
        if (!socket.closed) await once(socket, 'close');
        expect((await client.get('/readyz')).status).toBe(200);
      }),
      { numRuns: 60 },
    ));

  it.each(['exec', 'attach', 'portforward'])('get an answer from %s, upgraded or not', (subresource) =>
    fc.assert(
      fc.asyncProperty(fc.webQueryParameters(), fc.constantFrom('GET', 'POST'), async (query, method) => {
        const path = `/api/v1/namespaces/default/pods/none/${subresource}?${query}`;
        const plain = await client.call(method, path);
        expect(plain.status).toBe(400);
        const response = new Promise<number | undefined>((resolve, reject) => {
          const headers = { connection: 'upgrade', upgrade: 'websocket' };
          client.open(method, path, { headers }).then((answer) => {
            answer.resume();
            resolve(answer.statusCode);
          }, reject);
        });
        expect(await response).toBe(404);
      }),
      { numRuns: 10 },
    ),
  );
});

describe('what JavaScript could trip over', () => {
  it('is data like any other: __proto__ and constructor as keys', async () => {
    const text =
      '{"metadata":{"name":"proto","annotations":{"__proto__":"a","constructor":"b"}},"data":{"__proto__":"c"}}';
    const answer = await client.call('POST', MAPS, { body: text });
    // Neither is a valid key of a ConfigMap or an annotation; what matters is that both are seen as keys.
    expect(answer.json.message).toMatch(/annotations.*"__proto__"|__proto__/);
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
    const labels = '{"metadata":{"name":"proto2","labels":{"constructor":"b","toString":"c"}}}';
    expect((await client.call('POST', MAPS, { body: labels })).json.metadata.labels).toEqual({
      constructor: 'b',
      toString: 'c',
    });
    const found = await client.get(`${MAPS}?labelSelector=constructor%3Db`);
    expect(found.json.items).toHaveLength(1);
    expect((await client.get(`${MAPS}?labelSelector=hasOwnProperty`)).json.items).toEqual([]);
  });

  it.each([
    ['nesting', `{"data":${'['.repeat(1_000_000)}`],
    ['a number of a million digits', `{"metadata":{"name":"n","generation":${'9'.repeat(1_000_000)}}}`],
    ['a key of a megabyte', `{"metadata":{"name":"n","labels":{"${'k'.repeat(1_000_000)}":"v"}}}`],
  ])('is refused without a crash: %s', async (_what, body) => {
    const answer = await client.call('POST', MAPS, { body });
    expect([400, 422]).toContain(answer.status);
  });
});
