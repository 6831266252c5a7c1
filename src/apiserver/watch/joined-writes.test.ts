import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JoinedWrites } from './joined-writes.js';

describe('joined writes', () => {
  it('are the frames in order, whatever was joined before', () => {
    const frames = Array.from({ length: 5 }, (_, i) => Buffer.from(`${i}\n`));
    const list = fc.array(fc.constantFrom(...frames), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(list, { maxLength: 30 }), (lists) => {
        const writes = new JoinedWrites();
        for (const one of lists) expect(writes.join(one).toString()).toBe(one.join(''));
      }),
    );
  });

  it('are one buffer for all who write the same in a round', () => {
    const writes = new JoinedWrites();
    const frames = [Buffer.from('a'), Buffer.from('b')];
    const first = writes.join([...frames]);
    writes.join([frames[1]!, frames[0]!]);
    expect(writes.join([...frames])).toBe(first);
    writes.forget();
    expect(writes.join([...frames])).not.toBe(first);
  });
});
