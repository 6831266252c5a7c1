import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSelector, type core, type KubeObject } from '#api';
import type { Informer } from '#client';
import { pod, service } from '../testing/objects.js';
import { semanticEqual } from './equal.js';
import { computeHash } from './hash.js';
import { scaledValue } from './int-or-percent.js';
import { LabelIndex, matchesLabels, SelectorIndex } from './label-index.js';
import { slowStart } from './pod-control.js';
import { compareResourceVersions, RecentWrites } from './recent-writes.js';
import { TriggerTimes } from './trigger-time.js';

const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { maxKeys: 3 });

describe('label and selector indexes', () => {
  it('find exactly what a scan finds, after any sequence of changes', () => {
    const change = fc.record({
      kind: fc.constantFrom('set', 'delete', 'select', 'unselect'),
      name: fc.constantFrom('x', 'y', 'z'),
      namespace: fc.constantFrom('n', 'm'),
      labels,
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), labels, (changes, wanted) => {
        const objects = new Map<string, KubeObject>();
        const selectors = new Map<string, { namespace: string; selector: Record<string, string> }>();
        const index = new LabelIndex<KubeObject>();
        const reverse = new SelectorIndex();
        for (const { kind, name, namespace, labels: given } of changes) {
          const key = `${namespace}/${name}`;
          const object = { metadata: { name, namespace, labels: given } };
          if (kind === 'set') objects.set(key, object);
          if (kind === 'set') index.set(object);
          if (kind === 'delete') objects.delete(key);
          if (kind === 'delete') index.delete(object);
          if (kind === 'select') selectors.set(key, { namespace, selector: given });
          if (kind === 'select') reverse.set(key, namespace, given);
          if (kind === 'unselect') selectors.delete(key);
          if (kind === 'unselect') reverse.delete(key);
        }
        for (const namespace of ['n', 'm']) {
          const found = index
            .candidates(namespace, wanted)
            .filter((o) => matchesLabels(wanted, o.metadata.labels));
          const scanned = [...objects.values()].filter(
            (o) => o.metadata.namespace === namespace && matchesLabels(wanted, o.metadata.labels),
          );
          const names = (list: KubeObject[]) => list.map((o) => o.metadata.name).sort();
          if (Object.keys(wanted).length > 0) expect(names(found)).toEqual(names(scanned));
          const matching = [...selectors]
            .filter(([, s]) => s.namespace === namespace && Object.keys(s.selector).length > 0)
            .filter(([, s]) => matchesLabels(s.selector, wanted))
            .map(([key]) => key);
          expect(reverse.matching(namespace, wanted).sort()).toEqual(matching.sort());
        }
      }),
    );
  });
});

describe('own writes over a cache', () => {
  function cacheAt(resourceVersion: string, ...objects: KubeObject[]) {
    const byKey = new Map(objects.map((o) => [`n/${o.metadata.name}`, o]));
    return { resourceVersion, get: (key: string) => byKey.get(key) } as Informer<KubeObject>;
  }
  const object = (name: string, resourceVersion: string, extra = {}) => ({
    metadata: { name, namespace: 'n', uid: `u-${name}`, resourceVersion, ...extra },
  });

  it('count until the watch has passed them, and no longer', () => {
    const cache = cacheAt('5');
    const recent = new RecentWrites(cache);
    recent.wrote('g', object('a', '10'));
    expect(
      recent.merge('g', [object('a', '4'), object('b', '3')]).map((o) => o.metadata.resourceVersion),
    ).toEqual(['10', '3']);
    (cache as { resourceVersion: string }).resourceVersion = '12';
    expect(recent.merge('g', [object('a', '11')]).map((o) => o.metadata.resourceVersion)).toEqual(['11']);
    expect(recent.merge('g', [])).toEqual([]);
  });

  it('hide a deleted object until it is seen to be gone or marked', () => {
    const stored = object('a', '4');
    const recent = new RecentWrites(cacheAt('5', stored));
    recent.deleted('g', stored);
    expect(recent.merge('g', [stored])).toEqual([]);
    const newer = object('a', '6');
    const late = new RecentWrites(cacheAt('6', newer));
    late.deleted('g', stored);
    // A newer version without the mark is older news than the deletion.
    expect(late.merge('g', [newer])).toEqual([]);
    const marked = object('a', '7', { deletionTimestamp: 'x' });
    const done = new RecentWrites(cacheAt('7', marked));
    done.deleted('g', stored);
    expect(done.merge('g', [marked])).toEqual([marked]);
  });

  it('are told apart from the writes of others', () => {
    const recent = new RecentWrites(cacheAt('5'));
    recent.wrote('g', object('a', '10'));
    expect([
      recent.isOwn('g', object('a', '10')),
      recent.isOwn('g', object('a', '11')),
      recent.isOwn('g', object('b', '10')),
    ]).toEqual([true, false, false]);
  });

  it('are recognised also when their event overtakes their answer', () => {
    const recent = new RecentWrites(cacheAt('5'));
    recent.begin('g');
    expect(recent.isNews('g', object('a', '10'))).toBe(false);
    recent.wrote('g', object('a', '10'));
    expect(recent.end('g')).toBe(false);
    recent.begin('g');
    expect(recent.isNews('g', object('b', '11'))).toBe(false);
    expect(recent.end('g'), 'a write of somebody else').toBe(true);
    expect(recent.isNews('g', object('b', '12'))).toBe(true);
  });

  it('are forgotten as soon as the cache has them', () => {
    const recent = new RecentWrites(cacheAt('5'));
    recent.wrote('g', object('a', '10'));
    recent.deleted('g', object('b', '4'));
    expect(recent.isNews('g', object('b', '11'), true)).toBe(false);
    expect(recent.isNews('g', object('b', '12'), true), 'not known any more').toBe(true);
    expect(recent.isNews('g', object('a', '9')), 'an older own write').toBe(false);
    expect(recent.merge('g', [object('a', '9')])[0]!.metadata.resourceVersion).toBe('10');
    expect(recent.isNews('g', object('a', '10'))).toBe(false);
    const cached = object('a', '10');
    expect(recent.merge('g', [cached])[0]).toBe(cached);
  });

  it('compare resourceVersions as numbers of any size', () => {
    expect(compareResourceVersions('9', '10')).toBeLessThan(0);
    expect(compareResourceVersions('90071992547409930', '90071992547409929')).toBeGreaterThan(0);
    expect(compareResourceVersions(undefined, '1')).toBeLessThan(0);
    expect(compareResourceVersions('7', '7')).toBe(0);
  });
});

describe('the trigger time of a Service', () => {
  const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  const ready = (name: string, second: number): core.Pod => pod(name, { readyAt: at(second) });
  const svc = service('web');

  it('is its creation at first, then the oldest new transition, then nothing', () => {
    const times = new TriggerTimes();
    expect(times.next(svc, [ready('a', 10)])).toBe('2026-01-01T00:00:00Z');
    expect(times.next(svc, [ready('a', 30), ready('b', 20)])).toBe(at(20));
    expect(times.next(svc, [ready('a', 30), ready('b', 20)])).toBeUndefined();
    expect(times.next(svc, [ready('b', 20)])).toBeUndefined();
    times.forget('default/web');
    expect(times.next(svc, [])).toBe('2026-01-01T00:00:00Z');
  });
});

describe('small rules', () => {
  it.each([
    ['25%', 10, true, 3],
    ['25%', 10, false, 2],
    [4, 10, true, 4],
    ['0%', 10, true, 0],
    ['nonsense', 10, true, 0],
    [undefined, 10, true, 0],
  ])('%j of %i, rounded up %s, is %i', (value, total, up, expected) => {
    expect(scaledValue(value, total, up)).toBe(expected);
  });

  it.each([
    [{ a: 1 }, { a: 1, b: [] }, true],
    [{ a: {} }, {}, true],
    [{ a: {} }, undefined, true],
    [[1, 2], [2, 1], false],
    [{ a: 0 }, {}, false],
    [{ a: { b: null } }, { a: { b: '' } }, false],
  ])('%j and %j are semantically equal: %s', (a, b, expected) => {
    expect(semanticEqual(a, b)).toBe(expected);
    expect(semanticEqual(b, a)).toBe(expected);
  });

  it.each([
    [{}, { a: '1' }, true],
    [undefined, { a: '1' }, false],
    [{ matchLabels: { a: '1' } }, { a: '2' }, false],
    [{ matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['2'] }] }, {}, true],
    [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] }, {}, false],
    [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, { a: '' }, true],
    [{ matchExpressions: [{ key: 'a', operator: 'DoesNotExist' }] }, { a: '' }, false],
    [{ matchExpressions: [{ key: 'a', operator: 'Bogus' }] }, { a: '' }, false],
  ])('selector %j matches %j: %s', (selector, given, expected) => {
    expect(compileSelector(selector)(given as Record<string, string>)).toBe(expected);
  });

  it('hashes do not depend on key order, but on values and collisions', () => {
    expect(computeHash({ a: 1, b: [{ c: 2, d: 3 }] }, undefined)).toBe(
      computeHash({ b: [{ d: 3, c: 2 }], a: 1 }, undefined),
    );
    expect(computeHash({ a: 1 }, undefined)).not.toBe(computeHash({ a: 2 }, undefined));
    expect(computeHash({ a: 1 }, undefined)).not.toBe(computeHash({ a: 1 }, 1));
  });

  it('slow start doubles its batches and stops at the first failure', async () => {
    let calls = 0;
    const all = await slowStart(10, async () => {
      calls += 1;
    });
    expect([calls, all.successes, all.error]).toEqual([10, 10, undefined]);
    calls = 0;
    const some = await slowStart(100, async () => {
      if (++calls === 5) throw new Error('no');
    });
    // Batches of 1, 2 and 4; the third has the failure.
    expect([calls, some.successes, (some.error as Error).message]).toEqual([7, 6, 'no']);
  });
});
