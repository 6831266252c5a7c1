import { Errors, type StatusError } from '#api';
import { encodeContinue } from './continue-token.js';

/** Upstream's storage.NewTooLargeResourceVersionError. */
export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  return Errors.timeout(`Too large resource version: ${asked}, current: ${current}`, 1, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ]);
}

/** A watch from a revision whose successors are forgotten; `oldest` is the first that could be served. */
export function tooOldResourceVersion(asked: number, oldest: number): StatusError {
  return Errors.expired(`too old resource version: ${asked} (${oldest})`);
}

/** A list at an exact revision that has been compacted. */
export function listTooOld(): StatusError {
  return Errors.expired('The resourceVersion for the provided list is too old.');
}

/** A continue token that has outlived its revision; the Status carries one that goes on inconsistently. */
export function continueTooOld(start: string): StatusError {
  const error = Errors.expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new ' +
      'list without the continue parameter, or use the continue token in this response to retrieve the ' +
      'remainder of the results. Continuing with the provided token results in an inconsistent list - ' +
      'objects that were created, modified, or deleted between the time the first chunk was returned and ' +
      'now may show up in the list.',
  );
  error.status.metadata = { continue: encodeContinue({ revision: -1, start }) };
  return error;
}
