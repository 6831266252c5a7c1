import { describe, expect, it } from 'vitest';
import type { ApiRequest, ApiResponse } from '../contracts.js';
import { legible } from './pretty.js';

const request = { url: '/api/v1/pods?pretty=true', headers: {} } as unknown as ApiRequest;
const answer = (body: ApiResponse['body'], document = false): ApiResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body,
  document,
});

async function* stream(...pieces: string[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

async function textOf(response: ApiResponse): Promise<string> {
  const { body } = response;
  if (Buffer.isBuffer(body)) return body.toString();
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('legible answers', () => {
  it('are indented in one piece, in several, and as a document that is streamed', async () => {
    const expected = '{\n  "a": [\n    1\n  ]\n}';
    expect(await textOf(await legible(request, answer(Buffer.from('{"a":[1]}\n'))))).toBe(expected);
    expect(await textOf(await legible(request, answer([Buffer.from('{"a"'), Buffer.from(':[1]}')])))).toBe(
      expected,
    );
    expect(await textOf(await legible(request, answer(stream('{"a":', '[1]}'), true)))).toBe(expected);
  });

  it('leave alone what has no end, what is too large to read, and what is empty', async () => {
    expect(await textOf(await legible(request, answer(stream('{"type":"ADDED"}\n'))))).toBe(
      '{"type":"ADDED"}\n',
    );
    const large = JSON.stringify({ a: 'x'.repeat(3 * 1024 * 1024) });
    expect(await textOf(await legible(request, answer(stream(large), true)))).toBe(large);
    expect(await textOf(await legible(request, answer(Buffer.alloc(0))))).toBe('');
  });
});
