/** Why an address or port could not be allocated; the text is upstream's and ends up in the Status. */
export class AllocationError extends Error {
  readonly code: 'full' | 'allocated' | 'outOfRange' | 'mismatchedNetwork';
  constructor(code: AllocationError['code'], message: string) {
    super(message);
    this.name = 'AllocationError';
    this.code = code;
  }
}

/** Uniform in [0, 1): injected so that tests choose the picks. */
export type Random = () => number;

/** An integer in [from, to). */
export function pick(random: Random, from: number, to: number): number {
  return from + Math.min(Math.floor(random() * (to - from)), to - from - 1);
}

/**
 * The first free offset in [from, to), searched from a random place and around, or -1.
 * Random starts keep concurrent servers from racing for the same offset.
 */
export function findFree(
  random: Random,
  from: number,
  to: number,
  taken: (offset: number) => boolean,
): number {
  if (to <= from) return -1;
  const start = pick(random, from, to);
  for (let offset = start; offset < to; offset++) if (!taken(offset)) return offset;
  for (let offset = from; offset < start; offset++) if (!taken(offset)) return offset;
  return -1;
}
