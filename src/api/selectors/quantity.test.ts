import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  QuantityError,
  quantityMilliValue,
  quantityValue,
  resourceQuantity,
  subtractQuantities,
} from './quantity.js';

const quantity = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-3'),
    fc.constantFrom('', '.5', '.25', '.000000001', '.'),
  )
  .map(([whole, suffix, fraction]) => `${whole}${fraction}${suffix}`);

describe('quantities', () => {
  it.each([
    ['1000m', '1'],
    ['0.5', '500m'],
    ['100m', '100m'],
    ['1024Mi', '1Gi'],
    ['1500Mi', '1500Mi'],
    ['0.5Gi', '512Mi'],
    ['512', '512'],
    ['512Ki', '512Ki'],
    ['0.1Ki', '102400m'],
    ['1e3', '1e3'],
    ['12e2', '1200'],
    ['1E', '1E'],
    ['1000000', '1M'],
    ['-1000', '-1k'],
    ['+5', '5'],
    ['.5', '500m'],
    ['0.0000000001', '1n'],
    ['0Mi', '0'],
    ['9223372036854775808', '9223372036854775807'],
    ['1e1000000', '9223372036854775807'],
  ])('%s is written %s', (input, expected) => {
    expect(canonicalQuantity(input)).toBe(expected);
  });

  it.each(['', ' ', 'a', '1x', '1KI', '1.2.3', '--1', '1e', '.', '1ee3', '1Ki3', '9'.repeat(1000)])(
    'refuses %j',
    (input) => {
      expect(() => parseQuantity(input)).toThrow(QuantityError);
    },
  );

  it.each([
    ['0.0001', '1m'],
    ['1500u', '2m'],
    ['-1n', '-1m'],
    ['1Gi', '1Gi'],
    ['1e-6', '1e-3'],
  ])('%s in a resource list becomes %s', (input, expected) => {
    expect(resourceQuantity(input)).toBe(expected);
  });

  it('compares by value whatever the notation', () => {
    expect(compareQuantities('1', '1000m')).toBe(0);
    expect(compareQuantities('1Gi', '1G')).toBe(1);
    expect(compareQuantities('-1', '0')).toBe(-1);
  });

  it('rounds values up as Go does', () => {
    expect(quantityValue('100m')).toBe(1);
    expect(quantityMilliValue('0.0001')).toBe(1);
    expect(quantityMilliValue('250m')).toBe(250);
  });

  it('writes a canonical text that reads back as the same value and is a fixed point', () => {
    fc.assert(
      fc.property(quantity, (text) => {
        const value = parseQuantity(text);
        const canonical = formatQuantity(value);
        expect(parseQuantity(canonical).nano).toBe(value.nano);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });

  it('adds and subtracts exactly', () => {
    fc.assert(
      fc.property(quantity, quantity, (a, b) => {
        const sum = addQuantities(a, b);
        fc.pre(parseQuantity(sum).nano === parseQuantity(a).nano + parseQuantity(b).nano);
        expect(compareQuantities(subtractQuantities(sum, b), a)).toBe(0);
        expect(compareQuantities(addQuantities(b, a), sum)).toBe(0);
      }),
    );
  });

  it('never fails with anything but QuantityError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9.eEKMGi]{0,12}$/)), (text) => {
        try {
          parseQuantity(text);
        } catch (error) {
          expect(error).toBeInstanceOf(QuantityError);
        }
      }),
    );
  });
});
