import type { certificates } from '#api';
import { type CertificateSigningData, parseCertificateRequest } from '#base';
import type { InformerHandlers, WorkQueue } from '#client';

export type Request = certificates.CertificateSigningRequest;

export function conditionsOf({ status }: Request): certificates.CertificateSigningRequestCondition[] {
  return status?.conditions ?? [];
}

export function hasCondition(request: Request, type: string): boolean {
  return conditionsOf(request).some((one) => one.type === type && one.status === 'True');
}

export function isIssued({ status }: Request): boolean {
  return (status?.certificate ?? '') !== '';
}

/** Throws RangeError for what the API server would not have taken. */
export function askedBy({ spec }: Request): CertificateSigningData {
  return parseCertificateRequest(Buffer.from(spec.request, 'base64').toString('latin1'));
}

/** Queues requests that come or change; one that is gone wants nothing. */
export function requestHandlers(queue: WorkQueue): InformerHandlers<Request> {
  const changed = ({ metadata }: Request) => queue.add(metadata.name!);
  return { add: changed, update: changed };
}
