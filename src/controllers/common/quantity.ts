import type { Quantity } from '#api';

const SUFFIX: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A quantity as a number of its base unit; 0 when absent or malformed. Exact enough for adding up requests
 * (a double holds bytes up to 8 PiB exactly); never used to write a quantity.
 */
export function quantityValue(quantity: Quantity | undefined): number {
  if (quantity === undefined) return 0;
  if (typeof quantity === 'number') return quantity;
  const match = /^([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([a-zA-Z]*))$/.exec(quantity);
  if (match === null) return 0;
  const scale = SUFFIX[match[3] ?? ''];
  const value = Number(`${match[1]}${match[2] ?? ''}`);
  return scale === undefined || Number.isNaN(value) ? 0 : value * scale;
}

/** Millis, rounded up as resource.Quantity.MilliValue. */
export function milliValue(quantity: Quantity | undefined): number {
  const value = quantityValue(quantity) * 1000;
  // A double of "0.1" times 1000 is 100.00000000000001: rounding up must not see that as 101.
  return Math.ceil(value - Math.max(1, Math.abs(value)) * 1e-9);
}
