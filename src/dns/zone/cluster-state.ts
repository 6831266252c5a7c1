import type { core } from '#api';
import { objectKey } from '#api';
import type { Informer } from '#client';
import { addressKey } from './addresses.js';
import type { InformerSources, PackedPod } from './informer-sources.js';
import type { PackedSlice, SliceDetail } from './packed-slice.js';

/** What the records are made of; addresses are octets, one character each. */
export interface ClusterState {
  namespace(name: string): core.Namespace | undefined;
  service(namespace: string, name: string): core.Service | undefined;
  slices(namespace: string, service: string): PackedSlice[];
  /** Services that own this ClusterIP (one in a sane cluster). */
  servicesByIp(octets: string): core.Service[];
  slicesByIp(octets: string): PackedSlice[];
  /** ServiceImports in the shape of Services, and the slices of one; only when they are watched (`multicluster`). */
  import(namespace: string, name: string): core.Service | undefined;
  importSlices(namespace: string, name: string): PackedSlice[];
  /** A live Pod with this IP; only when Pods are watched (`pods verified`, autopath). */
  podsByIp(octets: string): PackedPod[];
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
  | { kind: 'service'; namespace: string; name: string }
  | { kind: 'endpoints'; namespace: string; name: string; changedAt: number };

export interface StateOptions {
  /** Watch Pods too. */
  pods: boolean;
  /** Watch EndpointSlices (`noendpoints` turns it off). */
  endpoints: boolean;
  /** What else to keep of EndpointSlices. */
  detail?: SliceDetail;
  /** Watch ServiceImports. */
  imports?: boolean;
  /** Label selector on Services. */
  labels?: string;
  onChange?: (change: StateChange) => void;
}

/** The state kept by informers. `close` detaches it from them. */
export class InformerState implements ClusterState {
  readonly #namespaces: Informer<core.Namespace>;
  readonly #services: Informer<core.Service>;
  readonly #slices: Informer<PackedSlice> | undefined;
  readonly #pods: Informer<PackedPod> | undefined;
  readonly #imports: Informer<core.Service> | undefined;
  readonly #options: StateOptions;
  readonly #removers: (() => void)[] = [];
  #serial = Math.floor(Date.now() / 1000);

  constructor(sources: InformerSources, options: StateOptions) {
    this.#options = options;
    this.#namespaces = sources.namespaces();
    this.#services = sources.services(options.labels);
    if (options.endpoints) this.#slices = sources.slices(options.detail);
    if (options.pods) this.#pods = sources.pods();
    if (options.imports === true) this.#imports = sources.imports();
    this.#listen();
  }

  #listen(): void {
    const namespace = () => this.#changed({ kind: 'namespace' });
    this.#removers.push(this.#namespaces.on({ add: namespace, update: namespace, delete: namespace }));
    const service = ({ metadata }: core.Service) =>
      this.#changed({ kind: 'service', namespace: metadata.namespace!, name: metadata.name! });
    for (const informer of [this.#services, this.#imports])
      if (informer !== undefined)
        this.#removers.push(informer.on({ add: service, update: service, delete: service }));
    if (this.#slices !== undefined) this.#listenToSlices(this.#slices);
    const pod = () => this.#changed({ kind: 'pod' });
    const remover = this.#pods?.on({ add: pod, update: pod, delete: pod });
    if (remover !== undefined) this.#removers.push(remover);
  }

  #listenToSlices(slices: Informer<PackedSlice>): void {
    const slice = ({ metadata, service, imported, changedAt }: PackedSlice) => {
      for (const name of new Set([service, imported]))
        if (name !== '')
          this.#changed({ kind: 'endpoints', namespace: metadata.namespace!, name, changedAt });
    };
    this.#removers.push(
      slices.on({
        add: slice,
        update: (s, old) => {
          slice(s);
          if (old.service !== s.service || old.imported !== s.imported) slice(old);
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
    return [this.#namespaces, this.#services, this.#slices, this.#pods, this.#imports].every(
      (i) => i === undefined || i.hasSynced,
    );
  }
  /** Resolves when everything has been listed, or when the signal aborts. */
  async whenSynced(signal: AbortSignal): Promise<void> {
    const all = [this.#namespaces, this.#services, this.#slices, this.#pods, this.#imports];
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
  slices(namespace: string, service: string): PackedSlice[] {
    return this.#slices?.byIndex('dns-service', `${namespace}/${service}`) ?? [];
  }
  import(namespace: string, name: string): core.Service | undefined {
    return this.#imports?.get(`${namespace}/${name}`);
  }
  importSlices(namespace: string, name: string): PackedSlice[] {
    return this.#slices?.byIndex('dns-import', `${namespace}/${name}`) ?? [];
  }
  servicesByIp(octets: string): core.Service[] {
    return this.#services.byIndex('dns-ip', addressKey(octets));
  }
  slicesByIp(octets: string): PackedSlice[] {
    return this.#slices?.byIndex('dns-ip', addressKey(octets)) ?? [];
  }
  podsByIp(octets: string): PackedPod[] {
    return (this.#pods?.byIndex('dns-ip', addressKey(octets)) ?? []).filter((pod) => pod.live);
  }
  services(): core.Service[] {
    return this.#services.list().sort((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
  }
}
