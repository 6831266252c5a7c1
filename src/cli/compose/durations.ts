const UNITS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a flag in Go's form (`1m30s`, `500ms`, `0`). Throws RangeError with the flag's name. */
export function durationFlag(flag: string, text: string): number {
  if (text === '0') return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw new RangeError(`invalid argument "${text}" for "--${flag}" flag: time: invalid duration "${text}"`);
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    ms += Number(number) * UNITS[unit!]!;
  return ms;
}
