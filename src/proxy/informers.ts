import { type core, type discovery, objectKey } from '#api';
import { type Informer, type InformerFactory, Resources } from '#client';
import type { ClusterView } from './state/desired-state.js';
import { PROXY_NAME_LABEL } from './state/service-port.js';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const TRIGGER_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';
const BY_SERVICE = 'proxy-service';

export interface ProxyInformers {
  services: Informer<core.Service>;
  slices: Informer<discovery.EndpointSlice>;
  node: Informer<core.Node>;
}

/** `namespace/name` of the Service that a slice belongs to; undefined when it names none. */
export function serviceKeyOf(slice: discovery.EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined || name === '' ? undefined : `${slice.metadata.namespace ?? ''}/${name}`;
}

/** When the change behind this slice happened, in milliseconds; undefined when it does not say. */
export function triggerTime(slice: discovery.EndpointSlice): number | undefined {
  const text = slice.metadata.annotations?.[TRIGGER_ANNOTATION];
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** Keeps what rules are made of; the rest would only take memory. May mutate its argument. */
function trimSlice(slice: discovery.EndpointSlice): discovery.EndpointSlice {
  delete slice.metadata.managedFields;
  delete slice.metadata.ownerReferences;
  for (const endpoint of slice.endpoints ?? []) {
    delete endpoint.targetRef;
    delete endpoint.hostname;
    delete endpoint.deprecatedTopology;
  }
  return slice;
}

function trimService(service: core.Service): core.Service {
  delete service.metadata.managedFields;
  return service;
}

/** The caches that the proxy reads, with upstream's selectors. */
export function createProxyInformers(factory: InformerFactory, nodeName: string): ProxyInformers {
  const services = factory.informer(Resources.services, {
    labelSelector: `!${PROXY_NAME_LABEL}`,
    fieldSelector: 'spec.clusterIP!=None',
    transform: trimService,
  });
  const slices = factory.informer(Resources.endpointSlices, {
    labelSelector: '!service.kubernetes.io/headless',
    transform: trimSlice,
  });
  slices.addIndex(BY_SERVICE, (slice) => {
    const key = serviceKeyOf(slice);
    return key === undefined ? [] : [key];
  });
  const node = factory.informer(Resources.nodes, { fieldSelector: `metadata.name=${nodeName}` });
  return { services, slices, node };
}

export function informerView({ services, slices }: ProxyInformers): ClusterView {
  return {
    service: (key) => services.get(key),
    slices: (key) => slices.byIndex(BY_SERVICE, key),
    *serviceKeys() {
      for (const service of services.list()) yield objectKey(service);
    },
  };
}
