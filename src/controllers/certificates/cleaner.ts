import { X509Certificate } from 'node:crypto';
import { isNotFound } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import { createLoop } from '../common/loop.js';
import { parseTime } from '../common/time.js';
import type { ControllerDeps } from '../deps.js';
import { conditionsOf, isIssued, type Request, requestHandlers } from './conditions.js';

const HOUR_MS = 3_600_000;
/** How long requests stay that nobody has looked at, and those that are done. */
const PENDING_MS = 24 * HOUR_MS;
const DONE_MS = HOUR_MS;

/**
 * Deletes requests that are done with or that nobody wants (certificatesigningrequest-cleaner-controller): when their
 * time is over, where upstream looks once an hour.
 */
export function createCertificateCleanerController(deps: ControllerDeps): Startable {
  const requests = deps.informers.informer(Resources.certificateSigningRequests);
  const client = deps.client.resource(Resources.certificateSigningRequests);
  return createLoop(deps, 'csrcleaner', () => {
    let later: (key: string, milliseconds: number) => void = () => {};
    return {
      workers: 1,
      caches: [requests],
      subscribe: (queue) => {
        later = (key, milliseconds) => queue.addAfter(key, milliseconds);
        return [requests.on(requestHandlers(queue))];
      },
      async sync(key) {
        const request = requests.get(key);
        if (request === undefined) return;
        const left = deadlineOf(request) - deps.clock.now();
        if (left === Number.POSITIVE_INFINITY) return;
        if (left > 0) return later(key, left);
        const { uid } = request.metadata;
        try {
          await client.delete(key, undefined, { preconditions: { uid: uid! } });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      },
    };
  });
}

/** When a request is to go, milliseconds since the epoch; infinity for one that stays as it is. */
function deadlineOf(request: Request): number {
  const conditions = conditionsOf(request);
  if (conditions.length === 0) return parseTime(request.metadata.creationTimestamp) + PENDING_MS;
  const done = conditions
    .filter(
      ({ type }) => type === 'Denied' || type === 'Failed' || (type === 'Approved' && isIssued(request)),
    )
    .filter(({ lastUpdateTime }) => parseTime(lastUpdateTime) > 0)
    .map(({ lastUpdateTime }) => parseTime(lastUpdateTime) + DONE_MS);
  const approved = conditions.some(({ type }) => type === 'Approved');
  return Math.min(...done, approved && isIssued(request) ? expiryOf(request) : Number.POSITIVE_INFINITY);
}

function expiryOf({ status }: Request): number {
  try {
    return Date.parse(new X509Certificate(Buffer.from(status!.certificate!, 'base64')).validTo);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
