import { type coordination, type core, type discovery, isNotFound, semanticEqual } from '#api';
import { formatIp, parseIp } from '#base';
import { requireCidr } from '../allocators/index.js';
import type { ServerDeps } from '../deps.js';
import { createOnce } from './rbac-reconcile.js';

const NAME = 'kubernetes';
const NAMESPACE = 'default';
/** How the API servers of one store find each other. */
const LEASE_LABEL = { 'kubesvc.dev/apiserver-endpoint': 'true' };
const LEASE_NAMESPACE = 'kube-system';
/** Seconds; upstream's DefaultEndpointReconcilerTTL. */
const LEASE_SECONDS = 15;

export interface AdvertiseOptions {
  /** The first Service range: its first address is the Service's. */
  serviceCIDR: string;
  /** Where Pods reach this API server. */
  advertiseAddress: string;
  securePort: number;
  /** Several API servers share the store: each keeps a lease, and the endpoints are those with a live one. */
  shared: boolean;
}

/**
 * The Service `default/kubernetes`, its Endpoints and its EndpointSlice (upstream controlplane/reconcilers). They
 * are the server's own: no controller writes them, and an edit is undone within ten seconds.
 */
export class KubernetesService {
  readonly #deps: ServerDeps;
  readonly #options: AdvertiseOptions;

  constructor(deps: ServerDeps, options: AdvertiseOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** One pass; writes only what differs. */
  async reconcile(): Promise<void> {
    if (this.#options.shared) await this.#renew();
    const addresses = this.#options.shared ? await this.#liveAddresses() : [this.#options.advertiseAddress];
    await Promise.all([this.#service(), this.#endpoints(addresses), this.#slice(addresses)]);
  }

  /** Takes this server out of the endpoints; the others stay. A lone server leaves its entry for its next start. */
  async withdraw(): Promise<void> {
    if (!this.#options.shared) return;
    await this.#deps.store.delete(
      this.#deps.kind('coordination.v1.Lease'),
      LEASE_NAMESPACE,
      this.#leaseName(),
    );
    const addresses = await this.#liveAddresses();
    await Promise.all([this.#endpoints(addresses), this.#slice(addresses)]);
  }

  #leaseName(): string {
    return `apiserver-endpoint-${this.#options.advertiseAddress.replaceAll(':', '-')}`;
  }

  async #renew(): Promise<void> {
    const kind = this.#deps.kind('coordination.v1.Lease');
    const renewTime = `${new Date(this.#deps.clock.now()).toISOString().slice(0, 23)}000Z`;
    const spec = {
      holderIdentity: this.#options.advertiseAddress,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime,
    };
    const name = this.#leaseName();
    try {
      await this.#deps.store.update<coordination.Lease>(kind, LEASE_NAMESPACE, name, (lease) => ({
        ...lease,
        spec: { ...lease.spec, ...spec },
      }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const metadata = { name, namespace: LEASE_NAMESPACE, labels: { ...LEASE_LABEL } };
      const lease: coordination.Lease = { metadata, spec };
      await createOnce(this.#deps, 'coordination.v1.Lease', lease);
    }
  }

  async #liveAddresses(): Promise<string[]> {
    const kind = this.#deps.kind('coordination.v1.Lease');
    const leases = await this.#deps.store.list<coordination.Lease>(kind, LEASE_NAMESPACE);
    const now = this.#deps.clock.now();
    return leases
      .filter(({ metadata }) =>
        Object.keys(LEASE_LABEL).every((label) => metadata.labels?.[label] !== undefined),
      )
      .filter(({ spec }) => Date.parse(spec?.renewTime ?? '') + LEASE_SECONDS * 1000 > now)
      .map(({ spec }) => spec?.holderIdentity ?? '')
      .filter((address) => parseIp(address) !== undefined)
      .sort();
  }

  async #service(): Promise<void> {
    const kind = this.#deps.kind('core.v1.Service');
    const ports = [{ name: 'https', protocol: 'TCP', port: 443, targetPort: this.#options.securePort }];
    const have = await this.#deps.store.get<core.Service>(kind, NAMESPACE, NAME);
    if (have === undefined) return this.#createService(ports);
    if (semanticEqual(have.spec?.ports, ports) && have.spec?.type === 'ClusterIP') return;
    await this.#deps.store.update<core.Service>(kind, NAMESPACE, NAME, (service) => ({
      ...service,
      spec: { ...service.spec, ports, type: 'ClusterIP' },
    }));
  }

  async #createService(ports: core.ServicePort[]): Promise<void> {
    const cidr = requireCidr(this.#options.serviceCIDR);
    const service: core.Service = {
      metadata: {
        name: NAME,
        namespace: NAMESPACE,
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: formatIp(cidr.family, cidr.base + 1n),
        ipFamilyPolicy: 'SingleStack',
        ipFamilies: [cidr.family === 4 ? 'IPv4' : 'IPv6'],
        sessionAffinity: 'None',
        ports,
      },
    };
    await createOnce(this.#deps, 'core.v1.Service', service);
  }

  async #endpoints(addresses: string[]): Promise<void> {
    const kind = this.#deps.kind('core.v1.Endpoints');
    const ports = [{ name: 'https', port: this.#options.securePort, protocol: 'TCP' }];
    const subsets = addresses.length === 0 ? [] : [{ addresses: addresses.map((ip) => ({ ip })), ports }];
    const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
    const have = await this.#deps.store.get<core.Endpoints>(kind, NAMESPACE, NAME);
    const metadata = { name: NAME, namespace: NAMESPACE, labels };
    if (have === undefined) {
      await createOnce<core.Endpoints>(this.#deps, 'core.v1.Endpoints', { metadata, subsets });
      return;
    }
    if (semanticEqual(have.subsets, subsets) && have.metadata.labels?.[Object.keys(labels)[0]!] === 'true')
      return;
    await this.#deps.store.update<core.Endpoints>(kind, NAMESPACE, NAME, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
      subsets,
    }));
  }

  async #slice(addresses: string[]): Promise<void> {
    const kind = this.#deps.kind('discovery.v1.EndpointSlice');
    const addressType = parseIp(this.#options.advertiseAddress)?.family === 6 ? 'IPv6' : 'IPv4';
    const endpoints = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
    const ports = [{ name: 'https', port: this.#options.securePort, protocol: 'TCP' }];
    const wanted: discovery.EndpointSlice = {
      metadata: { name: NAME, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': NAME } },
      addressType,
      endpoints,
      ports,
    };
    const have = await this.#deps.store.get<discovery.EndpointSlice>(kind, NAMESPACE, NAME);
    if (have !== undefined && have.addressType !== addressType) {
      // The address type of a slice cannot change.
      await this.#deps.store.delete(kind, NAMESPACE, NAME, { uid: have.metadata.uid });
    } else if (have !== undefined) {
      if (semanticEqual(have.endpoints, endpoints) && semanticEqual(have.ports, ports)) return;
      await this.#deps.store.update<discovery.EndpointSlice>(kind, NAMESPACE, NAME, (object) => ({
        ...object,
        metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...wanted.metadata.labels } },
        endpoints,
        ports,
      }));
      return;
    }
    await createOnce(this.#deps, 'discovery.v1.EndpointSlice', wanted);
  }
}
