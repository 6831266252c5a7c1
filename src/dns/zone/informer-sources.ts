import type { core, KubeObject } from '#api';
import { type Informer, type InformerFactory, type Resource, Resources } from '#client';
import { addressKey, addressOctets } from './addresses.js';
import { packImport, serviceImports } from './imports.js';
import { Interner } from './interner.js';
import { octetsOf, type PackedSlice, packSlice, type SliceDetail } from './packed-slice.js';

/** What answers need of a Pod. */
export interface PackedPod extends KubeObject {
  /** Its addresses as octets. */
  addresses: string[];
  hostNetwork: boolean;
  /** Neither over nor going: those have no name. */
  live: boolean;
}

const HEADLESS = ['None'];

/**
 * The informers of one API server, each made once with its indexes and with objects packed to what answers need:
 * configurations come and go with reloads, watched state stays. Address indexes take `addressKey`.
 */
export class InformerSources {
  readonly #factory: InformerFactory;
  readonly #interner = new Interner();
  readonly #informers = new Map<string, Informer<KubeObject>>();

  constructor(factory: InformerFactory) {
    this.#factory = factory;
  }

  start(): void {
    this.#factory.start();
  }
  stop(): void {
    this.#factory.stop();
  }

  /** Resolves when all of them have been listed. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((i) => i.synced()));
  }

  /** Oldest contact with the API server of all informers, milliseconds since the epoch; 0 before the first. */
  get lastContact(): number {
    return Math.min(...[...this.#informers.values()].map((i) => i.lastContact));
  }

  namespaces(): Informer<core.Namespace> {
    return this.#once('namespaces', () =>
      this.#factory.informer(Resources.namespaces, { transform: packNamespace }),
    );
  }

  services(labelSelector = ''): Informer<core.Service> {
    return this.#once(`services ${labelSelector}`, () => {
      const informer = this.#factory.informer(Resources.services, {
        transform: (service) => packService(service, this.#interner),
        ...(labelSelector === '' ? {} : { labelSelector }),
      });
      informer.addIndex('dns-ip', (s) => addressKeys(s.spec?.clusterIPs ?? []));
      return informer;
    });
  }

  /** Slices with this much detail: a state of its own for each. */
  slices(detail: SliceDetail = { podNames: false, zones: false }): Informer<PackedSlice> {
    const key = `slices ${detail.podNames} ${detail.zones}`;
    return this.#once(key, () => {
      const resource = Resources.endpointSlices as unknown as Resource<PackedSlice>;
      const transform = (slice: KubeObject) => packSlice(slice as never, detail, this.#interner);
      // What the factory tells transforms apart by.
      transform.toString = () => key;
      const informer = this.#factory.informer(resource, { transform });
      // Joined, not concatenated: that would keep the parts as well.
      informer.addIndex('dns-service', (s) => [[s.metadata.namespace, s.service].join('/')]);
      informer.addIndex('dns-import', (s) =>
        s.imported === '' ? [] : [[s.metadata.namespace, s.imported].join('/')],
      );
      // A cluster's reverse names are of its own endpoints.
      informer.addIndex('dns-ip', (s) => (s.service === '' ? [] : octetsOf(s).map(addressKey)));
      return informer;
    });
  }

  /** ServiceImports in the shape of Services; none where the API server does not know the kind. */
  imports(): Informer<core.Service> {
    return this.#once('imports', () =>
      this.#factory.informer(serviceImports as Resource<core.Service>, {
        transform: (object) => packImport(object as KubeObject, this.#interner),
        optional: true,
      }),
    );
  }

  /** The slices with an endpoint of this address, of whatever informers there are. */
  slicesAt(octets: string): PackedSlice[] {
    const all = [...this.#informers].filter(([key]) => key.startsWith('slices '));
    return all.flatMap(([, i]) => i.byIndex('dns-ip', addressKey(octets)) as PackedSlice[]);
  }

  pods(): Informer<PackedPod> {
    return this.#once('pods', () => {
      const resource = Resources.pods as unknown as Resource<PackedPod>;
      const transform = (pod: KubeObject) => packPod(pod as core.Pod, this.#interner);
      const informer = this.#factory.informer(resource, { transform });
      informer.addIndex('dns-ip', (p) => p.addresses.map(addressKey));
      return informer;
    });
  }

  #once<T extends KubeObject>(key: string, make: () => Informer<T>): Informer<T> {
    let informer = this.#informers.get(key) as Informer<T> | undefined;
    if (informer === undefined) {
      informer = make();
      this.#informers.set(key, informer as unknown as Informer<KubeObject>);
    }
    return informer;
  }
}

function addressKeys(texts: string[]): (string | number)[] {
  return texts.flatMap((text) => {
    const octets = addressOctets(text);
    return octets === undefined ? [] : [addressKey(octets)];
  });
}

function packNamespace({ metadata }: core.Namespace): core.Namespace {
  const { name, resourceVersion, labels } = metadata;
  return { metadata: { name: name!, resourceVersion: resourceVersion!, labels: labels ?? {} } };
}

/** Literals without optional parts: V8 keeps the properties of such objects inside them. */
function packService({ metadata, spec = {} }: core.Service, interner: Interner): core.Service {
  const { name, namespace, resourceVersion } = metadata;
  const packed = {
    name: name!,
    namespace: interner.text(namespace!),
    resourceVersion: resourceVersion!,
  };
  const ports = interner.value(
    (spec.ports ?? []).map((p) => ({ name: p.name ?? '', port: p.port, protocol: p.protocol ?? 'TCP' })),
  );
  if (spec.type === 'ExternalName') {
    const externalName = spec.externalName ?? '';
    return { metadata: packed, spec: { type: 'ExternalName', externalName, ports } };
  }
  const given = spec.clusterIPs ?? [];
  const [first = spec.clusterIP ?? ''] = given;
  const headless = first === '' || first === 'None';
  const clusterIPs = headless ? HEADLESS : given.length > 0 ? given : [first];
  return { metadata: packed, spec: { clusterIPs, ports } };
}

function packPod({ metadata, spec, status }: core.Pod, interner: Interner): PackedPod {
  const { name, namespace, resourceVersion, deletionTimestamp } = metadata;
  const over = ['Succeeded', 'Failed', 'Unknown'].includes(status?.phase ?? '');
  const all = (status?.podIPs ?? []).flatMap((p) => p.ip ?? []);
  return {
    metadata: {
      name: name!,
      namespace: interner.text(namespace!),
      resourceVersion: resourceVersion!,
    },
    addresses: (all.length > 0 ? all : [status?.podIP ?? '']).flatMap((ip) => addressOctets(ip) ?? []),
    hostNetwork: spec?.hostNetwork === true,
    live: !over && deletionTimestamp === undefined,
  };
}
