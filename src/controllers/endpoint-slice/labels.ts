import type { core, discovery } from '#api';
import { isHeadless } from '../common/endpoint-pods.js';
import { semanticEqual } from '../common/equal.js';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';
/** Value of the managed-by label on slices that this controller owns. */
export const CONTROLLER_NAME = 'endpointslice-controller.k8s.io';

type Labels = Record<string, string>;

/** The Service's labels and the reserved ones, which a Service cannot override. */
export function sliceLabels(service: core.Service, managedBy: string): Labels {
  return {
    ...withoutReserved(service.metadata.labels),
    ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
    [SERVICE_NAME]: service.metadata.name!,
    [MANAGED_BY]: managedBy,
  };
}

/** True when the Service's labels differ from those the slice mirrors; reserved labels do not count. */
export function labelsChanged(slice: discovery.EndpointSlice, service: core.Service): boolean {
  return !semanticEqual(withoutReserved(slice.metadata.labels), withoutReserved(service.metadata.labels));
}

function withoutReserved(labels: Labels = {}): Labels {
  const { [SERVICE_NAME]: _name, [MANAGED_BY]: _by, [HEADLESS]: _headless, ...rest } = labels;
  return rest;
}
