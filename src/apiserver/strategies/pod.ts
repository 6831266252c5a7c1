import { type core, qosClass } from '#api';
import type { Strategy } from '../contracts.js';

/**
 * Pods (upstream registry/core/pod). The server decides phase and class of a new Pod; the node agent writes the
 * rest of the status. Grace: Pods that no node runs, or that have ended, vanish at once.
 */
export function podStrategy(): Strategy<core.Pod> {
  return {
    allowUnconditionalUpdate: true,
    returnDeletedObject: true,
    prepareForCreate(_context, object) {
      object.status = { phase: 'Pending', qosClass: qosClass(object.spec) };
      if ((object.spec?.schedulingGates ?? []).length > 0) object.status.conditions = [gated()];
    },
    prepareForUpdate(context, object, old) {
      if (context.subresource === 'status') prepareStatus(object, old);
      else if (context.subresource === '') keepEphemeral(object, old);
    },
    graceSeconds(object, requested) {
      const { spec, status } = object;
      if ((spec?.nodeName ?? '') === '') return 0;
      if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
      const seconds = requested ?? spec?.terminationGracePeriodSeconds ?? 0;
      return seconds < 0 ? 1 : seconds;
    },
    fields: podFields,
  };
}

function gated(): core.PodCondition {
  return {
    type: 'PodScheduled',
    status: 'False',
    reason: 'SchedulingGated',
    message: 'Scheduling is blocked due to non-empty scheduling gates',
  };
}

/** Status writers own neither the class nor the owners; podIP and podIPs[0] are one thing. */
function prepareStatus(object: core.Pod, old: core.Pod): void {
  const { status } = object;
  if (old.metadata.ownerReferences === undefined) delete object.metadata.ownerReferences;
  else object.metadata.ownerReferences = structuredClone(old.metadata.ownerReferences);
  if (status === undefined) return;
  if (old.status?.qosClass !== undefined) status.qosClass = old.status.qosClass;
  if ((status.podIPs ?? []).length === 0 && (status.podIP ?? '') !== '')
    status.podIPs = [{ ip: status.podIP! }];
  if ((status.podIPs ?? []).length > 0) status.podIP = status.podIPs![0]!.ip;
  if ((status.hostIPs ?? []).length === 0 && (status.hostIP ?? '') !== '')
    status.hostIPs = [{ ip: status.hostIP! }];
}

/** Ephemeral containers are added through their own subresource only. */
function keepEphemeral(object: core.Pod, old: core.Pod): void {
  if (object.spec === undefined) return;
  if (old.spec?.ephemeralContainers === undefined) delete object.spec.ephemeralContainers;
  else object.spec.ephemeralContainers = structuredClone(old.spec.ephemeralContainers);
}

function podFields({ spec, status }: core.Pod): Record<string, string> {
  return {
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.restartPolicy': spec?.restartPolicy ?? '',
    'spec.schedulerName': spec?.schedulerName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(spec?.hostNetwork ?? false),
    'status.phase': status?.phase ?? '',
    'status.podIP': status?.podIPs?.[0]?.ip ?? status?.podIP ?? '',
    'status.podIPs': (status?.podIPs ?? []).map(({ ip }) => ip).join(','),
    'status.nominatedNodeName': status?.nominatedNodeName ?? '',
  };
}
