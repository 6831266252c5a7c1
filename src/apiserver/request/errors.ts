import { Errors, type meta, StatusError } from '#api';
import { CompactedError, FutureRevisionError, StoreError } from '#storage';

/** The asked resourceVersion is ahead of the store: clients retry after a second (client-go IsTooLargeResourceVersion). */
export function tooLargeResourceVersion(asked: number | string, current: number | string): StatusError {
  return Errors.timeout(`Too large resource version: ${asked}, current: ${current}`, 1, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ]);
}

/** The one table that turns whatever was thrown into the Status to answer with; undefined for defects. */
function convert(error: unknown): StatusError | undefined {
  if (error instanceof StatusError) return error;
  if (error instanceof CompactedError) {
    return Errors.expired(
      `The resourceVersion for the provided list is too old (oldest is ${error.compactRevision}).`,
    );
  }
  if (error instanceof FutureRevisionError) return tooLargeResourceVersion('unknown', error.current);
  if (!(error instanceof StoreError)) return undefined;
  switch (error.code) {
    case 'TooLarge':
      return Errors.tooLarge(`Request entity too large: ${error.message}`);
    case 'Unavailable':
    case 'Closed':
      return Errors.serviceUnavailable(`the store is not available: ${error.message}`);
    case 'Corrupt':
      return new StatusError('StoreReadError', error.message);
    default:
      return Errors.internal(error.message, error);
  }
}

/**
 * The Status of any error. `onDefect` is told of errors that no table entry explains: those are bugs, answered
 * with 500 and logged by the caller.
 */
export function toStatusError(error: unknown, onDefect?: (error: unknown) => void): StatusError {
  const known = convert(error);
  if (known !== undefined) return known;
  onDefect?.(error);
  return Errors.internal(error instanceof Error ? error.message : String(error), error);
}

/** The JSON body of a Status, as clients expect it. */
export function statusBody(status: meta.Status): Buffer {
  // Upstream leaves out the reason that it does not know.
  const known = status.reason === '' ? { ...status, reason: undefined } : status;
  return Buffer.from(`${JSON.stringify(known)}\n`, 'utf8');
}
