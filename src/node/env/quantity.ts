/** Scale of our integers: quantities are exact down to 10^-9. */
const NANO = 1_000_000_000n;

const SUFFIX: Record<string, [numerator: bigint, denominator: bigint]> = {
  n: [1n, NANO],
  u: [1n, 1_000_000n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [1000n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [1n << 10n, 1n],
  Mi: [1n << 20n, 1n],
  Gi: [1n << 30n, 1n],
  Ti: [1n << 40n, 1n],
  Pi: [1n << 50n, 1n],
  Ei: [1n << 60n, 1n],
};

/** A quantity in billionths; undefined when malformed. */
export function quantityNanos(quantity: string | number): bigint | undefined {
  const match = /^([+-]?)(\d+)?(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?$/.exec(
    String(quantity),
  );
  if (match === null || (match[2] === undefined && !match[3])) return undefined;
  const [, sign, whole = '0', fraction = '', exponent = '0', suffix = ''] = match;
  let [numerator, denominator] = SUFFIX[suffix]!;
  if (Number(exponent) >= 0) numerator *= 10n ** BigInt(exponent);
  else denominator *= 10n ** BigInt(-Number(exponent));
  denominator *= 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * numerator * NANO;
  const nanos = (scaled + denominator - 1n) / denominator;
  return sign === '-' ? -nanos : nanos;
}

/** How often `divisor` fits into `quantity`, rounded up, as the downward API prints it. */
export function divideRoundingUp(quantity: string | number, divisor: string | number): string | undefined {
  const value = quantityNanos(quantity);
  const by = quantityNanos(divisor);
  if (value === undefined || by === undefined || by <= 0n) return undefined;
  return String((value + by - 1n) / by);
}
