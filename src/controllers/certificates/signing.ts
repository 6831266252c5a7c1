import { X509Certificate } from 'node:crypto';
import { type KeyPair, type SigningPolicy, type Startable, signRequest } from '#base';
import { Resources } from '#client';
import { createLoop } from '../common/loop.js';
import type { ControllerDeps } from '../deps.js';
import {
  askedBy,
  conditionsOf,
  hasCondition,
  isIssued,
  type Request,
  requestHandlers,
} from './conditions.js';
import { SIGNERS } from './signers.js';

export interface CertificateSigningOptions {
  /** Signs for every signer. */
  authority: KeyPair;
  /** The longest that certificates live, milliseconds. Default: a year. */
  durationMs?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** Clocks differ: certificates are valid a little before they are made, which counts unless they are short-lived. */
const BACKDATE_MS = 5 * MINUTE_MS;
const SHORT_MS = 8 * HOUR_MS;
const SHORTEST_MS = 10 * MINUTE_MS;

/** Issues certificates for approved requests to upstream's own signers (certificatesigningrequest-signing-controller). */
export function createCertificateSigningController(
  { authority, durationMs = YEAR_MS }: CertificateSigningOptions,
  deps: ControllerDeps,
): Startable {
  const requests = deps.informers.informer(Resources.certificateSigningRequests);
  const client = deps.client.resource(Resources.certificateSigningRequests);
  const signerNotAfter = Date.parse(new X509Certificate(authority.certificate).validTo);

  function policyOf({ usages = [], expirationSeconds }: Request['spec']): SigningPolicy {
    const now = deps.clock.now();
    if (now >= signerNotAfter) {
      throw new Error(`the signer has expired: NotAfter=${new Date(signerNotAfter).toISOString()}`);
    }
    const asked = expirationSeconds === undefined ? durationMs : expirationSeconds * 1000;
    const ttl = Math.min(durationMs, Math.max(SHORTEST_MS, asked));
    const notAfter = now + (ttl < SHORT_MS ? ttl : ttl - BACKDATE_MS);
    return {
      usages,
      notBefore: new Date(now - BACKDATE_MS),
      notAfter: new Date(Math.min(notAfter, signerNotAfter)),
    };
  }

  /** What the status becomes. */
  function decide(request: Request): Request['status'] {
    const { spec, status } = request;
    const asked = askedBy(request);
    const refusal = SIGNERS[spec.signerName]!(asked, spec.usages ?? []);
    if (refusal === undefined) {
      const certificate = Buffer.from(signRequest(authority, asked, policyOf(spec))).toString('base64');
      return { ...status, certificate };
    }
    const failed = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: refusal };
    return { ...status, conditions: [...conditionsOf(request), failed] };
  }

  return createLoop(deps, 'certificate', () => ({
    workers: 5,
    caches: [requests],
    subscribe: (queue) => [requests.on(requestHandlers(queue))],
    async sync(key) {
      const request = requests.get(key);
      if (request === undefined || !waits(request)) return;
      await client.updateSubresource('status', { ...request, status: decide(request) });
    },
  }));
}

/** Approved, for one of these signers, and neither issued nor failed. */
function waits(request: Request): boolean {
  return (
    Object.hasOwn(SIGNERS, request.spec.signerName) &&
    !isIssued(request) &&
    hasCondition(request, 'Approved') &&
    !hasCondition(request, 'Denied') &&
    !hasCondition(request, 'Failed')
  );
}
