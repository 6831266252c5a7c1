import { describe, expect, it } from 'vitest';
import { InFlight } from './in-flight.js';

describe('InFlight', () => {
  it('refuses above the limit of the class and admits again after a release', () => {
    const inFlight = new InFlight({ readOnly: 1, mutating: 2 });
    const release = inFlight.enter('readOnly', []);
    expect(() => inFlight.enter('readOnly', [])).toThrow('too many requests');
    inFlight.enter('mutating', []);
    release();
    release();
    expect(inFlight.running('readOnly')).toBe(0);
    expect(inFlight.enter('readOnly', [])).toBeTypeOf('function');
  });

  it('never refuses administrators, and nobody without a limit', () => {
    const inFlight = new InFlight({ readOnly: 1, mutating: 0 });
    for (let i = 0; i < 5; i++) {
      inFlight.enter('readOnly', ['system:masters']);
      inFlight.enter('mutating', []);
    }
    expect(() => inFlight.enter('readOnly', [])).toThrow('too many requests');
  });
});
