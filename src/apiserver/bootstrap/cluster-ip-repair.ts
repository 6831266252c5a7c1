import type { core, networking } from '#api';
import { type Counter, type IpAddress, parseIp, type Startable } from '#base';
import {
  AllocationError,
  type ClusterIPs,
  IP_FAMILY_LABEL,
  IP_MANAGED_BY,
  IP_MANAGED_BY_LABEL,
  ipAddressFor,
  isOwnedBy,
} from '../allocators/index.js';
import type { ServerDeps } from '../deps.js';
import { recordWarning } from './events.js';
import { createOnce } from './rbac-reconcile.js';

const COMPONENT = 'ipallocator-repair-controller';
/** An address without Service may belong to one that is being created right now. */
const ORPHAN_MS = 60_000;

/** Upstream's label values of the repair metrics. */
const ERROR_TYPES: Record<string, string> = {
  ClusterIPNotValid: 'invalid',
  ClusterIPAlreadyAllocated: 'duplicate',
  ClusterIPOutOfRange: 'outOfRange',
  ClusterIPNotAllocated: 'repair',
};
/** After an address has gone, its Service is looked at this much later: most often it goes as well. */
const REACT_MS = 500;

/**
 * Makes IPAddress objects and Services agree again after a crash, a restored backup or a hand-made mess
 * (upstream registry/core/service/ipallocator/controller/repairip.go). Never changes a Service. `run` looks at
 * everything; while started, the deletion of a single address is answered at once.
 */
export class ClusterIPRepair implements Startable {
  readonly #deps: ServerDeps;
  readonly #ips: ClusterIPs;
  readonly #errors: Counter;
  readonly #pending = new Map<string, () => void>();
  readonly #abort = new AbortController();

  constructor(deps: ServerDeps, ips: ClusterIPs) {
    this.#deps = deps;
    this.#ips = ips;
    this.#errors = deps.metrics.counter(
      'apiserver_clusterip_repair_ip_errors_total',
      'Number of errors detected on clusterips by the repair loop broken down by type of error',
      ['type'],
    );
  }

  async start(): Promise<void> {
    const kind = this.#deps.kind('networking.v1.IPAddress');
    const { signal } = this.#abort;
    this.#deps.store.watch<networking.IPAddress>(
      kind,
      ({ type, object }) => type === 'delete' && this.#react(object),
      signal,
    );
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const cancel of this.#pending.values()) cancel();
  }

  #react(address: networking.IPAddress): void {
    const { namespace = '', name = '' } = address.spec?.parentRef ?? {};
    const key = `${namespace}/${name}`;
    if (this.#pending.has(key)) return;
    const run = async () => {
      this.#pending.delete(key);
      const service = await this.#deps.store.get<core.Service>(
        this.#deps.kind('core.v1.Service'),
        namespace,
        name,
      );
      if (service !== undefined) await this.#recheck(service);
    };
    const failed = (err: unknown) =>
      this.#deps.logger.warn('a ClusterIP was not repaired; will be later', { key, err });
    this.#pending.set(
      key,
      this.#deps.clock.after(REACT_MS, () => void run().catch(failed)),
    );
  }

  /** One Service alone: addresses that it shares with another are found by `run`. */
  async #recheck(service: core.Service): Promise<void> {
    const kind = this.#deps.kind('networking.v1.IPAddress');
    for (const text of service.spec?.clusterIPs ?? []) {
      const ip = parseIp(text);
      if (ip === undefined || service.spec?.type === 'ExternalName') continue;
      await this.#address(service, ip, await this.#deps.store.get<networking.IPAddress>(kind, '', ip.text));
    }
  }

  async run(): Promise<void> {
    const [services, addresses] = await Promise.all([
      this.#deps.store.list<core.Service>(this.#deps.kind('core.v1.Service')),
      this.#deps.store.list<networking.IPAddress>(this.#deps.kind('networking.v1.IPAddress')),
    ]);
    const byName = new Map(addresses.map((address) => [address.metadata.name!, address]));
    const holders = new Map<string, core.Service>();
    for (const service of services) await this.#service(service, byName, holders);
    for (const address of addresses) {
      if (!holders.has(address.metadata.name!)) await this.#orphan(address);
    }
  }

  async #service(
    service: core.Service,
    addresses: Map<string, networking.IPAddress>,
    holders: Map<string, core.Service>,
  ): Promise<void> {
    if (service.spec?.type === 'ExternalName') return;
    for (const text of service.spec?.clusterIPs ?? []) {
      if (text === 'None' || text === '') continue;
      const ip = parseIp(text);
      if (ip === undefined) {
        await this.#warn(
          service,
          'ClusterIPNotValid',
          `Cluster IP ${text} is not a valid IP; please recreate Service`,
        );
        continue;
      }
      const holder = holders.get(ip.text);
      if (holder !== undefined) {
        await this.#warnIP(
          service,
          ip,
          'ClusterIPAlreadyAllocated',
          'was assigned to multiple services; please recreate service',
        );
        continue;
      }
      holders.set(ip.text, service);
      await this.#address(service, ip, addresses.get(ip.text));
    }
  }

  async #address(
    service: core.Service,
    ip: IpAddress,
    address: networking.IPAddress | undefined,
  ): Promise<void> {
    try {
      this.#ips.check(ip);
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      const why = 'is not within any configured Service CIDR; please recreate service';
      return this.#warnIP(service, ip, 'ClusterIPOutOfRange', why);
    }
    const owner = { namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' };
    const wanted = ipAddressFor(ip, owner);
    if (address === undefined) {
      await this.#warnIP(service, ip, 'ClusterIPNotAllocated', 'is not allocated; repairing');
      return this.#book(service, wanted);
    }
    if (!isOwnedBy(address, owner)) return this.#reassign(service, ip, address, wanted);
    await this.#relabel(address, wanted);
  }

  /**
   * Books an address for the Service that was seen with it. One that went, or let it go, before the booking has not
   * freed it, and nobody else would: then it is taken back.
   */
  async #book(service: core.Service, wanted: networking.IPAddress): Promise<void> {
    const { store } = this.#deps;
    const booked = await createOnce(this.#deps, 'networking.v1.IPAddress', wanted);
    if (booked === undefined) return;
    const { namespace = '', name = '' } = service.metadata;
    const now = await store.get<core.Service>(this.#deps.kind('core.v1.Service'), namespace, name);
    const holds =
      now?.spec?.type !== 'ExternalName' && now?.spec?.clusterIPs?.includes(wanted.metadata.name!);
    if (holds === true) return;
    const kind = this.#deps.kind('networking.v1.IPAddress');
    await store.delete(kind, '', wanted.metadata.name!, { uid: booked.metadata.uid });
  }

  /** The reference is immutable, so the object is made anew; the Service that it named does not hold the address. */
  async #reassign(
    service: core.Service,
    ip: IpAddress,
    address: networking.IPAddress,
    wanted: networking.IPAddress,
  ): Promise<void> {
    const ref = address.spec?.parentRef;
    const kind = this.#deps.kind('core.v1.Service');
    const other = await this.#deps.store.get<core.Service>(kind, ref?.namespace ?? '', ref?.name ?? '');
    if (other?.spec?.clusterIPs?.includes(ip.text) === true) {
      const why = 'was assigned to multiple services; please recreate service';
      return this.#warnIP(service, ip, 'ClusterIPAlreadyAllocated', why);
    }
    await this.#warnIP(service, ip, 'ClusterIPNotAllocated', 'has a wrong reference; repairing');
    const { uid } = address.metadata;
    await this.#deps.store.delete(this.#deps.kind('networking.v1.IPAddress'), '', ip.text, { uid });
    await this.#book(service, wanted);
  }

  async #relabel(address: networking.IPAddress, wanted: networking.IPAddress): Promise<void> {
    const right = [IP_FAMILY_LABEL, IP_MANAGED_BY_LABEL].every(
      (label) => address.metadata.labels?.[label] === wanted.metadata.labels?.[label],
    );
    if (right) return;
    const kind = this.#deps.kind('networking.v1.IPAddress');
    await this.#deps.store.update<networking.IPAddress>(kind, '', address.metadata.name!, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...wanted.metadata.labels } },
    }));
  }

  async #orphan(address: networking.IPAddress): Promise<void> {
    const { metadata, spec } = address;
    if (metadata.labels?.[IP_MANAGED_BY_LABEL] !== IP_MANAGED_BY) return;
    if (this.#deps.clock.now() - Date.parse(metadata.creationTimestamp ?? '') < ORPHAN_MS) return;
    const ref = spec?.parentRef;
    const kind = this.#deps.kind('core.v1.Service');
    const service = await this.#deps.store.get<core.Service>(kind, ref?.namespace ?? '', ref?.name ?? '');
    if (service?.spec?.clusterIPs?.includes(metadata.name!) === true) return;
    await recordWarning(
      this.#deps,
      COMPONENT,
      { ...address, apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress' },
      'IPAddressNotAllocated',
      `IPAddress: ${metadata.name} for Service ${ref?.namespace}/${ref?.name} appears to have leaked: cleaning up`,
    );
    const ipKind = this.#deps.kind('networking.v1.IPAddress');
    await this.#deps.store.delete(ipKind, '', metadata.name!, { uid: metadata.uid });
  }

  #warnIP(service: core.Service, ip: IpAddress, reason: string, why: string): Promise<void> {
    const family = ip.family === 4 ? 'IPv4' : 'IPv6';
    return this.#warn(service, reason, `Cluster IP [${family}]: ${ip.text} ${why}`);
  }

  #warn(service: core.Service, reason: string, message: string): Promise<void> {
    this.#errors.inc({ type: ERROR_TYPES[reason] ?? 'unknown' });
    return recordWarning(
      this.#deps,
      COMPONENT,
      { ...service, apiVersion: 'v1', kind: 'Service' },
      reason,
      message,
    );
  }
}
