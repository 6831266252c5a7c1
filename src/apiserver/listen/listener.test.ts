import { once } from 'node:events';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate, silentLogger } from '#base';
import type { ApiRequest } from '../contracts.js';
import { Listener } from './listener.js';

describe('a listener', () => {
  let listener: Listener;
  let ca: string;
  /** What the last request said of its body, and the body. */
  let seen: { hasBody: boolean | undefined; body: string };

  beforeAll(async () => {
    const authority = await createAuthority('test');
    const { certificate: cert, key } = await issueCertificate(authority, {
      commonName: 'server',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
    });
    ca = authority.certificate;
    listener = new Listener({
      tcp: { host: '127.0.0.1', port: 0 },
      tls: { cert, key, clientCa: [ca] },
      logger: silentLogger,
      handle: async (incoming: ApiRequest) => {
        seen = { hasBody: incoming.hasBody, body: await text(incoming.stream()) };
        return { status: 200, headers: {}, body: Buffer.from('ok') };
      },
      upgrade: async ({ socket }) => {
        socket.destroy();
      },
    });
    await listener.start();
  });
  afterAll(() => listener.stop());

  async function over1(method: string, headers: Record<string, string>, body?: string): Promise<void> {
    const outgoing = request({
      host: '127.0.0.1',
      port: listener.address!.port,
      ca,
      method,
      headers,
      agent: false,
    });
    outgoing.end(body);
    const [response] = await once(outgoing, 'response');
    await text(response);
  }

  async function over2(method: string, body?: string): Promise<void> {
    const session = connect(`https://127.0.0.1:${listener.address!.port}`, { ca });
    try {
      const stream = session.request({ ':method': method }, { endStream: body === undefined });
      if (body !== undefined) stream.end(body);
      await text(stream);
    } finally {
      session.close();
    }
  }

  // Proxied requests are framed by it: HTTP/2 needs no content-length to have a body.
  it.each<[string, () => Promise<void>, { hasBody: boolean; body: string }]>([
    ['a length', () => over1('POST', { 'content-length': '3' }, 'abc'), { hasBody: true, body: 'abc' }],
    ['chunks', () => over1('GET', { 'transfer-encoding': 'chunked' }, 'abc'), { hasBody: true, body: 'abc' }],
    ['neither', () => over1('GET', {}), { hasBody: false, body: '' }],
    ['an open HTTP/2 stream', () => over2('POST', 'abc'), { hasBody: true, body: 'abc' }],
    ['an ended HTTP/2 stream', () => over2('POST'), { hasBody: false, body: '' }],
  ])('knows from %s whether a body follows', async (_how, call, expected) => {
    await call();
    expect(seen).toEqual(expected);
  });
});
