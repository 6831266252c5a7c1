import { once } from 'node:events';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, type KeyPair } from '#base';
import { HttpTransport } from './http-transport.js';
import { Resources } from './resources.js';
import { createClient } from './rest-client.js';
import { readAll } from './transport.js';

let ca: KeyPair;
let leaf: KeyPair;
beforeAll(async () => {
  ca = await createAuthority('test');
  leaf = await issueCertificate(ca, { commonName: 'server', ipAddresses: ['127.0.0.1'], usages: ['server'] });
});

type Handler = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void;

describe.each(['HTTP/2', 'HTTP/1.1'])('the transport over %s', (version) => {
  let stop = async () => {};
  let transport: HttpTransport | undefined;
  afterEach(async () => {
    transport?.close();
    await stop();
  });

  async function serve(handler: Handler): Promise<HttpTransport> {
    const tls = { cert: leaf.certificate, key: leaf.key };
    const server =
      version === 'HTTP/2'
        ? http2.createSecureServer(tls, handler)
        : https.createServer(tls, handler as never);
    const sessions = new Set<{ destroy(): void }>();
    server.on(version === 'HTTP/2' ? 'session' : 'secureConnection', (s: { destroy(): void }) =>
      sessions.add(s),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stop = async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    transport = new HttpTransport({
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ca: ca.certificate,
    });
    return transport;
  }

  it('sends method, path, headers and body, and returns status, headers and body', async () => {
    const t = await serve(async (request, response) => {
      const body = await readAll(request as unknown as AsyncIterable<Buffer>);
      response.writeHead(201, {
        'x-seen': `${request.httpVersionMajor} ${request.method} ${request.url} ${request.headers['x-mine']}`,
      });
      response.end(body);
    });
    const answer = await t.request({
      method: 'POST',
      path: '/a?b=c',
      headers: { 'x-mine': 'yes' },
      body: Buffer.from('hello'),
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['x-seen']).toBe(`${version === 'HTTP/2' ? 2 : 1} POST /a?b=c yes`);
    expect((await readAll(answer.body)).toString()).toBe('hello');
  });

  it('streams a watch line by line and ends it when the caller aborts', async () => {
    let closed = false;
    const t = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"MODI');
      response.write('FIED","object":{"metadata":{"name":"a"}}}\n');
      response.on('close', () => {
        closed = true;
      });
    });
    const abort = new AbortController();
    const seen: string[] = [];
    for await (const event of createClient({ transport: t })
      .resource(Resources.pods)
      .watch({ signal: abort.signal })) {
      seen.push(event.type);
      if (seen.length === 2) abort.abort();
    }
    expect(seen).toEqual(['ADDED', 'MODIFIED']);
    await expect.poll(() => closed).toBe(true);
  });

  it('turns a Status into a StatusError, retries 429, and connects again after the connection broke', async () => {
    let calls = 0;
    const t = await serve((request, response) => {
      calls++;
      if (request.url === '/api/v1/nodes/busy' && calls === 1)
        return void response.writeHead(429, { 'retry-after': '0' }).end('{}');
      if (request.url === '/api/v1/nodes/gone') {
        return void response.writeHead(404).end(
          JSON.stringify({
            kind: 'Status',
            reason: 'NotFound',
            code: 404,
            message: 'nodes "gone" not found',
          }),
        );
      }
      response.end(JSON.stringify({ metadata: { name: 'busy' } }));
    });
    const nodes = createClient({ transport: t }).resource(Resources.nodes);
    expect((await nodes.get('busy')).metadata.name).toBe('busy');
    expect(calls).toBe(2);
    await expect(nodes.get('gone')).rejects.toMatchObject({ reason: 'NotFound', code: 404 });
  });

  it('refuses a server that the authority has not signed, as TransportError', async () => {
    const t = await serve((_request, response) => response.end());
    const other = await createAuthority('other');
    const strange = new HttpTransport({ server: t.server, ca: other.certificate });
    await expect(strange.request({ method: 'GET', path: '/', headers: {} })).rejects.toMatchObject({
      name: 'TransportError',
    });
    strange.close();
    await expect(strange.request({ method: 'GET', path: '/', headers: {} })).rejects.toThrow(/closed/);
  });
});

it('reports a server that is not there as TransportError', async () => {
  const nowhere = new HttpTransport({ server: 'https://127.0.0.1:1' });
  await expect(nowhere.request({ method: 'GET', path: '/', headers: {} })).rejects.toMatchObject({
    name: 'TransportError',
  });
  nowhere.close();
});
