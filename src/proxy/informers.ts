import { type core, type discovery, type meta, objectKey } from '#api';
import { type Informer, type InformerFactory, Resources } from '#client';
import { isEnabled } from './config/feature-gates.js';
import { createSlicePacker } from './packed-slice.js';
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

/** Annotations of ours; of the others a proxy reads only the trigger time. */
const OWN_ANNOTATION = /^kubesvc\.dev\//;

function readAnnotations(all: Record<string, string> | undefined): Record<string, string> | undefined {
  let read: Record<string, string> | undefined;
  for (const name in all) {
    if (name !== TRIGGER_ANNOTATION && !OWN_ANNOTATION.test(name)) continue;
    read ??= {};
    read[name] = all[name]!;
  }
  return read;
}

/** What a proxy reads of an object's metadata, with the one label that it looks at. */
function trimMetadata(
  metadata: meta.ObjectMeta,
  label: typeof PROXY_NAME_LABEL | typeof SERVICE_NAME_LABEL,
): meta.ObjectMeta {
  const { name, namespace, resourceVersion } = metadata;
  const value = metadata.labels?.[label];
  const annotations = readAnnotations(metadata.annotations);
  // Assigned one by one: V8 gives each object that is made by spreading a hidden class of its own.
  const trimmed: meta.ObjectMeta = {};
  if (name !== undefined) trimmed.name = name;
  if (namespace !== undefined) trimmed.namespace = namespace;
  if (resourceVersion !== undefined) trimmed.resourceVersion = resourceVersion;
  if (value !== undefined) trimmed.labels = { [label]: value };
  if (annotations !== undefined) trimmed.annotations = annotations;
  return trimmed;
}

/** What the gate AllowServiceExternalIPs leaves of a Service when it is off. */
export function withoutExternalIPs(service: core.Service): core.Service {
  if (service.spec?.externalIPs === undefined) return service;
  const { externalIPs: _, ...spec } = service.spec;
  return { ...service, spec };
}

/** A Service as far as a proxy reads it. */
function trimService(service: core.Service): core.Service {
  const { selector: _, ipFamilies: _f, ipFamilyPolicy: _p, ...spec } = service.spec ?? {};
  const ingress = service.status?.loadBalancer?.ingress;
  return {
    metadata: trimMetadata(service.metadata, PROXY_NAME_LABEL),
    spec,
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress } } }),
  };
}

/** The caches that the proxy reads, with upstream's selectors. */
export function createProxyInformers(
  factory: InformerFactory,
  nodeName: string,
  gates: Readonly<Record<string, boolean>>,
): ProxyInformers {
  const hasExternalIPs = isEnabled(gates, 'AllowServiceExternalIPs');
  const services = factory.informer(Resources.services, {
    labelSelector: `!${PROXY_NAME_LABEL}`,
    fieldSelector: 'spec.clusterIP!=None',
    transform: hasExternalIPs ? trimService : (service) => withoutExternalIPs(trimService(service)),
  });
  const slices = factory.informer(Resources.endpointSlices, {
    labelSelector: '!service.kubernetes.io/headless',
    transform: createSlicePacker((slice) => trimMetadata(slice.metadata, SERVICE_NAME_LABEL)),
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
