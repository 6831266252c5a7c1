import { randomBytes } from 'node:crypto';
import type { core, KubeObject } from '#api';
import type { ServerDeps } from '../deps.js';

/** Records a Warning Event about an object, as the server's repair loops do. Failing to is only logged. */
export async function recordWarning(
  deps: ServerDeps,
  component: string,
  object: KubeObject & { apiVersion?: string; kind?: string },
  reason: string,
  message: string,
): Promise<void> {
  const { namespace = 'default', name = '', uid, resourceVersion } = object.metadata;
  const now = `${new Date(deps.clock.now()).toISOString().slice(0, 19)}Z`;
  const event: core.Event = {
    metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
    involvedObject: {
      kind: object.kind ?? 'Service',
      apiVersion: object.apiVersion ?? 'v1',
      namespace,
      name,
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    reason,
    message,
    type: 'Warning',
    source: { component },
    reportingComponent: component,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  try {
    await deps.store.create(deps.kind('core.v1.Event'), event);
  } catch (err) {
    deps.logger.warn('an Event was not recorded', { reason, namespace, name, err });
  }
}
