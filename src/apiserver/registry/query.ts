import { Errors, type FieldError, StatusError } from '#api';
import type { RequestInfo } from '../contracts.js';

/** The largest version that can be said: upstream's are uint64. */
const MAX_UINT64 = 2n ** 64n - 1n;

/** ListOptions as the query says them, checked as ValidateListOptions does. */
export interface ListQuery {
  resourceVersion: number | undefined;
  match: 'Exact' | 'NotOlderThan' | undefined;
  limit: number | undefined;
  continue: string | undefined;
  sendInitialEvents: boolean | undefined;
  allowWatchBookmarks: boolean;
  timeoutSeconds: number | undefined;
}

/** Reads and checks ListOptions; throws BadRequest or Invalid, and for a malformed version of a watch 500 as upstream. */
export function listQuery(info: RequestInfo, watch: boolean): ListQuery {
  const { query } = info;
  const rawVersion = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const sendInitialEvents = readBoolean(query, 'sendInitialEvents');
  const token = query.get('continue') ?? '';
  const errors = watch
    ? watchErrors(match, sendInitialEvents, token)
    : listErrors(match, rawVersion, sendInitialEvents, token);
  if (errors.length > 0) throw Errors.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', errors);
  const resourceVersion = readVersion(rawVersion, watch ? malformedWatchVersion : malformedVersion);
  if (!watch && token !== '' && resourceVersion !== undefined && resourceVersion !== 0) {
    throw Errors.badRequest('specifying resource version is not allowed when using continue');
  }
  const limit = readInteger(query, 'limit');
  return {
    resourceVersion: !watch && token !== '' ? undefined : resourceVersion,
    match: match === '' ? undefined : (match as 'Exact' | 'NotOlderThan'),
    limit: limit === undefined || limit <= 0 ? undefined : limit,
    continue: token === '' ? undefined : token,
    sendInitialEvents,
    allowWatchBookmarks: readBoolean(query, 'allowWatchBookmarks') === true,
    timeoutSeconds: readInteger(query, 'timeoutSeconds'),
  };
}

/**
 * A resourceVersion from a query; absent is undefined. Versions beyond 2^53 are ahead of every store, which is all that
 * is asked of them. Throws what `refuse` makes of the reason for anything but an unsigned 64-bit number.
 */
export function readVersion(text: string | null, refuse = malformedVersion): number | undefined {
  if (text === null || text === '') return undefined;
  const why = !/^\d+$/.test(text)
    ? 'invalid syntax'
    : BigInt(text) > MAX_UINT64
      ? 'value out of range'
      : undefined;
  if (why === undefined) return Number(text);
  const quoted = JSON.stringify(text);
  throw refuse(`resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: ${why}`);
}

function malformedVersion(why: string): StatusError {
  return Errors.badRequest(`invalid resource version: ${why}`);
}

/** Upstream does not turn this error into a Status of its own: clients see 500 without a reason. */
function malformedWatchVersion(why: string): StatusError {
  return new StatusError('', why, undefined, 500);
}

function listErrors(
  match: string,
  version: string,
  sendInitialEvents: boolean | undefined,
  token: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (match !== '') {
    if (version === '') errors.push(forbiddenMatch('unless resourceVersion is provided'));
    if (token !== '') errors.push(forbiddenMatch('when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') errors.push(unsupportedMatch(match));
    if (match === 'Exact' && version === '0') {
      errors.push(
        forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
      );
    }
  }
  if (sendInitialEvents !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors(match: string, sendInitialEvents: boolean | undefined, token: string): FieldError[] {
  const errors: FieldError[] = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(
      forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
  }
  if (match === '') return errors;
  if (sendInitialEvents === undefined) {
    errors.push(forbiddenMatch('for watch unless sendInitialEvents is provided'));
  }
  if (match !== 'NotOlderThan') errors.push(unsupportedMatch(match));
  if (token !== '') errors.push(forbiddenMatch('when continue is provided'));
  return errors;
}

function forbidden(field: string, message: string): FieldError {
  return { type: 'FieldValueForbidden', field, message: `Forbidden: ${message}` };
}

function forbiddenMatch(why: string): FieldError {
  return forbidden('resourceVersionMatch', `resourceVersionMatch is forbidden ${why}`);
}

function unsupportedMatch(match: string): FieldError {
  return {
    type: 'FieldValueNotSupported',
    field: 'resourceVersionMatch',
    message: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`,
  };
}

function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw Errors.badRequest(
      `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax (query parameter ${name})`,
    );
  }
  return Number(text);
}

/** Go's query conversion: absent is undefined; "", "true" ... are true; "0" and "false" are false. */
function readBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text !== '0' && text.toLowerCase() !== 'false';
}
