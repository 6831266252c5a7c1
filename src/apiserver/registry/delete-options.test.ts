import { describe, expect, it } from 'vitest';
import { checkDeleteOptions, finalizersFor, optionsFromQuery } from './delete-options.js';

describe('finalizersFor', () => {
  it.each([
    [['x'], { propagationPolicy: 'Foreground' }, ['x', 'foregroundDeletion']],
    [['x'], { propagationPolicy: 'Orphan' }, ['x', 'orphan']],
    [['x', 'orphan'], { propagationPolicy: 'Background' }, ['x']],
    [['orphan'], { propagationPolicy: 'Foreground' }, ['foregroundDeletion']],
    [['orphan'], {}, ['orphan']],
    [['foregroundDeletion'], {}, ['foregroundDeletion']],
    [['foregroundDeletion'], { orphanDependents: true }, ['orphan']],
    [['orphan'], { orphanDependents: false }, []],
    [[], {}, []],
  ])('%j with %j gives %j', (have, options, expected) => {
    expect(finalizersFor(have, options)).toEqual(expected);
  });
});

describe('delete options', () => {
  it('are read from the query', () => {
    const query = new URLSearchParams('gracePeriodSeconds=5&propagationPolicy=Orphan&orphanDependents=true');
    expect(optionsFromQuery(query)).toEqual({
      gracePeriodSeconds: 5,
      propagationPolicy: 'Orphan',
      orphanDependents: true,
    });
    expect(() => optionsFromQuery(new URLSearchParams('gracePeriodSeconds=x'))).toThrow('gracePeriodSeconds');
  });

  it('may not contradict themselves or use unknown values', () => {
    expect(() => checkDeleteOptions({ propagationPolicy: 'Orphan', orphanDependents: false })).toThrow(
      'cannot be both set',
    );
    expect(() => checkDeleteOptions({ propagationPolicy: 'orphan' })).toThrow('Unsupported value');
    expect(() => checkDeleteOptions({ dryRun: ['Most'] })).toThrow('dryRun');
    expect(() => checkDeleteOptions({ propagationPolicy: 'Background', dryRun: ['All'] })).not.toThrow();
  });
});
