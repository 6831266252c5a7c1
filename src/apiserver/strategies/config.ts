import type { core, events } from '#api';
import type { Strategy } from '../contracts.js';
import { startsWith } from './status.js';

/** Seconds that Events live (kube-apiserver --event-ttl, default 1h). */
const EVENT_TTL = 3600;

/** stringData is write-only: it is merged into data and never stored. */
export function secretStrategy(): Strategy<core.Secret> {
  const merge = (secret: core.Secret): void => {
    if (secret.stringData === undefined) return;
    secret.data = { ...secret.data };
    for (const [key, text] of Object.entries(secret.stringData)) {
      secret.data[key] = Buffer.from(text, 'utf8').toString('base64');
    }
    delete secret.stringData;
  };
  return {
    allowUnconditionalUpdate: true,
    prepareForCreate: (_context, object) => merge(object),
    prepareForUpdate(_context, object, old) {
      merge(object);
      // The type is immutable; leaving it out keeps it.
      object.type ??= old.type;
    },
    fields: (object) => ({ type: object.type ?? '' }),
  };
}

export function configMapStrategy(): Strategy<core.ConfigMap> {
  return { allowUnconditionalUpdate: true };
}

/** Secret references keep only the name: they are in the account's own namespace. */
export function serviceAccountStrategy(): Strategy<core.ServiceAccount> {
  const clean = (account: core.ServiceAccount): void => {
    if (account.secrets !== undefined) account.secrets = account.secrets.map(({ name }) => ({ name }));
  };
  return {
    allowUnconditionalUpdate: true,
    returnDeletedObject: true,
    prepareForCreate: (_context, object) => clean(object),
    prepareForUpdate: (_context, object) => clean(object),
  };
}

/** `a.b` of an object for each of its members: `involvedObject.name` ... */
function prefixed(prefix: string, reference: core.ObjectReference | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of [
    'kind',
    'namespace',
    'name',
    'uid',
    'apiVersion',
    'resourceVersion',
    'fieldPath',
  ] as const) {
    out[`${prefix}.${name}`] = reference?.[name] ?? '';
  }
  return out;
}

export function eventStrategy(): Strategy<core.Event> {
  return {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    ttlSeconds: () => EVENT_TTL,
    fields: (event) => ({
      ...prefixed('involvedObject', event.involvedObject),
      reason: event.reason ?? '',
      reportingComponent: event.reportingComponent ?? '',
      source: event.source?.component || event.reportingComponent || '',
      type: event.type ?? '',
    }),
  };
}

export function newEventStrategy(): Strategy<events.Event> {
  return {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    ttlSeconds: () => EVENT_TTL,
    fields: (event) => ({
      ...prefixed('regarding', event.regarding),
      reason: event.reason ?? '',
      reportingController: event.reportingController ?? '',
      type: event.type ?? '',
    }),
  };
}

export function volumeStrategy(): Strategy<core.PersistentVolume> {
  return {
    ...startsWith<core.PersistentVolume>(() => ({ phase: 'Pending' })),
    allowUnconditionalUpdate: true,
    fields: (object) => ({ name: object.metadata.name ?? '' }),
  };
}

export function claimStrategy(): Strategy<core.PersistentVolumeClaim> {
  return {
    ...startsWith<core.PersistentVolumeClaim>(() => ({ phase: 'Pending' })),
    allowUnconditionalUpdate: true,
    fields: (object) => ({ name: object.metadata.name ?? '' }),
  };
}
