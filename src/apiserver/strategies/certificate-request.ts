import type { certificates } from '#api';
import type { Strategy } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { timestamp } from '../registry/names.js';

type Request = certificates.CertificateSigningRequest;
type Condition = certificates.CertificateSigningRequestCondition;

/**
 * Requests for certificates (registry/certificates/certificates/strategy.go): who asks is written down at creation, and
 * nothing changes from then on but the conditions through /approval, and these and the certificate through /status.
 */
export function certificateRequestStrategy({ clock }: ServerDeps): Strategy<Request> {
  return {
    allowUnconditionalUpdate: true,
    prepareForCreate({ user }, object) {
      const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...asked } = object.spec;
      object.spec = {
        ...asked,
        username: user.name,
        ...((user.uid ?? '') === '' ? {} : { uid: user.uid! }),
        ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
        ...(Object.keys(user.extra ?? {}).length === 0 ? {} : { extra: { ...user.extra } }),
      };
      object.status = {};
    },
    prepareForUpdate({ subresource }, object, old) {
      if (subresource === '') {
        object.spec = structuredClone(old.spec);
        return;
      }
      if (subresource === 'status')
        for (const type of ['Approved', 'Denied']) keepConditions(object, old, type);
      fillTimes(object, old, timestamp(clock.now()));
      if (subresource === 'approval') {
        const { conditions: _decided, ...issued } = old.status ?? {};
        const conditions = conditionsOf(object);
        object.status = conditions.length === 0 ? issued : { ...issued, conditions };
      }
    },
  };
}

const conditionsOf = ({ status }: Request): Condition[] => status?.conditions ?? [];

/** Takes over what the stored object says of a decision; one that came or went is left to validation. */
function keepConditions(object: Request, old: Request, type: string): void {
  const kept = conditionsOf(old).filter((condition) => condition.type === type);
  const conditions = conditionsOf(object);
  if (conditions.filter((condition) => condition.type === type).length !== kept.length) return;
  for (const [i, condition] of conditions.entries()) {
    if (condition.type === type) conditions[i] = structuredClone(kept.shift()!);
  }
}

function fillTimes(object: Request, old: Request, now: string): void {
  for (const condition of conditionsOf(object)) {
    const same = conditionsOf(old).find(
      ({ type, status, lastTransitionTime }) =>
        type === condition.type && status === condition.status && (lastTransitionTime ?? null) !== null,
    );
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= same?.lastTransitionTime ?? now;
  }
}
