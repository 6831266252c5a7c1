import { describe, expect, it } from 'vitest';
import { descriptorBudget } from './limits.js';

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                 1048576              files     \n`;

describe('descriptorBudget', () => {
  it.each(['256', '1024', '65536', 'unlimited'])('leaves descriptors for everything else of %s', (soft) => {
    const { connections, flows } = descriptorBudget(limits(soft));
    const open = soft === 'unlimited' ? 131_072 : Number(soft);
    expect(connections).toBeGreaterThan(0);
    expect(flows).toBeGreaterThan(0);
    expect(2 * connections + flows).toBeLessThanOrEqual(open - Math.min(1024, open / 2));
  });

  it('reads the limits of this process', () => {
    expect(descriptorBudget().connections).toBeGreaterThan(0);
  });
});
