import type { core, discovery } from '#api';
import { objectKey } from '#api';
import { parseIp } from '#base';
import { type Informer, type InformerFactory, Resources } from '#client';

const SERVICE_NAME = 'kubernetes.io/service-name';

/** What the records are made of; an address is always in canonical text. */
export interface ClusterState {
  namespace(name: string): core.Namespace | undefined;
  service(namespace: string, name: string): core.Service | undefined;
  slices(namespace: string, service: string): discovery.EndpointSlice[];
  /** Services that own this ClusterIP (one in a sane cluster). */
  servicesByIp(ip: string): core.Service[];
  slicesByIp(ip: string): discovery.EndpointSlice[];
  /** A live Pod with this IP; only when Pods are watched (`pods verified`, autopath). */
  podsByIp(ip: string): core.Pod[];
  /** All Services: for zone transfer. */
  services(): core.Service[];
  /** Everything has been listed once; before that, absence means nothing. */
  readonly synced: boolean;
  /** Unix time in seconds of the last change that answers can show: the SOA serial. */
  readonly serial: number;
}

export interface StateOptions {
  /** Watch Pods too. */
  pods: boolean;
  /** Watch EndpointSlices (`noendpoints` turns it off). */
  endpoints: boolean;
  /** Label selector on Services. */
  labels?: string;
  /** Called for every visible change with the Service it concerns; undefined for namespaces and Pods. */
  onChange?: (service: { namespace: string; name: string; changedAt?: string } | undefined) => void;
}

/** The state kept by informers. Objects are shrunk to what answers need. */
export class InformerState implements ClusterState {
  readonly #namespaces: Informer<core.Namespace>;
  readonly #services: Informer<core.Service>;
  readonly #slices: Informer<discovery.EndpointSlice> | undefined;
  readonly #pods: Informer<core.Pod> | undefined;
  readonly #options: StateOptions;
  #serial = Math.floor(Date.now() / 1000);

  constructor(informers: InformerFactory, options: StateOptions) {
    this.#options = options;
    this.#namespaces = informers.informer(Resources.namespaces, { transform: shrink });
    this.#services = informers.informer(Resources.services, {
      transform: shrink,
      ...(options.labels === undefined ? {} : { labelSelector: options.labels }),
    });
    this.#services.addIndex('dns-ip', (s) => (s.spec?.clusterIPs ?? []).flatMap(canonical));
    if (options.endpoints) {
      this.#slices = informers.informer(Resources.endpointSlices, { transform: shrink });
      this.#slices.addIndex('dns-service', (s) => [
        `${s.metadata.namespace}/${s.metadata.labels?.[SERVICE_NAME] ?? ''}`,
      ]);
      this.#slices.addIndex('dns-ip', (s) => [
        ...new Set((s.endpoints ?? []).flatMap((e) => e.addresses.flatMap(canonical))),
      ]);
    }
    if (options.pods) {
      this.#pods = informers.informer(Resources.pods, { transform: shrink });
      this.#pods.addIndex('dns-ip', (p) => canonical(p.status?.podIP ?? ''));
    }
    this.#listen();
  }

  #listen(): void {
    const anything = () => this.#changed(undefined);
    this.#namespaces.on({ add: anything, delete: anything });
    const service = (s: core.Service) =>
      this.#changed({ namespace: s.metadata.namespace!, name: s.metadata.name! });
    this.#services.on({ add: service, update: service, delete: service });
    const slice = (s: discovery.EndpointSlice) => {
      const name = s.metadata.labels?.[SERVICE_NAME];
      const changedAt = s.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'];
      if (name !== undefined) {
        this.#changed({
          namespace: s.metadata.namespace!,
          name,
          ...(changedAt === undefined ? {} : { changedAt }),
        });
      }
    };
    this.#slices?.on({
      add: slice,
      update: (s, old) => {
        slice(s);
        if (old.metadata.labels?.[SERVICE_NAME] !== s.metadata.labels?.[SERVICE_NAME]) slice(old);
      },
      delete: slice,
    });
    this.#pods?.on({ add: anything, update: anything, delete: anything });
  }

  #changed(service: { namespace: string; name: string; changedAt?: string } | undefined): void {
    this.#serial = Math.floor(Date.now() / 1000);
    this.#options.onChange?.(service);
  }

  get synced(): boolean {
    return [this.#namespaces, this.#services, this.#slices, this.#pods].every(
      (i) => i === undefined || i.hasSynced,
    );
  }
  get serial(): number {
    return this.#serial;
  }
  namespace(name: string): core.Namespace | undefined {
    return this.#namespaces.get(name);
  }
  service(namespace: string, name: string): core.Service | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }
  slices(namespace: string, service: string): discovery.EndpointSlice[] {
    return this.#slices?.byIndex('dns-service', `${namespace}/${service}`) ?? [];
  }
  servicesByIp(ip: string): core.Service[] {
    return this.#services.byIndex('dns-ip', ip);
  }
  slicesByIp(ip: string): discovery.EndpointSlice[] {
    return this.#slices?.byIndex('dns-ip', ip) ?? [];
  }
  podsByIp(ip: string): core.Pod[] {
    return (this.#pods?.byIndex('dns-ip', ip) ?? []).filter(isLive);
  }
  services(): core.Service[] {
    return this.#services.list().sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
  }
}

function isLive(pod: core.Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    !['Succeeded', 'Failed', 'Unknown'].includes(pod.status?.phase ?? '')
  );
}

function canonical(text: string): string[] {
  const ip = parseIp(text);
  return ip === undefined ? [] : [ip.text];
}

/** managedFields are half of a small object's size. */
function shrink<T extends { metadata: { managedFields?: unknown } }>(object: T): T {
  delete object.metadata.managedFields;
  return object;
}
