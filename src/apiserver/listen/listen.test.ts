import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closingSignal, readBody, singleValued } from './http-request.js';
import { createInProcessTransport } from './in-process.js';
import { coalesce } from './write-response.js';

describe('coalesce', () => {
  it('keeps every byte in order and no piece above 64 KiB', () => {
    const buffer = fc.integer({ min: 0, max: 200_000 }).map((n) => Buffer.alloc(n, n % 251));
    fc.assert(
      fc.property(fc.array(buffer, { maxLength: 8 }), (pieces) => {
        const out = [...coalesce(pieces)];
        expect(Buffer.concat(out).equals(Buffer.concat(pieces))).toBe(true);
        for (const piece of out) expect(piece.length).toBeLessThanOrEqual(64 * 1024);
      }),
      { numRuns: 50 },
    );
  });
});

describe('readBody', () => {
  it('reads what is within the limit, in however many chunks', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, undefined, 10);
    stream.write('abc');
    stream.end('def');
    expect((await body).toString()).toBe('abcdef');
  });

  it('refuses what is announced above the limit without reading it', async () => {
    await expect(readBody(new PassThrough(), '11', 10)).rejects.toMatchObject({ code: 413 });
  });

  it('refuses what turns out to be above the limit', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, undefined, 10);
    stream.write('x'.repeat(11));
    await expect(body).rejects.toMatchObject({ code: 413 });
  });

  it('refuses what ends early', async () => {
    const stream = new PassThrough();
    const body = readBody(stream, '10', 10);
    stream.destroy();
    await expect(body).rejects.toMatchObject({ code: 400 });
  });
});

describe('singleValued', () => {
  it('joins repeated headers and calls the authority host', () => {
    const flat = singleValued({ ':authority': 'a:1', ':path': '/', accept: 'b', 'set-cookie': ['c', 'd'] });
    expect({ ...flat }).toEqual({ host: 'a:1', accept: 'b', 'set-cookie': 'c, d' });
  });
});

describe('closingSignal', () => {
  it('aborts when the client goes, also when it has gone already', () => {
    const open = Object.assign(new EventEmitter(), { destroyed: false, closed: false });
    const signal = closingSignal(open);
    expect(signal.aborted).toBe(false);
    open.emit('close');
    expect(signal.aborted).toBe(true);
    expect(closingSignal({ ...open, once: () => {}, closed: true }).aborted).toBe(true);
  });
});

describe('createInProcessTransport', () => {
  it('holds callers to the limit on bodies', async () => {
    const handle = async (request: { body(): Promise<Buffer> }) => ({
      status: 200,
      headers: {},
      body: await request.body(),
    });
    const send = createInProcessTransport({ handle }, { name: 'u', groups: [] });
    const base = { method: 'POST', url: '/', headers: {}, signal: new AbortController().signal };
    expect((await send({ ...base, body: Buffer.from('x') })).body).toEqual(Buffer.from('x'));
    await expect(send({ ...base, body: Buffer.alloc(4 * 1024 * 1024) })).rejects.toMatchObject({ code: 413 });
  });
});
