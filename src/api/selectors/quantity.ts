import { StatusError } from '../status.js';

/**
 * Resource quantities (`100m`, `1Gi`, `1e3`): parsing, the canonical text, comparison and arithmetic.
 * Semantics of apimachinery's `resource.Quantity`: values are exact down to 1e-9, finer ones round away from
 * zero, and magnitudes stop at 2^63-1.
 */
export interface ParsedQuantity {
  /** The value times 1e9. */
  nano: bigint;
  format: QuantityFormat;
}

/** The notation a quantity was written in, which its canonical text keeps. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** A text is not a quantity. `message` is apimachinery's; unless caught it is answered as BadRequest. */
export class QuantityError extends StatusError {
  constructor(message: string) {
    super('BadRequest', message);
    this.name = 'QuantityError';
  }
}

const WRONG_FORMAT =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*)([-+]?[0-9]*)$/;
/** Longer texts are refused: no quantity needs them, and BigInt work grows with the square of the digits. */
const MAX_LENGTH = 256;
const NANO = 1_000_000_000n;
const MAX = (2n ** 63n - 1n) * NANO;
const DECIMAL: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const DECIMAL_SUFFIX: ReadonlyMap<number, string> = new Map([...DECIMAL].map(([s, e]) => [e, s]));
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Parses a quantity; throws QuantityError. JSON numbers are accepted as their text. */
export function parseQuantity(value: string | number): ParsedQuantity {
  const text = typeof value === 'number' ? String(value) : value.trim();
  const match = text.length > MAX_LENGTH ? null : SHAPE.exec(text);
  if (match === null || text === '') throw new QuantityError(WRONG_FORMAT);
  const [, sign, whole = '', fraction = '', letters = '', exponentText = ''] = match;
  if (whole === '' && fraction === '') throw new QuantityError(WRONG_FORMAT);
  const { format, exponent, factor } = parseSuffix(letters, exponentText);
  const magnitude = scale(BigInt(whole + fraction) * factor, exponent - fraction.length + 9);
  return { nano: sign === '-' ? -magnitude : magnitude, format };
}

function parseSuffix(
  letters: string,
  exponentText: string,
): { format: QuantityFormat; exponent: number; factor: bigint } {
  if (exponentText === '') {
    const decimal = DECIMAL.get(letters);
    if (decimal !== undefined) return { format: 'DecimalSI', exponent: decimal, factor: 1n };
    const binary = BINARY_SUFFIXES.indexOf(letters);
    if (binary > 0) return { format: 'BinarySI', exponent: 0, factor: 1024n ** BigInt(binary) };
  } else if ((letters === 'e' || letters === 'E') && /[0-9]$/.test(exponentText)) {
    return { format: 'DecimalExponent', exponent: Number(exponentText), factor: 1n };
  }
  throw new QuantityError("unable to parse quantity's suffix");
}

/** `value` times ten to `exponent`, rounded away from zero and capped. */
function scale(value: bigint, exponent: number): bigint {
  if (value === 0n) return 0n;
  if (exponent > 60) return MAX;
  if (exponent < -2 * MAX_LENGTH) return 1n;
  if (exponent >= 0) return min(value * 10n ** BigInt(exponent), MAX);
  const divisor = 10n ** BigInt(-exponent);
  return min((value + divisor - 1n) / divisor, MAX);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** The canonical text: no needless zeros, the largest suffix that loses nothing, the notation it was written in. */
export function formatQuantity({ nano, format }: ParsedQuantity): string {
  if (nano === 0n) return '0';
  if (format === 'BinarySI' && nano % NANO === 0n && abs(nano) >= 1024n * NANO) {
    return formatBinary(nano / NANO);
  }
  let mantissa = nano;
  let exponent = -9;
  while (mantissa % 1000n === 0n && exponent < 18) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (format === 'DecimalExponent') return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
  return `${mantissa}${DECIMAL_SUFFIX.get(exponent)}`;
}

function formatBinary(value: bigint): string {
  let mantissa = value;
  let steps = 0;
  while (mantissa % 1024n === 0n && steps < BINARY_SUFFIXES.length - 1) {
    mantissa /= 1024n;
    steps++;
  }
  return `${mantissa}${BINARY_SUFFIXES[steps]}`;
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

const SURELY_CANONICAL = /^[1-9][0-9]{0,2}(?:m|k|M|G|Ki|Mi|Gi|Ti)?$/;

/** The canonical text of a quantity; throws QuantityError. */
export function canonicalQuantity(value: string | number): string {
  if (typeof value === 'string' && SURELY_CANONICAL.test(value)) return value;
  return formatQuantity(parseQuantity(value));
}

const MILLI = 1_000_000n;

/** The canonical text, with parts finer than a thousandth rounded up, as resource lists keep quantities. Throws QuantityError. */
export function resourceQuantity(value: string | number): string {
  const text = canonicalQuantity(value);
  if (!/[nu]$|e-/.test(text)) return text;
  const { nano, format } = parseQuantity(text);
  const magnitude = ((abs(nano) + MILLI - 1n) / MILLI) * MILLI;
  return formatQuantity({ nano: nano < 0n ? -magnitude : magnitude, format });
}

/** Negative, zero or positive as `a` is below, equal to or above `b`. Throws QuantityError. */
export function compareQuantities(a: string | number, b: string | number): number {
  const left = parseQuantity(a).nano;
  const right = parseQuantity(b).nano;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Sum in the notation of `a` (of `b` when `a` is zero), as Go's Quantity.Add. */
export function addQuantities(a: string | number, b: string | number): string {
  return combine(parseQuantity(a), parseQuantity(b), 1n);
}

/** `a` minus `b`, in the notation of `a` (of `b` when `a` is zero). */
export function subtractQuantities(a: string | number, b: string | number): string {
  return combine(parseQuantity(a), parseQuantity(b), -1n);
}

function combine(a: ParsedQuantity, b: ParsedQuantity, sign: 1n | -1n): string {
  return formatQuantity({ nano: a.nano + sign * b.nano, format: a.nano === 0n ? b.format : a.format });
}

/** The value rounded up to a whole number (bytes, pods), as Go's Quantity.Value. */
export function quantityValue(value: string | number): number {
  return Number(ceilDivide(parseQuantity(value).nano, NANO));
}

/** The value in thousandths, rounded up (CPU), as Go's Quantity.MilliValue. */
export function quantityMilliValue(value: string | number): number {
  return Number(ceilDivide(parseQuantity(value).nano, 1_000_000n));
}

/** Go rounds these up in magnitude. */
function ceilDivide(value: bigint, divisor: bigint): bigint {
  return value < 0n ? -((-value + divisor - 1n) / divisor) : (value + divisor - 1n) / divisor;
}
