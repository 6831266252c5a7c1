import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplyRing } from './reply-ring.js';

const HEADER = 12;

/** A reply whose question is one octet and whose rest tells it apart from all others. */
function reply(question: number, version: number, size: number): Buffer {
  const bytes = Buffer.alloc(HEADER + 1 + size, version);
  bytes[HEADER] = question;
  return bytes;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: fc.nat(40), tag: fc.nat(5), size: fc.nat(60) }) },
  { weight: 4, arbitrary: fc.record({ find: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ drop: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.constant({ clear: true }) },
);

describe('a ring of replies', () => {
  it('never finds anything but the last reply to a question, and none whose tag was invalidated', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.constantFrom(0, 7), (steps, hashes) => {
        const ring = new ReplyRing(1024, 64);
        const model = new Map<number, { tag: number; bytes: Buffer }>();
        let found = 0;
        for (const [version, s] of steps.entries()) {
          // With few hashes, many questions share the places of one.
          const hashOf = (question: number) => (hashes === 0 ? question * 2_654_435 : question % hashes);
          if ('put' in s) {
            const bytes = reply(s.put, version & 255, s.size);
            const facts = { limit: 0, context: s.tag, rcode: 0, questionEnd: HEADER + 1 };
            ring.put(bytes, hashOf(s.put), `t${s.tag}`, { ...facts, count: 0, recordSize: 0, serialAt: 0 });
            model.set(s.put, { tag: s.tag, bytes });
          } else if ('find' in s) {
            const kept = ring.find(Buffer.from([s.find]), 1, hashOf(s.find), 0);
            if (kept === undefined) continue;
            found++;
            expect(kept.bytes.subarray(kept.at, kept.at + kept.length)).toEqual(model.get(s.find)?.bytes);
            expect(kept.context).toBe(model.get(s.find)?.tag);
            expect(ring.find(Buffer.from([s.find]), 1, hashOf(s.find), 512)).toBeUndefined();
          } else if ('drop' in s) {
            ring.invalidate(`t${s.drop}`);
            for (const [question, { tag }] of model) if (tag === s.drop) model.delete(question);
          } else {
            ring.clear();
            model.clear();
          }
          expect(ring.size).toBeLessThanOrEqual(32);
        }
        return found >= 0;
      }),
      { numRuns: 300 },
    );
  });

  it('finds what was put last, and loses the oldest when there is no room', () => {
    const ring = new ReplyRing(1024, 64);
    const facts = { limit: 0, context: 0, rcode: 3, questionEnd: HEADER + 1 };
    const put = (question: number) =>
      ring.put(reply(question, 1, 80), question, 'tag', { ...facts, count: 0, recordSize: 0, serialAt: 0 });
    const has = (question: number) => ring.find(Buffer.from([question]), 1, question, 0)?.rcode === 3;
    for (let question = 0; question < 12; question++) put(question);
    expect([has(0), has(11), has(10)]).toEqual([false, true, true]);
  });
});
