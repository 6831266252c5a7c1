import type { IntOrString } from '#api';

/** An absolute number, or a percentage of `total` rounded as asked; malformed values count as 0. */
export function scaledValue(value: IntOrString | undefined, total: number, roundUp: boolean): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const match = /^([0-9]+)%$/.exec(value);
  if (match === null) return 0;
  const exact = (Number(match[1]) * total) / 100;
  return roundUp ? Math.ceil(exact) : Math.floor(exact);
}
