import { describe, expect, it, vi } from 'vitest';
import { Errors } from '#api';
import { CompactedError, FutureRevisionError, StoreError } from '#storage';
import { statusBody, toStatusError } from './errors.js';

describe('toStatusError', () => {
  it.each([
    [new CompactedError(5), 410, 'Expired'],
    [new FutureRevisionError(5), 504, 'Timeout'],
    [new StoreError('TooLarge', 'x'), 413, 'RequestEntityTooLarge'],
    [new StoreError('Unavailable', 'x'), 503, 'ServiceUnavailable'],
    [new StoreError('Closed', 'x'), 503, 'ServiceUnavailable'],
    [new StoreError('Corrupt', 'x'), 500, 'StoreReadError'],
    [new StoreError('NoSpace', 'x'), 500, 'InternalError'],
    [Errors.badRequest('x'), 400, 'BadRequest'],
  ])('turns %s into %i', (error, code, reason) => {
    const onDefect = vi.fn();
    expect(toStatusError(error, onDefect).status).toMatchObject({ code, reason });
    expect(onDefect).not.toHaveBeenCalled();
  });

  it('reports what it does not know and answers 500', () => {
    const onDefect = vi.fn();
    const defect = new TypeError('x is undefined');
    expect(toStatusError(defect, onDefect).code).toBe(500);
    expect(onDefect).toHaveBeenCalledWith(defect);
  });

  it('writes the Status as JSON', () => {
    const { status } = Errors.notFound({ group: '', resource: 'pods' }, 'p');
    expect(JSON.parse(statusBody(status).toString())).toMatchObject({ kind: 'Status', code: 404 });
  });
});
