import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Commit } from '../mvcc/change.js';
import { changeCount, decodeCommit, encodeCommit } from './record.js';

const change = (revision: number) =>
  fc
    .oneof(
      fc.record({ key: fc.string({ unit: 'grapheme' }) }),
      fc.record({
        key: fc.string({ unit: 'grapheme' }),
        value: fc.uint8Array(),
        createRevision: fc.nat(),
        version: fc.nat(),
        expiresAt: fc.option(fc.integer({ min: 1, max: 2 ** 45 }), { nil: undefined }),
      }),
    )
    .map((made) => {
      if (!('value' in made)) return { key: made.key };
      const { key, value, createRevision, version, expiresAt } = made;
      const kv = { key, value: Buffer.from(value), createRevision, version, modRevision: revision };
      return { key, kv, ...(expiresAt === undefined ? {} : { expiresAt }) };
    });
const commit: fc.Arbitrary<Commit> = fc
  .array(change(77), { maxLength: 6 })
  .map((changes) => ({ revision: 77, changes }));

describe('log records', () => {
  it('come back as they went in', () => {
    fc.assert(
      fc.property(commit, (made) => {
        const record = encodeCommit(made);
        expect(changeCount(record)).toBe(made.changes.length);
        expect(decodeCommit(77, record)).toEqual(made);
      }),
    );
  });

  it('are refused as Corrupt when any byte is cut off or changed', () => {
    fc.assert(
      fc.property(commit, fc.nat(), fc.integer({ min: 1, max: 255 }), (made, at, by) => {
        const record = encodeCommit(made);
        expect(() => decodeCommit(77, record.subarray(0, at % record.length))).toThrow(/damaged/);
        record[at % record.length]! ^= by;
        expect(() => decodeCommit(77, record)).toThrow(/damaged/);
      }),
    );
  });

  it('never make the decoder fail otherwise, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeCommit(1, Buffer.from(bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: 'Corrupt' });
        }
      }),
    );
  });
});
