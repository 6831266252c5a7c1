import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../object.js';
import { jsonEqual } from '../patch/json-value.js';
import { kinds } from '../schema/kinds.js';
import { message } from '../schema/messages.js';
import { structOf } from '../schema/testing/arbitrary.js';
import { pruneAndCheck } from '../schema/walker.js';
import { compareObjects } from './compare.js';
import {
  difference,
  type FieldSet,
  fieldSetOf,
  intersection,
  parseFields,
  pathsOf,
  recursiveDifference,
  sameFields,
  union,
} from './field-set.js';
import { isObject, itemElement, memberElement, memberPlace, type Place, placeOf, shapeOf } from './shape.js';

/** The model: a set of paths is a set of texts. */
type Paths = Set<string>;

const textsOf = (set: FieldSet): string[] => [...pathsOf(set)].map((path) => path.join('\n')).sort();

/** Holds a result against the model, and against the form in which it is stored. */
function expectPaths(set: FieldSet, model: Iterable<string>): void {
  expect(textsOf(set)).toEqual([...model].sort());
  expect(JSON.stringify(parseFields(JSON.parse(JSON.stringify(set))))).toBe(JSON.stringify(set));
  expect(JSON.stringify(fieldSetOf(...pathsOf(set)))).toBe(JSON.stringify(set));
}

describe('field sets', () => {
  const element = fc.constantFrom(
    'f:a',
    'f:b',
    'k:{"n":1}',
    'k:{"a":"x","b":2}',
    'v:"x"',
    'v:true',
    'i:0',
    'i:10',
  );
  const paths = fc.array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 8 });

  it('are what sets of paths are', () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const a = fieldSetOf(...left);
        const b = fieldSetOf(...right);
        const inA: Paths = new Set(left.map((path) => path.join('\n')));
        const inB: Paths = new Set(right.map((path) => path.join('\n')));
        const under = (path: string) =>
          [...inB].some((other) => path === other || path.startsWith(`${other}\n`));
        const before = JSON.stringify([a, b]);
        expectPaths(a, inA);
        expectPaths(union(a, b), new Set([...inA, ...inB]));
        expectPaths(
          intersection(a, b),
          [...inA].filter((path) => inB.has(path)),
        );
        expectPaths(
          difference(a, b),
          [...inA].filter((path) => !inB.has(path)),
        );
        expectPaths(
          recursiveDifference(a, b),
          [...inA].filter((path) => !under(path)),
        );
        expect(sameFields(a, b)).toBe(textsOf(a).join() === textsOf(b).join());
        expect(JSON.stringify([a, b])).toBe(before);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are read from any order and notation', () => {
    fc.assert(
      fc.property(paths, (all) => {
        const set = fieldSetOf(...all);
        const shuffled = (part: FieldSet): JsonObject =>
          Object.fromEntries(
            Object.keys(part)
              .reverse()
              .map((key) => [
                key.replace('{"a":"x","b":2}', '{"b": 2, "a": "\\u0078"}'),
                shuffled(part[key]!),
              ]),
          );
        expect(JSON.stringify(parseFields(shuffled(set)))).toBe(JSON.stringify(set));
      }),
    );
  });
});

const sizeOf = (value: Json | undefined): number =>
  Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;

/** The comparison by the book (structured-merge-diff's Compare): every path looked at, nothing left out. */
function compareByTheBook(
  before: Json | undefined,
  after: Json | undefined,
  place: Place,
  path: string,
  out: { changed: Paths; removed: Paths },
): void {
  if (before === undefined && after === undefined) return;
  const shape = shapeOf(place, after ?? before);
  const at = (element: string) => (path === '' ? element : `${path}\n${element}`);
  const leaf =
    shape.kind === 'scalar' ||
    (shape.kind === 'map' ? shape.atomic : shape.relation === 'atomic') ||
    sizeOf(before) + sizeOf(after) === 0;
  if (leaf && before !== undefined && after !== undefined && !jsonEqual(before, after)) out.changed.add(path);
  if (path !== '' && before === undefined) out.changed.add(path);
  if (path !== '' && after === undefined) out.removed.add(path);
  if (leaf) return;
  const members = (value: Json | undefined): Map<string, [Json | undefined, Place]> => {
    const found = new Map<string, [Json | undefined, Place]>();
    if (shape.kind === 'map' && isObject(value)) {
      for (const key of Object.keys(value)) {
        found.set(memberElement(shape, key), [value[key], memberPlace(shape, key)]);
      }
    } else if (shape.kind === 'list' && Array.isArray(value)) {
      for (const item of value) found.set(itemElement(shape, item), [item, shape.item]);
    }
    return found;
  };
  const left = members(before);
  const right = members(after);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [, below] = (right.get(element) ?? left.get(element))!;
    compareByTheBook(left.get(element)?.[0], right.get(element)?.[0], below, at(element), out);
  }
}

/** Lists whose items are told apart have each of them once; what is not so is tested elsewhere. */
function hasIdentities(value: Json | undefined, place: Place): boolean {
  const shape = shapeOf(place, value);
  if (shape.kind === 'list' && Array.isArray(value) && shape.relation !== 'atomic') {
    try {
      if (new Set(value.map((item) => itemElement(shape, item))).size !== value.length) return false;
    } catch {
      return false;
    }
    return value.every((item) => hasIdentities(item, shape.item));
  }
  if (shape.kind !== 'map' || !isObject(value)) return true;
  return Object.keys(value).every((key) => hasIdentities(value[key], memberPlace(shape, key)));
}

describe('compareObjects', () => {
  it('finds for every kind what a comparison by the book finds, but for what it is told to leave out', () => {
    const stored = fc.constantFrom(...kinds.filter((kind) => kind.virtual !== true));
    const pair = stored.chain((kind) => {
      const schema = message(kind.message);
      const object = structOf(schema).map((raw) => pruneAndCheck<JsonObject>(raw, schema).object);
      // Two states of one object have most of it in common.
      const related = fc
        .tuple(object, object, fc.boolean())
        .map(([a, b, both]) => (both ? { ...a, ...b } : b));
      return fc.record({ kind: fc.constant(kind), before: object, after: related });
    });
    const without = fieldSetOf(['f:status'], ['f:metadata', 'f:name'], ['f:metadata', 'f:labels']);
    fc.assert(
      fc.property(pair, ({ kind, before, after }) => {
        const place = placeOf(kind.message);
        fc.pre(hasIdentities(before, place) && hasIdentities(after, place));
        const book = { changed: new Set<string>(), removed: new Set<string>() };
        compareByTheBook(before, after, place, '', book);
        const whole = compareObjects(before, after, place);
        expectPaths(whole.changed, book.changed);
        expectPaths(whole.removed, book.removed);
        const old = { metadata: {}, ...before };
        const now = { metadata: {}, ...after };
        const less = compareObjects(old, now, place, without);
        const all = compareObjects(old, now, place);
        expect(sameFields(less.changed, recursiveDifference(all.changed, without))).toBe(true);
        expect(sameFields(less.removed, recursiveDifference(all.removed, without))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});
