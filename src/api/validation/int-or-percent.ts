import type { IntOrString } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { percent } from './formats.js';

/** A count or a percentage, not negative. */
export function checkIntOrPercent(check: Check, path: Path, value: IntOrString): void {
  if (typeof value === 'string') check.invalidEach(path, value, percent(value));
  else check.nonNegative(path, value);
}

/** Percentages end at 100. */
export function checkAtMost100Percent(check: Check, path: Path, value: IntOrString | undefined): void {
  const match = typeof value === 'string' ? /^(\d+)%$/.exec(value) : null;
  if (match !== null && Number(match[1]) > 100) check.invalid(path, value, 'must not be greater than 100%');
}

/** The number in front of the percent sign, or the count itself. */
export function intOrPercentValue(value: IntOrString | undefined): number {
  return typeof value === 'string' ? Number.parseInt(value, 10) || 0 : (value ?? 0);
}
