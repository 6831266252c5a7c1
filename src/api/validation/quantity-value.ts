import type { Quantity } from '../types/index.js';

const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const MAX_EXPONENT = 40;

/** The quantity in billionths (upstream's smallest unit, rounded away from zero), or undefined for text that is none. */
export function nanoValue(quantity: Quantity): bigint | undefined {
  const match = /^([+-]?)(\d{0,60})(?:\.(\d{0,60}))?(?:([eE][+-]?\d{1,4})|([numkMGTPE]|[KMGTPE]i))?$/.exec(
    String(quantity),
  );
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent, suffix = ''] = match;
  if (whole + fraction === '') return undefined;
  const power =
    (exponent === undefined ? (DECIMAL[suffix] ?? 0) : Number(exponent.slice(1))) + 9 - fraction.length;
  if (Math.abs(power) > MAX_EXPONENT + fraction.length) return undefined;
  let value = BigInt(whole + fraction) << BigInt(BINARY[suffix] ?? 0);
  if (power >= 0) value *= 10n ** BigInt(power);
  else {
    const divisor = 10n ** BigInt(-power);
    value = (value + divisor - 1n) / divisor;
  }
  return sign === '-' ? -value : value;
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. Unparsable text counts as zero. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  const difference = (nanoValue(a) ?? 0n) - (nanoValue(b) ?? 0n);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** True when the quantity is a whole number of units. */
export function isWholeQuantity(quantity: Quantity): boolean {
  return (nanoValue(quantity) ?? 0n) % 1_000_000_000n === 0n;
}
