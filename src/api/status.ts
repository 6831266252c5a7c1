import type { GroupResource } from './object.js';
import type { meta } from './types/index.js';

/** metav1.StatusReason values that this project answers with. */
export type StatusReason =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Expired'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'Invalid'
  | 'TooManyRequests'
  | 'InternalError'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'ServerTimeout'
  | 'StoreReadError'
  | '';

const CODES: Record<Exclude<StatusReason, ''>, number> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  StoreReadError: 500,
  ServerTimeout: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};

/** One cause of an Invalid status; `type` is upstream's field.ErrorType value. */
export interface FieldError {
  type:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueNotSupported'
    | 'FieldValueNotFound'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueTypeInvalid'
    | 'InternalError';
  /** JSON path as upstream prints it, e.g. `spec.ports[0].nodePort`. */
  field: string;
  /** Upstream's error body without the path, e.g. `Invalid value: 70000: must be between 1 and 65535, inclusive`. */
  message: string;
}

/**
 * An error that carries the Kubernetes Status to answer with. Everything that can refuse a request throws
 * this (or a typed lower-layer error that the API server's one table converts into it).
 */
export class StatusError extends Error {
  readonly status: meta.Status & { code: number; reason: StatusReason; message: string };

  constructor(
    reason: StatusReason,
    message: string,
    details?: meta.StatusDetails,
    code?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details === undefined ? {} : { details }),
      code: code ?? (reason === '' ? 500 : CODES[reason]),
    };
  }

  get reason(): StatusReason {
    return this.status.reason;
  }
  get code(): number {
    return this.status.code;
  }

  /** Rebuilds the error from a Status answered by a server. */
  static fromStatus(status: meta.Status, httpCode: number): StatusError {
    return new StatusError(
      (status.reason ?? '') as StatusReason,
      status.message ?? `server answered ${httpCode}`,
      status.details,
      status.code ?? httpCode,
    );
  }
}

function qualified(resource: GroupResource): string {
  return resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
}

function detailsOf(resource: GroupResource, name: string): meta.StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.resource,
  };
}

/** Constructors with apimachinery's messages (`api/errors/errors.go`). */
export const Errors = {
  notFound: (r: GroupResource, name: string) =>
    new StatusError('NotFound', `${qualified(r)} "${name}" not found`, detailsOf(r, name)),
  alreadyExists: (r: GroupResource, name: string) =>
    new StatusError('AlreadyExists', `${qualified(r)} "${name}" already exists`, detailsOf(r, name)),
  conflict: (r: GroupResource, name: string, why: string) =>
    new StatusError(
      'Conflict',
      `Operation cannot be fulfilled on ${qualified(r)} "${name}": ${why}`,
      detailsOf(r, name),
    ),
  forbidden: (r: GroupResource, name: string, why: string) =>
    new StatusError(
      'Forbidden',
      r.resource === ''
        ? `forbidden: ${why}`
        : `${qualified(r)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
      detailsOf(r, name),
    ),
  /** `kind` is the object's Kind; errors are joined as upstream's aggregate does. */
  invalid: (kind: { group: string; kind: string }, name: string, errors: FieldError[]) => {
    const texts = errors.map((e) => `${e.field}: ${e.message}`);
    const joined = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
    const of = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
    return new StatusError('Invalid', `${of} "${name}" is invalid: ${joined}`, {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.kind,
      causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
    });
  },
  badRequest: (why: string) => new StatusError('BadRequest', why),
  unauthorized: (why = 'Unauthorized') => new StatusError('Unauthorized', why),
  methodNotSupported: (r: GroupResource, action: string) =>
    new StatusError(
      'MethodNotAllowed',
      `${action} is not supported on resources of kind "${qualified(r)}"`,
      detailsOf(r, ''),
    ),
  notAcceptable: (accepted: string[]) =>
    new StatusError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`),
  unsupportedMediaType: (accepted: string[]) =>
    new StatusError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    ),
  expired: (why: string) => new StatusError('Expired', why),
  tooLarge: (why: string) => new StatusError('RequestEntityTooLarge', why),
  tooManyRequests: (why: string, retryAfterSeconds: number) =>
    new StatusError('TooManyRequests', why, { retryAfterSeconds }),
  timeout: (why: string, retryAfterSeconds: number, causes?: meta.StatusCause[]) =>
    new StatusError('Timeout', why, { retryAfterSeconds, ...(causes === undefined ? {} : { causes }) }),
  internal: (why: string, cause?: unknown) =>
    new StatusError('InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] }, 500, {
      cause,
    }),
  serviceUnavailable: (why: string) => new StatusError('ServiceUnavailable', why),
};

export function isStatus(error: unknown, ...reasons: StatusReason[]): error is StatusError {
  return error instanceof StatusError && (reasons.length === 0 || reasons.includes(error.reason));
}
/** The object does not exist. */
export const isNotFound = (error: unknown): boolean => isStatus(error, 'NotFound');
/** A write lost against another write. */
export const isConflict = (error: unknown): boolean => isStatus(error, 'Conflict');
export const isAlreadyExists = (error: unknown): boolean => isStatus(error, 'AlreadyExists');
/** The asked resourceVersion or continue token is gone: relist. */
export const isExpired = (error: unknown): boolean => isStatus(error, 'Expired', 'Gone');
