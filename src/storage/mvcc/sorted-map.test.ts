import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedMap } from './sorted-map.js';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const key = fc.oneof(
  fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', '/', '0') }),
  fc.string({ maxLength: 2, unit: fc.constantFrom('a', 'ü', '\ue000', '\uffee', '😀') }),
);

describe('SortedMap', () => {
  it('behaves as a sorted plain map for any sequence of sets, deletes, ranges and counts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, fc.boolean()), { maxLength: 80 }),
        key,
        key,
        fc.nat(10),
        (steps, start, end, limit) => {
          const map = new SortedMap<string>();
          const plain = new Map<string, string>();
          for (const [k, add] of steps) {
            if (add) {
              map.set(k, `=${k}`);
              plain.set(k, `=${k}`);
            } else expect(map.delete(k)).toBe(plain.delete(k));
          }
          const inside = [...plain.keys()]
            .filter((k) => byBytes(k, start) >= 0 && byBytes(k, end) < 0)
            .sort(byBytes);
          expect(map.size).toBe(plain.size);
          expect(map.range(start, end)).toEqual(inside.map((k) => `=${k}`));
          expect(map.range(start, end, limit)).toEqual(inside.slice(0, limit).map((k) => `=${k}`));
          expect(map.count(start, end)).toBe(inside.length);
          for (const [k] of steps) expect(map.get(k)).toBe(plain.get(k));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps order over many chunks, whatever the order of insertion', () => {
    const keys = Array.from(
      { length: 20_000 },
      (_, i) => `k${String((i * 7_919) % 20_000).padStart(5, '0')}`,
    );
    const map = new SortedMap<string>();
    for (const k of keys) map.set(k, k);
    const sorted = [...keys].sort();
    expect(map.range('k', 'l')).toEqual(sorted);
    expect(map.count('k00100', 'k15000')).toBe(14_900);
    expect(map.range('k10000', 'l', 3)).toEqual(['k10000', 'k10001', 'k10002']);
    for (const k of keys) if (Number(k.slice(1)) % 3 !== 0) map.delete(k);
    expect(map.range('k', 'l')).toEqual(sorted.filter((k) => Number(k.slice(1)) % 3 === 0));
  });
});
