import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTime, formatMicroTime, formatTime, parseTime } from './time.js';

describe('canonicalTime', () => {
  it('writes every time as the calendar does, whether it needs one or not', () => {
    const two = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
    const text = fc
      .tuple(
        fc.integer({ min: 0, max: 9999 }).map((n) => String(n).padStart(4, '0')),
        two(13),
        two(32),
        two(24),
        two(60),
        two(60),
        fc.constantFrom('', '.5', '.123456', '.1234567', ',000001'),
        fc.constantFrom('Z', '+00:00', '-01:30', 'z', ''),
      )
      .map(([y, mo, d, h, mi, s, fraction, zone]) => `${y}-${mo}-${d}T${h}:${mi}:${s}${fraction}${zone}`);
    fc.assert(
      fc.property(text, fc.boolean(), (time, micro) => {
        const parsed = parseTime(time);
        const within =
          parsed !== undefined && parsed.seconds >= -62167219200 && parsed.seconds <= 253402300799;
        const expected = !within
          ? undefined
          : micro
            ? formatMicroTime(parsed.seconds, parsed.nanos)
            : formatTime(parsed.seconds);
        expect(canonicalTime(time, micro)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
