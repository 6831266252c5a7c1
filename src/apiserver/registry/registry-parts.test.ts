import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '#api';
import { parseRequestInfo } from '../request/request-info.js';
import { sameExcept, sameJson } from './equality.js';
import { generateName, timestamp } from './names.js';
import { listQuery } from './query.js';
import { copyOf } from './resource.js';
import { sameButForTimes } from './update.js';

describe('sameJson', () => {
  it('agrees with a canonical text for any two JSON values', () => {
    const canonical = (value: unknown): string =>
      JSON.stringify(value, (_key, v: unknown) =>
        typeof v === 'object' && v !== null && !Array.isArray(v)
          ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
          : v,
      );
    const value = fc.jsonValue({ maxDepth: 3 }).filter((v) => !JSON.stringify(v).includes('-0'));
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(sameJson(a, b)).toBe(canonical(a) === canonical(b));
        expect(sameJson(a, JSON.parse(canonical(a)))).toBe(true);
      }),
    );
  });

  it('takes undefined for absent', () => {
    expect(sameJson({ a: 1, b: undefined }, { a: 1 })).toBe(true);
    expect(sameExcept({ a: 1, b: 2 }, { a: 1, b: 3 }, ['b'])).toBe(true);
    expect(sameExcept({ a: 1, c: 2 }, { a: 1 }, ['b'])).toBe(false);
  });
});

describe('sameButForTimes', () => {
  const entry = (time: string, fieldsV1: Record<string, object>) => ({
    manager: 'm',
    operation: 'Update',
    time,
    fieldsV1,
  });
  const object = (
    time: string,
    fields: Record<string, object>,
    data = 'x',
  ): KubeObject & { data: string } => ({
    metadata: { name: 'n', managedFields: [entry(time, fields)] },
    data,
  });

  it('ignores when a field was managed, but not which', () => {
    expect(sameButForTimes(object('1', { f: {} }), object('2', { f: {} }))).toBe(true);
    expect(sameButForTimes(object('1', { f: {} }), object('1', { g: {} }))).toBe(false);
    expect(sameButForTimes(object('1', { f: {} }, 'y'), object('1', { f: {} }))).toBe(false);
  });
});

describe('names', () => {
  it('generated from any prefix stay labels in length', () => {
    expect(generateName('x'.repeat(100))).toHaveLength(63);
    expect(generateName('web-')).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('timestamps have seconds and a Z', () => {
    expect(timestamp(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02T03:04:05Z');
  });
});

describe('listQuery', () => {
  const read = (query: string, watch = false) =>
    listQuery(parseRequestInfo('GET', `/api/v1/pods?${query}`), watch);

  it('reads what a list says', () => {
    expect(read('limit=5&resourceVersion=7&resourceVersionMatch=Exact')).toMatchObject({
      limit: 5,
      resourceVersion: 7,
      match: 'Exact',
    });
    expect(read('limit=0&resourceVersion=')).toMatchObject({ limit: undefined, resourceVersion: undefined });
    expect(read('continue=abc&resourceVersion=0')).toMatchObject({
      continue: 'abc',
      resourceVersion: undefined,
    });
  });

  it('keeps resourceVersions that are no numbers out', () => {
    for (const bad of ['-1', '1.5', '0x10', '99999999999999999999', ' 1']) {
      expect(() => read(`resourceVersion=${encodeURIComponent(bad)}`)).toThrow('Invalid value');
    }
  });

  it('allows resourceVersionMatch in watches only with sendInitialEvents', () => {
    const watchList = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    expect(read(watchList, true)).toMatchObject({ sendInitialEvents: true, allowWatchBookmarks: true });
    expect(() => read('resourceVersionMatch=NotOlderThan', true)).toThrow('forbidden for watch unless');
    expect(() => read('sendInitialEvents=true&resourceVersionMatch=Exact', true)).toThrow('NotOlderThan');
  });
});

describe('copyOf', () => {
  it('shares nothing that can be changed, and takes __proto__ for a member', () => {
    const value = JSON.parse('{"a":{"b":[{"c":1}]},"__proto__":{"polluted":true},"n":null}');
    const copy = copyOf(value);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    copy.a.b[0].c = 2;
    expect(value.a.b[0].c).toBe(1);
    expect(Object.hasOwn(copy, '__proto__')).toBe(true);
    expect(copyOf({ a: undefined, b: 1 })).toStrictEqual({ b: 1 });
  });
});
