import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessTransport } from '#apiserver';
import { startServer, type TestServer } from './start-server.js';

let server: TestServer;
let send: ReturnType<typeof createInProcessTransport>;

beforeAll(async () => {
  server = await startServer({ securePort: undefined, advertisePort: 6443, requestTimeoutMs: 5000 });
  send = createInProcessTransport(server.server, { name: 'fuzz', groups: ['system:masters'] });
  await call(
    'POST',
    '/api/v1/namespaces/default/services',
    '{"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}',
  );
});
afterAll(async () => {
  await server?.close();
});

async function call(
  method: string,
  url: string,
  body = '',
  contentType = 'application/json',
): Promise<{ status: number; text: string }> {
  const abort = new AbortController();
  const headers = { 'content-type': contentType };
  const answer = await send({ method, url, headers, body: Buffer.from(body), signal: abort.signal });
  // Streams are watches: their head is all that is asked of them here.
  const { body: out } = answer;
  abort.abort();
  const text = Buffer.isBuffer(out) ? out.toString('utf8') : '';
  return { status: answer.status, text };
}

/** Bad input is answered with a 4xx; a 5xx would be our fault. */
async function expectNoDefect(answer: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await answer;
  expect([status, status >= 500 ? text : '']).toEqual([expect.any(Number), '']);
  expect(status).toBeLessThan(500);
}

const nasty = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '..',
    '%00',
    '%2f',
    'ä',
    '\u0000',
    'a'.repeat(300),
    '-1',
    '1e309',
    'null',
  ),
);
const json = fc.oneof(
  fc.json({ maxDepth: 6 }),
  fc.constantFrom(
    '',
    'null',
    '[]',
    '1e400',
    '{"metadata":null}',
    '{"metadata":{"__proto__":{"name":"x"}}}',
    `${'['.repeat(5000)}${']'.repeat(5000)}`,
    `{"metadata":{"name":"x","labels":{"a":${'9'.repeat(400)}}}}`,
    '{"a":1,"a":2}',
  ),
);

describe('bad input is never answered with a 5xx', () => {
  const runs = { numRuns: 150 };

  it('in paths', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'X'),
        fc.array(
          fc.oneof(
            fc.constantFrom('api', 'apis', 'v1', 'namespaces', 'pods', 'watch', 'proxy', 'scale'),
            nasty,
          ),
          {
            maxLength: 8,
          },
        ),
        (method, parts) => expectNoDefect(call(method, `/${parts.join('/')}`, '{}')),
      ),
      runs,
    ));

  it('in queries', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.constantFrom(
              'limit',
              'continue',
              'resourceVersionMatch',
              'labelSelector',
              'fieldSelector',
              'watch',
              'timeoutSeconds',
              'sendInitialEvents',
              'includeObject',
              'dryRun',
              'fieldManager',
            ),
            nasty,
          ),
          { maxLength: 4 },
        ),
        (pairs) =>
          expectNoDefect(
            call('GET', `/api/v1/services?${new URLSearchParams(pairs as [string, string][]).toString()}`),
          ),
      ),
      runs,
    ));

  it.each(['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'])(
    'in %s bodies',
    (type) =>
      fc.assert(
        fc.asyncProperty(
          fc.oneof(json, nasty),
          fc.constantFrom('services', 'pods', 'configmaps', 'endpoints'),
          (body, resource) =>
            expectNoDefect(call('POST', `/api/v1/namespaces/default/${resource}`, body, type)),
        ),
        runs,
      ),
  );

  it.each(['json-patch+json', 'merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'])(
    'in %s',
    (type) =>
      fc.assert(
        fc.asyncProperty(json, (body) =>
          expectNoDefect(
            call(
              'PATCH',
              '/api/v1/namespaces/default/services/s?fieldManager=f',
              body,
              `application/${type}`,
            ),
          ),
        ),
        runs,
      ),
  );

  it('in delete options', () =>
    fc.assert(
      fc.asyncProperty(json, (body) =>
        expectNoDefect(call('DELETE', '/api/v1/namespaces/default/pods/none', body)),
      ),
      runs,
    ));

  it('in YAML that grows through aliases', async () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from('bcdefghij', (c, i) => `${c}: &${c} [${`*${'abcdefghij'[i]},`.repeat(9)}]`).join('\n')}`;
    const { status } = await call('POST', '/api/v1/namespaces/default/configmaps', bomb, 'application/yaml');
    expect(status).toBe(400);
  });
});
