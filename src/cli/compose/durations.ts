import { parseDuration } from '#base';

/** Milliseconds of a flag in Go's form (`1m30s`, `500ms`, `0`). Throws RangeError with the flag's name. */
export function durationFlag(flag: string, text: string): number {
  const ms = /^(?:0|(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+)$/.test(text) ? parseDuration(text) : undefined;
  if (ms === undefined)
    throw new RangeError(`invalid argument "${text}" for "--${flag}" flag: time: invalid duration "${text}"`);
  return ms;
}
