import { describe, expect, it } from 'vitest';
import { Warnings } from './warnings.js';

describe('Warnings', () => {
  it('quotes each text once in the form of RFC 7234', () => {
    const warnings = new Warnings();
    warnings.add('a "quoted" \\ text');
    warnings.add('a "quoted" \\ text');
    warnings.add('');
    expect(warnings.headers()).toEqual(['299 - "a \\"quoted\\" \\\\ text"']);
  });

  it('leaves no control characters in a header', () => {
    const warnings = new Warnings();
    warnings.add('line\r\nx-evil: 1');
    expect(warnings.headers()[0]).toBe('299 - "line  x-evil: 1"');
  });

  it('stays within its bounds however much is added', () => {
    const warnings = new Warnings();
    for (let i = 0; i < 1000; i++) warnings.add(`${i} ${'x'.repeat(1000)}`);
    expect(warnings.headers().join('').length).toBeLessThan(6000);
  });
});
