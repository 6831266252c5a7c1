import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '#api';
import { Entry } from './cached-object.js';
import { decodeContinue, encodeContinue } from './continue-token.js';
import { storedBytes } from './splice.js';

const context = { prefix: '/registry/', namespaced: false, fields: () => ({}) };

function servedBytes(stored: Buffer, revision: number): Buffer {
  return new Entry(context, '/registry/a', stored, revision).bytes();
}

const parse = (bytes: Buffer) => JSON.parse(bytes.toString()) as KubeObject;

function servedItem(stored: string): KubeObject {
  const entry = new Entry(context, '/registry/a', Buffer.from(stored), 7);
  const out = Buffer.alloc(entry.itemLength);
  expect(entry.writeItemTo(out, 0)).toBe(out.length);
  return parse(out);
}

describe('items of lists', () => {
  it.each([
    '{"kind":"A","apiVersion":"v1","metadata":{"name":"a"},"spec":{"kind":"B"}}',
    '{"apiVersion":"v1","kind":"A","metadata":{}}',
    ' { "kind" : "A" , "apiVersion" : "v1" , "spec" : {} , "metadata" : { "name" : "a" } } ',
  ])('leave the type of %s to the list', (stored) => {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = parse(Buffer.from(stored));
    expect(servedItem(stored)).toEqual({ ...rest, metadata: { ...rest.metadata, resourceVersion: '7' } });
  });

  it.each(['{"kind":"A","metadata":{"name":"a"}}', '{"metadata":{"name":"a"},"kind":"A","apiVersion":"v1"}'])(
    'keep all members of %s, whose type is not in front',
    (stored) => {
      const object = parse(Buffer.from(stored));
      expect(servedItem(stored)).toEqual({
        ...object,
        metadata: { ...object.metadata, resourceVersion: '7' },
      });
    },
  );
});

describe('splicing resourceVersion', () => {
  it.each([
    ['{"metadata":{}}', { metadata: { resourceVersion: '7' } }],
    ['{"metadata":{ }}', { metadata: { resourceVersion: '7' } }],
    [
      ' { "kind" : "A" , "metadata" : { "name" : "a" } } ',
      { kind: 'A', metadata: { name: 'a', resourceVersion: '7' } },
    ],
    ['{"metadata":{"name":"a","resourceVersion":"3"}}', { metadata: { name: 'a', resourceVersion: '7' } }],
    [
      '{"spec":{"metadata":{"x":1}},"metadata":{"name":"a"}}',
      { spec: { metadata: { x: 1 } }, metadata: { name: 'a', resourceVersion: '7' } },
    ],
    [
      '{"a":"\\"metadata\\":{","metadata":{"name":"}"}}',
      { a: '"metadata":{', metadata: { name: '}', resourceVersion: '7' } },
    ],
    [
      '{"metadata":{"name":"a"},"involvedObject":{"resourceVersion":"3"}}',
      { metadata: { name: 'a', resourceVersion: '7' }, involvedObject: { resourceVersion: '3' } },
    ],
    [
      '{"metadata":{"annotations":{"resourceVersion":"3"}}}',
      { metadata: { annotations: { resourceVersion: '3' }, resourceVersion: '7' } },
    ],
    ['{"kind":"NoMetadata"}', { kind: 'NoMetadata', metadata: { resourceVersion: '7' } }],
  ])('gives %s its version', (stored, expected) => {
    expect(parse(servedBytes(Buffer.from(stored), 7))).toEqual(expected);
  });

  it('is the inverse of storing, for any object', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.boolean(),
        (value, metadata, spaced) => {
          delete metadata['resourceVersion'];
          const object = {
            before: JSON.parse(value),
            metadata,
            after: JSON.parse(value),
          } as unknown as KubeObject;
          const stored = spaced ? Buffer.from(JSON.stringify(object, null, 2)) : storedBytes(object);
          const served = parse(servedBytes(stored, 123));
          expect(served.metadata.resourceVersion).toBe('123');
          expect(parse(storedBytes(served))).toEqual(JSON.parse(JSON.stringify(object)));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(['', 'null', '[]', '"x"', '{', '{"metadata":3'])('refuses %j', (stored) => {
    expect(() => servedBytes(Buffer.from(stored), 7)).toThrow();
  });
});

describe('continue tokens', () => {
  it('come back as they went in', () => {
    const token = { revision: 42, start: 'default/a\0' };
    expect(decodeContinue(encodeContinue(token))).toEqual(token);
  });

  it('answer anything else with BadRequest', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((j) => Buffer.from(j).toString('base64url')),
        ),
        (text) => {
          try {
            decodeContinue(text);
          } catch (error) {
            expect(error).toMatchObject({ status: { code: 400 } });
          }
        },
      ),
    );
  });
});
