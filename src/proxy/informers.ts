import { type core, type discovery, type meta, objectKey } from '#api';
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

/** Annotations of ours; others say nothing to a proxy. */
const OWN_ANNOTATION = /^kubesvc\.dev\//;

function pick(
  from: Record<string, string> | undefined,
  wanted: (name: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(from ?? {}).filter(([name]) => wanted(name)));
}

/** What a proxy reads of an object's metadata. */
function trimMetadata(
  metadata: meta.ObjectMeta,
  labels: readonly string[],
  annotations: readonly string[] = [],
): meta.ObjectMeta {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    labels: pick(metadata.labels, (label) => labels.includes(label)),
    annotations: pick(
      metadata.annotations,
      (name) => annotations.includes(name) || OWN_ANNOTATION.test(name),
    ),
  };
}

/** A Service as far as a proxy reads it. */
function trimService(service: core.Service): core.Service {
  const { selector: _, ipFamilies: _f, ipFamilyPolicy: _p, ...spec } = service.spec ?? {};
  const ingress = service.status?.loadBalancer?.ingress;
  return {
    metadata: trimMetadata(service.metadata, [PROXY_NAME_LABEL]),
    spec,
    ...(ingress === undefined ? {} : { status: { loadBalancer: { ingress } } }),
  };
}

/**
 * Trims EndpointSlices. Endpoints come by the hundred thousand: those of a slice share their names and, mostly,
 * their conditions, and what nobody reads is gone.
 */
function createSliceTrimmer(): (slice: discovery.EndpointSlice) => discovery.EndpointSlice {
  const names = new Map<string, string>();
  const conditions = new Map<string, discovery.EndpointConditions>();
  const shared = <T>(pool: Map<string, T>, key: string, value: T): T => {
    const known = pool.get(key);
    if (known !== undefined) return known;
    pool.set(key, value);
    return value;
  };
  const trimEndpoint = (endpoint: discovery.Endpoint): discovery.Endpoint => {
    const { ready, serving, terminating } = endpoint.conditions ?? {};
    const { nodeName, hints } = endpoint;
    return {
      addresses: endpoint.addresses.length === 1 ? endpoint.addresses : endpoint.addresses.slice(0, 1),
      conditions: shared(conditions, `${ready} ${serving} ${terminating}`, endpoint.conditions ?? {}),
      ...(nodeName === undefined ? {} : { nodeName: shared(names, nodeName, nodeName) }),
      ...(hints === undefined ? {} : { hints }),
    };
  };
  return (slice) => ({
    metadata: trimMetadata(slice.metadata, [SERVICE_NAME_LABEL], [TRIGGER_ANNOTATION]),
    addressType: slice.addressType,
    ...(slice.ports === undefined ? {} : { ports: slice.ports }),
    endpoints: (slice.endpoints ?? []).map(trimEndpoint),
  });
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
    transform: createSliceTrimmer(),
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
