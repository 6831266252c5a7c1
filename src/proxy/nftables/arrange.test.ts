import fc from 'fast-check';
import { expect, it } from 'vitest';
import { targetKey } from '../state/desired.js';
import { arrange } from './arrange.js';

const target = (n: number) => ({ ip: `10.0.0.${n}`, port: 80 });
const list = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 10 }).map((ns) => ns.map(target));
const keys = (targets: { ip: string; port: number }[]) => targets.map(targetKey);

it('holds exactly the wanted shares, whatever was placed before', () => {
  fc.assert(
    fc.property(list, list, (placed, wanted) => {
      expect(keys(arrange(placed, wanted)).sort()).toEqual(keys(wanted).sort());
    }),
  );
});

it('moves no endpoint that can stay', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 50 })),
      fc.uniqueArray(fc.integer({ min: 1, max: 50 })),
      (a, b) => {
        const arranged = keys(arrange(a.map(target), b.map(target)));
        for (const [i, n] of a.entries()) {
          if (i < b.length && b.includes(n)) expect(arranged[i]).toBe(targetKey(target(n)));
        }
      },
    ),
  );
});

it('rewrites one index when one endpoint is replaced', () => {
  const placed = [1, 2, 3].map(target);
  expect(arrange(placed, [9, 1, 3].map(target))).toEqual([1, 9, 3].map(target));
});

it('fills the hole of a removed endpoint from the end', () => {
  expect(arrange([1, 2, 3].map(target), [2, 3].map(target))).toEqual([3, 2].map(target));
});
