import type { core, discovery } from '#api';
import { parseIp } from '#base';
import { type Informer, type InformerFactory, Resources } from '#client';
import { AddressIndex } from './address-index.js';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const LAST_CHANGE = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * The informers of one API server, each made once with its indexes and shrunk objects: configurations come and go with
 * reloads, watched state stays.
 */
export class InformerSources {
  readonly #factory: InformerFactory;
  readonly #services = new Map<string, Informer<core.Service>>();
  #namespaces: Informer<core.Namespace> | undefined;
  #slices: Informer<discovery.EndpointSlice> | undefined;
  #slicesByIp: AddressIndex<discovery.EndpointSlice> | undefined;
  #pods: Informer<core.Pod> | undefined;

  constructor(factory: InformerFactory) {
    this.#factory = factory;
  }

  start(): void {
    this.#factory.start();
  }
  stop(): void {
    this.#factory.stop();
  }

  /** Oldest contact with the API server of all informers, milliseconds since the epoch; 0 before the first. */
  get lastContact(): number {
    const all = [this.#namespaces, this.#slices, this.#pods, ...this.#services.values()];
    return Math.min(...all.flatMap((i) => (i === undefined ? [] : [i.lastContact])));
  }

  namespaces(): Informer<core.Namespace> {
    this.#namespaces ??= this.#factory.informer(Resources.namespaces, { transform: shrinkNamespace });
    return this.#namespaces;
  }

  services(labelSelector = ''): Informer<core.Service> {
    let informer = this.#services.get(labelSelector);
    if (informer === undefined) {
      informer = this.#factory.informer(Resources.services, {
        transform: shrinkService,
        ...(labelSelector === '' ? {} : { labelSelector }),
      });
      informer.addIndex('dns-ip', (s) => (s.spec?.clusterIPs ?? []).flatMap(canonical));
      this.#services.set(labelSelector, informer);
    }
    return informer;
  }

  slices(): Informer<discovery.EndpointSlice> {
    if (this.#slices === undefined) {
      this.#slices = this.#factory.informer(Resources.endpointSlices, { transform: shrinkSlice });
      this.#slices.addIndex('dns-service', (s) => [
        `${s.metadata.namespace}/${s.metadata.labels?.[SERVICE_NAME] ?? ''}`,
      ]);
      this.#slicesByIp = new AddressIndex(this.#slices, (s) =>
        (s.endpoints ?? []).flatMap((e) => e.addresses.flatMap(canonical)),
      );
    }
    return this.#slices;
  }

  /** Slices with an endpoint of this (canonical) address. */
  slicesByIp(ip: string): discovery.EndpointSlice[] {
    return this.#slicesByIp?.get(ip) ?? [];
  }

  pods(): Informer<core.Pod> {
    if (this.#pods === undefined) {
      this.#pods = this.#factory.informer(Resources.pods, { transform: shrinkPod });
      this.#pods.addIndex('dns-ip', (p) => podIps(p).flatMap(canonical));
    }
    return this.#pods;
  }
}

export function podIps(pod: core.Pod): string[] {
  const all = (pod.status?.podIPs ?? []).flatMap((p) => (p.ip === undefined ? [] : [p.ip]));
  return all.length > 0 ? all : [pod.status?.podIP ?? ''];
}

function canonical(text: string): string[] {
  const ip = parseIp(text);
  if (ip === undefined) return [];
  // The object's own string where it is canonical already: one less per endpoint.
  return [ip.text === text ? text : ip.text];
}

type Meta = core.Service['metadata'];

function identity({ name, namespace, resourceVersion, labels }: Meta): Meta {
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
  };
}

/** One object for all: absent conditions are ready. */
const NOT_READY = { ready: false };

/** What answers need, and nothing else: most of an object's size is never read here. */
function shrinkNamespace(object: core.Namespace): core.Namespace {
  return { metadata: identity(object.metadata) };
}

function shrinkService(object: core.Service): core.Service {
  const { clusterIP, clusterIPs, type, externalName, ports } = object.spec ?? {};
  const { labels: _labels, ...metadata } = identity(object.metadata);
  return {
    metadata,
    spec: {
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(clusterIPs === undefined ? {} : { clusterIPs }),
      ...(type === undefined ? {} : { type }),
      ...(externalName === undefined ? {} : { externalName }),
      ...(ports === undefined
        ? {}
        : {
            ports: ports.map(({ name, port, protocol }) => ({
              port,
              ...(name === undefined ? {} : { name }),
              ...(protocol === undefined ? {} : { protocol }),
            })),
          }),
    },
  };
}

function shrinkSlice(object: discovery.EndpointSlice): discovery.EndpointSlice {
  const { name, namespace, resourceVersion, labels, annotations } = object.metadata;
  const service = labels?.[SERVICE_NAME];
  const changed = annotations?.[LAST_CHANGE];
  return {
    metadata: {
      ...identity({
        ...(name === undefined ? {} : { name }),
        ...(namespace === undefined ? {} : { namespace }),
      }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(service === undefined ? {} : { labels: { [SERVICE_NAME]: service } }),
      ...(changed === undefined ? {} : { annotations: { [LAST_CHANGE]: changed } }),
    },
    addressType: object.addressType,
    ...(object.ports === undefined ? {} : { ports: object.ports }),
    endpoints: (object.endpoints ?? []).map(({ addresses, hostname, conditions, targetRef }) => ({
      addresses,
      ...(hostname === undefined ? {} : { hostname }),
      ...(conditions?.ready === false ? { conditions: NOT_READY } : {}),
      ...(targetRef?.name === undefined || targetRef.kind !== 'Pod'
        ? {}
        : { targetRef: { kind: 'Pod', name: targetRef.name } }),
    })),
  };
}

function shrinkPod(object: core.Pod): core.Pod {
  const { podIP, podIPs, phase, startTime } = object.status ?? {};
  const { labels: _labels, ...metadata } = identity(object.metadata);
  return {
    metadata: {
      ...metadata,
      ...(object.metadata.deletionTimestamp === undefined
        ? {}
        : { deletionTimestamp: object.metadata.deletionTimestamp }),
    },
    spec: { containers: [], ...(object.spec?.hostNetwork === true ? { hostNetwork: true } : {}) },
    status: {
      ...(podIP === undefined ? {} : { podIP }),
      ...(podIPs === undefined ? {} : { podIPs }),
      ...(phase === undefined ? {} : { phase }),
      ...(startTime === undefined ? {} : { startTime }),
    },
  };
}
