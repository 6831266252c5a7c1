import type { core, discovery } from '#api';
import { objectKey } from '#api';
import type { Informer } from '#client';
import { type InformerSources, LAST_CHANGE, SERVICE_NAME } from './informer-sources.js';

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

/** A change that answers can show. */
export type StateChange =
  | { kind: 'namespace' }
  | { kind: 'pod' }
  | { kind: 'service' | 'endpoints'; namespace: string; name: string; changedAt?: string };

export interface StateOptions {
  /** Watch Pods too. */
  pods: boolean;
  /** Watch EndpointSlices (`noendpoints` turns it off). */
  endpoints: boolean;
  /** Label selector on Services. */
  labels?: string;
  onChange?: (change: StateChange) => void;
}

/** The state kept by informers. `close` detaches it from them. */
export class InformerState implements ClusterState {
  readonly #namespaces: Informer<core.Namespace>;
  readonly #services: Informer<core.Service>;
  readonly #slices: Informer<discovery.EndpointSlice> | undefined;
  readonly #pods: Informer<core.Pod> | undefined;
  readonly #options: StateOptions;
  readonly #sources: InformerSources;
  readonly #removers: (() => void)[] = [];
  #serial = Math.floor(Date.now() / 1000);

  constructor(sources: InformerSources, options: StateOptions) {
    this.#options = options;
    this.#sources = sources;
    this.#namespaces = sources.namespaces();
    this.#services = sources.services(options.labels);
    if (options.endpoints) this.#slices = sources.slices();
    if (options.pods) this.#pods = sources.pods();
    this.#listen();
  }

  #listen(): void {
    const namespace = () => this.#changed({ kind: 'namespace' });
    this.#removers.push(this.#namespaces.on({ add: namespace, update: namespace, delete: namespace }));
    const service = ({ metadata }: core.Service) =>
      this.#changed({ kind: 'service', namespace: metadata.namespace!, name: metadata.name! });
    this.#removers.push(this.#services.on({ add: service, update: service, delete: service }));
    if (this.#slices !== undefined) this.#listenToSlices(this.#slices);
    const pod = () => this.#changed({ kind: 'pod' });
    const remover = this.#pods?.on({ add: pod, update: pod, delete: pod });
    if (remover !== undefined) this.#removers.push(remover);
  }

  #listenToSlices(slices: Informer<discovery.EndpointSlice>): void {
    const slice = ({ metadata }: discovery.EndpointSlice) => {
      const name = metadata.labels?.[SERVICE_NAME];
      const changedAt = metadata.annotations?.[LAST_CHANGE];
      if (name === undefined) return;
      const change = { kind: 'endpoints' as const, namespace: metadata.namespace!, name };
      this.#changed(changedAt === undefined ? change : { ...change, changedAt });
    };
    this.#removers.push(
      slices.on({
        add: slice,
        update: (s, old) => {
          slice(s);
          if (old.metadata.labels?.[SERVICE_NAME] !== s.metadata.labels?.[SERVICE_NAME]) slice(old);
        },
        delete: slice,
      }),
    );
  }

  #changed(change: StateChange): void {
    this.#serial = Math.floor(Date.now() / 1000);
    this.#options.onChange?.(change);
  }

  close(): void {
    for (const remove of this.#removers.splice(0)) remove();
  }

  get synced(): boolean {
    return [this.#namespaces, this.#services, this.#slices, this.#pods].every(
      (i) => i === undefined || i.hasSynced,
    );
  }
  /** Resolves when everything has been listed, or when the signal aborts. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    const all = [this.#namespaces, this.#services, this.#slices, this.#pods];
    await Promise.all(all.map((i) => i?.synced(signal))).catch(() => {});
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
    return this.#slices === undefined ? [] : this.#sources.slicesByIp(ip);
  }
  podsByIp(ip: string): core.Pod[] {
    return (this.#pods?.byIndex('dns-ip', ip) ?? []).filter(isLive);
  }
  services(): core.Service[] {
    return this.#services.list().sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
  }
}

/** Pods that are over or going have no name. */
function isLive(pod: core.Pod): boolean {
  const over = ['Succeeded', 'Failed', 'Unknown'].includes(pod.status?.phase ?? '');
  return !over && pod.metadata.deletionTimestamp === undefined;
}
