import type { core } from '#api';
import { semanticEqual } from './equal.js';
import { isPodReady, isPodTerminal, podIPs } from './pods.js';

/** What endpoints, endpoint-slice and their change detection share (k8s.io/endpointslice/util). */

/** Finished Pods and Pods without an address are never endpoints; terminating ones only where asked for. */
export function belongsInEndpoints(pod: core.Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod) || podIPs(pod).length === 0) return false;
  return includeTerminating || pod.metadata.deletionTimestamp === undefined;
}

/** Only Pods whose subdomain names the Service publish their hostname through it. */
export function publishesHostname(pod: core.Pod, service: core.Service): boolean {
  return (
    (pod.spec?.hostname ?? '') !== '' &&
    pod.spec?.subdomain === service.metadata.name &&
    service.metadata.namespace === pod.metadata.namespace
  );
}

/** Which Services an updated Pod concerns: those that match it now, or also those that matched it before. */
export type PodChange = 'none' | 'endpoint' | 'membership';

/** Compares what endpoints are made of; a heartbeat or annotation is no change. */
export function podChange(pod: core.Pod, old: core.Pod): PodChange {
  if (!semanticEqual(pod.metadata.labels, old.metadata.labels)) return 'membership';
  if (pod.spec?.hostname !== old.spec?.hostname || pod.spec?.subdomain !== old.spec?.subdomain)
    return 'membership';
  const same =
    pod.metadata.uid === old.metadata.uid &&
    (pod.metadata.deletionTimestamp === undefined) === (old.metadata.deletionTimestamp === undefined) &&
    isPodReady(pod) === isPodReady(old) &&
    isPodTerminal(pod) === isPodTerminal(old) &&
    pod.spec?.nodeName === old.spec?.nodeName &&
    podIPs(pod).join() === podIPs(old).join();
  return same ? 'none' : 'endpoint';
}

/** A Service without a cluster IP of its own (`helper.IsServiceIPSet` is false). */
export function isHeadless(service: core.Service): boolean {
  const ip = service.spec?.clusterIP ?? '';
  return ip === '' || ip === 'None';
}

/** True when the endpoints of the Service are derived from Pods, and so written by the controllers. */
export function hasDerivedEndpoints(service: core.Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
}
