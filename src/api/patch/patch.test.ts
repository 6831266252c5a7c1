import fc from 'fast-check';
import * as oracle from 'rfc6902';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../object.js';
import { StatusError } from '../status.js';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch } from './index.js';

function codeOf(run: () => unknown): number {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error.code;
    throw error;
  }
  return 200;
}

describe('JSON patch', () => {
  const base = { a: 1, list: [1, 2, 3], deep: { x: { y: 'z' } } };
  it.each([
    ['adds a member', [{ op: 'add', path: '/b', value: 2 }], { ...base, b: 2 }],
    ['inserts into a list', [{ op: 'add', path: '/list/1', value: 9 }], { ...base, list: [1, 9, 2, 3] }],
    ['appends with -', [{ op: 'add', path: '/list/-', value: 9 }], { ...base, list: [1, 2, 3, 9] }],
    ['counts negative indices from the end', [{ op: 'remove', path: '/list/-1' }], { ...base, list: [1, 2] }],
    ['replaces the root', [{ op: 'replace', path: '', value: { n: 1 } }], { n: 1 }],
    ['moves', [{ op: 'move', from: '/deep/x', path: '/x' }], { ...base, deep: {}, x: { y: 'z' } }],
    ['unescapes pointers', [{ op: 'add', path: '/a~1b~0c', value: 1 }], { ...base, 'a/b~c': 1 }],
    ['tests null against absence', [{ op: 'test', path: '/none', value: null }], base],
  ])('%s', (_, patch, expected) => {
    expect(applyJsonPatch(base, patch as Json)).toEqual(expected);
  });

  it.each([
    ['no array', { op: 'add' }, 400],
    ['an operation that is no object', [1], 400],
    ['a path that is no string', [{ op: 'remove', path: 3 }], 400],
    ['an unknown operation', [{ op: 'explode', path: '/a' }], 422],
    ['a missing member', [{ op: 'remove', path: '/none' }], 422],
    ['replacing what is not there', [{ op: 'replace', path: '/none', value: 1 }], 422],
    ['an index past the end', [{ op: 'add', path: '/list/4', value: 1 }], 422],
    ['a failed test', [{ op: 'test', path: '/a', value: 2 }], 422],
    ['a path through a number', [{ op: 'add', path: '/a/b', value: 1 }], 422],
    ['a move into itself', [{ op: 'move', from: '/deep', path: '/deep/x/q' }], 422],
    ['too many operations', new Array(10_001).fill({ op: 'test', path: '/a', value: 1 }), 413],
  ])('refuses %s', (_, patch, code) => {
    expect(codeOf(() => applyJsonPatch(base, patch as Json))).toBe(code);
  });

  it('leaves the original and copied values alone when one of two copies changes', () => {
    const original = { a: { list: [1] } };
    const patched = applyJsonPatch(original, [
      { op: 'add', path: '/a/list/-', value: 2 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'add', path: '/b/list/-', value: 3 },
    ]);
    expect(patched).toEqual({ a: { list: [1, 2] }, b: { list: [1, 2, 3] } });
    expect(original).toEqual({ a: { list: [1] } });
  });

  it('stops copies that double the document past the limit', () => {
    const doubling = Array.from({ length: 30 }, (_, i) => ({ op: 'copy', from: '/x', path: `/x/k${i}` }));
    const patch = [{ op: 'add', path: '/x', value: { text: 'x'.repeat(1000) } }, ...doubling];
    expect(codeOf(() => applyJsonPatch({}, patch as Json))).toBe(422);
  });

  it('treats __proto__ and constructor as plain member names', () => {
    const patch = JSON.parse('[{"op":"add","path":"/__proto__","value":{"polluted":1}}]') as Json;
    const patched = applyJsonPatch({}, patch) as JsonObject;
    expect(Object.hasOwn(patched, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(
      codeOf(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])),
    ).toBe(422);
  });

  it('agrees with rfc6902 on patches that it creates', () => {
    const json = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
    const clean = (value: Json): Json =>
      JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'p')) as Json;
    fc.assert(
      fc.property(json, json, (left, right) => {
        const before = clean(left);
        const after = clean(right);
        const patch = oracle.createPatch(before, after) as unknown as Json;
        const snapshot = JSON.stringify(before);
        expect(applyJsonPatch(before, patch)).toEqual(after);
        expect(JSON.stringify(before)).toBe(snapshot);
      }),
      { numRuns: 300 },
    );
  });

  it('answers any patch with a document or a Status, never with another error', () => {
    const pointer = fc
      .array(fc.constantFrom('a', 'b', '0', '1', '-', '-1', '__proto__', '', '~', '99999999999'), {
        maxLength: 3,
      })
      .map((tokens) => tokens.map((token) => `/${token}`).join(''));
    const operation = fc.record(
      {
        op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
        path: fc.oneof(pointer, fc.integer()),
        from: pointer,
        value: fc.jsonValue({ maxDepth: 2 }),
      },
      { requiredKeys: ['op'] },
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.array(operation, { maxLength: 6 }), (document, patch) => {
        expect([200, 400, 413, 422]).toContain(codeOf(() => applyJsonPatch(document as Json, patch as Json)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('merge patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j merged with %j (RFC 7386, appendix A)', (document, patch, expected) => {
    expect(applyMergePatch(document as Json, patch as Json)).toEqual(expected);
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (document, patch) => {
        const once = applyMergePatch(document as Json, patch as Json);
        expect(applyMergePatch(once, patch as Json)).toEqual(once);
      }),
    );
  });
});

describe('strategic merge patch', () => {
  const pod = {
    metadata: { labels: { a: '1', b: '2' }, finalizers: ['x/a', 'x/b'] },
    spec: {
      containers: [
        { name: 'one', image: 'i1', env: [{ name: 'E', value: '1' }] },
        { name: 'two', image: 'i2' },
      ],
      tolerations: [{ key: 'k' }],
    },
  };
  const merge = (patch: Json, message = 'core.v1.Pod', original: object = pod): JsonObject =>
    applyStrategicMergePatch(message, original, patch);

  it('merges lists by their key and keeps the other items', () => {
    const merged = merge({ spec: { containers: [{ name: 'two', image: 'new' }] } });
    expect(merged['spec']).toEqual({
      ...pod.spec,
      containers: [pod.spec.containers[0], { name: 'two', image: 'new' }],
    });
  });

  it('replaces lists without a merge strategy', () => {
    const merged = merge({ spec: { tolerations: [{ key: 'other' }] } });
    expect((merged['spec'] as JsonObject)['tolerations']).toEqual([{ key: 'other' }]);
  });

  it('deletes an item with $patch: delete', () => {
    const merged = merge({ spec: { containers: [{ name: 'one', $patch: 'delete' }] } });
    expect((merged['spec'] as JsonObject)['containers']).toEqual([pod.spec.containers[1]]);
  });

  it('replaces a list with $patch: replace', () => {
    const merged = merge({ spec: { containers: [{ $patch: 'replace' }, { name: 'three' }] } });
    expect((merged['spec'] as JsonObject)['containers']).toEqual([{ name: 'three' }]);
  });

  it('replaces a map with $patch: replace and empties it with $patch: delete', () => {
    expect(merge({ metadata: { labels: { $patch: 'replace', c: '3' } } })['metadata']).toMatchObject({
      labels: { c: '3' },
    });
    expect(merge({ metadata: { labels: { $patch: 'delete' } } })['metadata']).toMatchObject({ labels: {} });
  });

  it('orders items with $setElementOrder and leaves others where they were', () => {
    const merged = merge({
      spec: {
        '$setElementOrder/containers': [{ name: 'two' }, { name: 'three' }, { name: 'one' }],
        containers: [{ name: 'three', image: 'i3' }],
      },
    });
    const names = ((merged['spec'] as JsonObject)['containers'] as JsonObject[]).map((c) => c['name']);
    expect(names).toEqual(['two', 'three', 'one']);
  });

  it('merges primitive lists, deletes from them and orders them', () => {
    expect(merge({ metadata: { finalizers: ['x/c'] } })['metadata']).toMatchObject({
      finalizers: ['x/c', 'x/a', 'x/b'],
    });
    const removed = merge({
      metadata: {
        '$deleteFromPrimitiveList/finalizers': ['x/a'],
        '$setElementOrder/finalizers': ['x/c', 'x/b'],
        finalizers: ['x/c'],
      },
    });
    expect(removed['metadata']).toMatchObject({ finalizers: ['x/c', 'x/b'] });
  });

  it('drops what $retainKeys does not name', () => {
    const deployment = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const merged = merge(
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      'apps.v1.Deployment',
      deployment,
    );
    expect(merged).toEqual({ spec: { strategy: { type: 'Recreate' } } });
  });

  it('merges Service ports by port alone', () => {
    const service = {
      spec: {
        ports: [
          { port: 53, protocol: 'UDP' },
          { port: 80, protocol: 'TCP' },
        ],
      },
    };
    const merged = merge({ spec: { ports: [{ port: 53, protocol: 'TCP' }] } }, 'core.v1.Service', service);
    expect(merged).toEqual({
      spec: {
        ports: [
          { port: 53, protocol: 'TCP' },
          { port: 80, protocol: 'TCP' },
        ],
      },
    });
  });

  it('removes members with null, and ignores directives where there is nothing to merge with', () => {
    const merged = merge({ metadata: { labels: null, annotations: { a: null, b: 'x' } } });
    expect(merged['metadata']).toEqual({ finalizers: ['x/a', 'x/b'], annotations: { b: 'x' } });
    const added = merge({ spec: { initContainers: [{ name: 'x', $patch: 'delete' }, { name: 'y' }] } });
    expect((added['spec'] as JsonObject)['initContainers']).toEqual([{ name: 'y' }]);
  });

  it.each([
    ['an unknown directive', { metadata: { $patch: 'x' } }],
    ['an item without its merge key', { spec: { containers: [{ image: 'x' }] } }],
    ['retainKeys that is no list', { spec: { $retainKeys: 'x' } }],
    ['a patched key that is not retained', { spec: { $retainKeys: ['a'], hostname: 'x' } }],
    [
      'an order that the list does not follow',
      { spec: { '$setElementOrder/containers': [{ name: 'q' }], containers: [{ name: 'one' }] } },
    ],
    ['a list of lists', { metadata: { finalizers: [['x']] } }],
    ['a patch that is no object', [1]],
  ])('refuses %s with 400', (_, patch) => {
    expect(codeOf(() => merge(patch as Json))).toBe(400);
  });

  it('changes neither argument, and answers anything with an object or 400', () => {
    const key = fc.constantFrom(
      'spec',
      'metadata',
      'containers',
      'labels',
      'name',
      '$patch',
      '$retainKeys',
      '$setElementOrder/containers',
      '$deleteFromPrimitiveList/finalizers',
      'finalizers',
      'env',
      '__proto__',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom<Json>(null, 'one', 'delete', 'replace', 'merge', 1),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    const before = JSON.stringify(pod);
    fc.assert(
      fc.property(fc.dictionary(key, tree as fc.Arbitrary<Json>), (patch) => {
        const copy = JSON.stringify(patch);
        expect([200, 400]).toContain(codeOf(() => merge(patch)));
        expect(JSON.stringify(pod)).toBe(before);
        expect(JSON.stringify(patch)).toBe(copy);
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps all items of a list that replaces, also those that share a merge key', () => {
    const dns = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ];
    const patch = { spec: { ports: [...dns, { $patch: 'replace' }] } };
    const live = { spec: { ports: [{ name: 'http', port: 80 }] } };
    expect(merge(patch as Json, 'core.v1.Service', live)).toEqual({ spec: { ports: dns } });
  });

  it('leaves out an object with a directive where there is nothing to direct it at', () => {
    const patch = { spec: { selector: { $patch: 'replace', app: 'a' }, type: 'ClusterIP' } };
    expect(merge(patch, 'core.v1.Service', { spec: {} })).toEqual({ spec: { type: 'ClusterIP' } });
  });

  it('knows no directive to merge a map', () => {
    expect(() => merge({ spec: { $patch: 'merge' } }, 'core.v1.Service', { spec: {} })).toThrow(
      'unknown patch type: merge in map: {"$patch":"merge"}',
    );
  });

  it('stays fast on long keyed lists', () => {
    const items = Array.from({ length: 50_000 }, (_, i) => ({ name: `c${i}` }));
    const merged = merge({ spec: { containers: items } }, 'core.v1.Pod', { spec: { containers: items } });
    expect(((merged['spec'] as JsonObject)['containers'] as Json[]).length).toBe(50_000);
  });
});
