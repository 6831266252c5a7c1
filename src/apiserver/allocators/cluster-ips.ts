import { randomUUID } from 'node:crypto';
import type { networking } from '#api';
import {
  type Cidr,
  type Counter,
  cidrContains,
  cidrSize,
  type Gauge,
  type IpAddress,
  parseCidr,
  parseIp,
  type Startable,
} from '#base';
import type { Claim, Release } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';
import { timestamp } from '../registry/names.js';
import { familyName, type IPFamily, requireCidr } from './address.js';
import { AllocationError, type Random } from './bands.js';
import { IPPool } from './ip-pool.js';

export const IP_FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family';
export const IP_MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by';
export const IP_MANAGED_BY = 'ipallocator.k8s.io';

/** The Service that an address belongs to. */
export interface ServiceRef {
  namespace: string;
  name: string;
}

/** Why an address that was asked for is refused. */
export const TAKEN = ['allocated', 'provided IP is already allocated'] as const;

interface ServiceRange {
  cidrs: Cidr[];
  ready: boolean;
}

/** The IPAddress object of a Service's address, as kube-apiserver writes it. */
export function ipAddressFor(address: IpAddress, owner: ServiceRef): networking.IPAddress {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address.text,
      labels: { [IP_FAMILY_LABEL]: familyName(address), [IP_MANAGED_BY_LABEL]: IP_MANAGED_BY },
    },
    spec: { parentRef: { group: '', resource: 'services', namespace: owner.namespace, name: owner.name } },
  };
}

/** True when the IPAddress is the allocation of this Service. */
export function isOwnedBy(address: networking.IPAddress, owner: ServiceRef): boolean {
  const ref = address.spec?.parentRef;
  return ref?.resource === 'services' && ref.namespace === owner.namespace && ref.name === owner.name;
}

function rangeOf(object: networking.ServiceCIDR): ServiceRange {
  const cidrs = (object.spec?.cidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
  const condition = object.status?.conditions?.find((c) => c.type === 'Ready');
  const ready =
    object.metadata.deletionTimestamp === undefined &&
    (condition === undefined || condition.status === 'True');
  return { cidrs, ready };
}

/**
 * ClusterIP allocation over all Ready ServiceCIDRs (KEP-1880). The lock is the atomic create of the IPAddress
 * object, in the transaction that stores the Service, so any number of API servers on one store never hand out an
 * address twice; what this server has seen taken only makes good proposals. Before the first ServiceCIDR exists the configured ranges serve.
 */
export class ClusterIPs implements Startable {
  readonly #deps: ServerDeps;
  readonly #random: Random;
  readonly #configured: Cidr[];
  readonly #pools = new Map<string, IPPool>();
  readonly #ranges: Mirror<networking.ServiceCIDR, ServiceRange>;
  readonly #addresses: Mirror<networking.IPAddress, IpAddress>;
  #ready: Set<string> | undefined;
  readonly #allocations: Counter;
  readonly #errors: Counter;

  constructor(deps: ServerDeps, configured: string[], random: Random = Math.random) {
    this.#deps = deps;
    this.#random = random;
    this.#configured = configured.map(requireCidr);
    this.#ranges = new Mirror({
      store: deps.store,
      kind: deps.kind('networking.v1.ServiceCIDR'),
      project: rangeOf,
      onChange: () => this.#forgetReady(),
    });
    this.#addresses = new Mirror({
      store: deps.store,
      kind: deps.kind('networking.v1.IPAddress'),
      project: (object: networking.IPAddress) => parseIp(object.metadata.name ?? ''),
      onChange: (_key, value, old) => this.#note(value ?? old!, value !== undefined),
    });
    const name = 'kube_apiserver_clusterip_allocator';
    const labels = ['cidr', 'scope'];
    this.#allocations = deps.metrics.counter(
      `${name}_allocation_total`,
      'Number of Cluster IPs allocations',
      labels,
    );
    this.#errors = deps.metrics.counter(
      `${name}_allocation_errors_total`,
      'Number of errors trying to allocate Cluster IPs',
      labels,
    );
    this.#gauges(deps);
  }

  /** Metric names of kube-apiserver. */
  #gauges({ metrics }: ServerDeps): void {
    const each = (value: (pool: IPPool) => number) => (gauge: Gauge) => {
      for (const pool of this.#pools.values()) gauge.set(value(pool), { cidr: pool.cidr.text });
    };
    const name = 'kube_apiserver_clusterip_allocator';
    const used = each((pool) => pool.used);
    const free = each((pool) => pool.free);
    metrics.gauge(`${name}_allocated_ips`, 'Number of IPs allocated for Services', ['cidr'], used);
    metrics.gauge(`${name}_available_ips`, 'Number of IPs available for Services', ['cidr'], free);
  }

  async start(): Promise<void> {
    await Promise.all([this.#ranges.start(), this.#addresses.start()]);
  }
  async stop(): Promise<void> {
    await Promise.all([this.#ranges.stop(), this.#addresses.stop()]);
  }

  /** Families that the cluster was configured with, the primary one first. */
  get families(): IPFamily[] {
    return this.#configured.map(familyName);
  }

  #note(address: IpAddress, taken: boolean): void {
    for (const pool of this.#pools.values()) pool.note(address, taken);
  }

  #forgetReady(): void {
    this.#ready = undefined;
  }

  #pool(cidr: Cidr): IPPool {
    let pool = this.#pools.get(cidr.text);
    if (pool === undefined) {
      pool = new IPPool(cidr);
      for (const address of this.#addresses.values()) pool.note(address, true);
      this.#pools.set(cidr.text, pool);
    }
    return pool;
  }

  /** Pools that may serve now, largest first: an address in overlapping ranges belongs to the largest. */
  #serving(family: IPFamily): IPPool[] {
    if (this.#ready === undefined) {
      const known = [...this.#ranges.values()];
      const cidrs =
        known.length === 0 ? this.#configured : known.filter((r) => r.ready).flatMap((r) => r.cidrs);
      const pools = cidrs.map((cidr) => this.#pool(cidr)).sort(largestFirst);
      this.#ready = new Set(pools.map((pool) => pool.cidr.text));
    }
    return [...this.#ready].map((text) => this.#pools.get(text)!).filter((pool) => pool.family === family);
  }

  /** Notes this address as taken, until `forget`; its claim settles whose it is. Rejects with AllocationError. */
  async reserve(text: string): Promise<void> {
    const address = await this.#requireFree(text);
    this.#note(address, true);
    this.#allocations.inc({ cidr: this.#cidrOf(address), scope: 'static' });
  }

  #cidrOf(address: IpAddress): string {
    const pools = this.#serving(familyName(address));
    return pools.find(({ cidr }) => cidrContains(cidr, address))?.cidr.text ?? '';
  }

  /** Throws unless the address lies in a serving range and may belong to a Service. */
  check(address: IpAddress): void {
    const pools = this.#serving(familyName(address));
    const pool = pools.find(({ cidr }) => cidrContains(cidr, address));
    if (pool === undefined) {
      throw new AllocationError('mismatchedNetwork', 'the provided network does not match the current range');
    }
    if (!pools.some((candidate) => candidate.usable(address))) {
      throw new AllocationError(
        'outOfRange',
        `the provided IP (${address.text}) is not in the valid range. The range of valid IPs is ${pool.cidr.text}`,
      );
    }
  }

  /** Notes a free address of the family as taken, until `forget`. Throws AllocationError `full`. */
  pick(family: IPFamily): string {
    for (const pool of this.#serving(family)) {
      const address = pool.propose(this.#random);
      if (address === undefined) continue;
      // Noted before the write, so that concurrent requests of this server do not race for it.
      this.#note(address, true);
      this.#allocations.inc({ cidr: pool.cidr.text, scope: 'dynamic' });
      return address.text;
    }
    this.#errors.inc({ cidr: this.#serving(family)[0]?.cidr.text ?? '', scope: 'dynamic' });
    throw new AllocationError('full', 'range is full');
  }

  /** The object whose creation makes an address the Service's. */
  claim(text: string, owner: ServiceRef): Claim {
    const object = ipAddressFor(parseIp(text)!, owner);
    object.metadata.uid = randomUUID();
    object.metadata.creationTimestamp = timestamp(this.#deps.clock.now());
    return { kind: this.#deps.kind('networking.v1.IPAddress'), object };
  }

  /** The write that the address was for has not happened. */
  forget(text: string): void {
    const address = parseIp(text);
    if (address !== undefined) this.#note(address, false);
  }

  /** The answer of a dry run: an address that no Service can have. */
  impossible(family: IPFamily): string {
    const pool = this.#serving(family)[0];
    if (pool === undefined) throw new AllocationError('full', 'range is full');
    return pool.impossible;
  }

  /** Dry-run check of a requested address: as `reserve`, without taking it. */
  async dryReserve(text: string): Promise<void> {
    await this.#requireFree(text);
  }

  async #requireFree(text: string): Promise<IpAddress> {
    const address = parseIp(text);
    if (address === undefined) {
      throw new AllocationError('mismatchedNetwork', `invalid IP address ${text}`);
    }
    try {
      this.check(address);
      const kind = this.#deps.kind('networking.v1.IPAddress');
      if ((await this.#deps.store.get(kind, '', address.text)) !== undefined)
        throw new AllocationError(...TAKEN);
      return address;
    } catch (error) {
      this.#errors.inc({ cidr: this.#cidrOf(address), scope: 'static' });
      throw error;
    }
  }

  /** The object that makes an address the Service's; undefined when it is somebody else's, or nobody's. */
  async held(text: string, owner: ServiceRef): Promise<Release | undefined> {
    const address = parseIp(text);
    if (address === undefined) return undefined;
    const kind = this.#deps.kind('networking.v1.IPAddress');
    const object = await this.#deps.store.get<networking.IPAddress>(kind, '', address.text);
    return object !== undefined && isOwnedBy(object, owner) ? { kind, object } : undefined;
  }

  /** Gives the address back if it is still this Service's; anything else is left alone. */
  async release(text: string, owner: ServiceRef): Promise<void> {
    const address = parseIp(text);
    if (address === undefined) return;
    const kind = this.#deps.kind('networking.v1.IPAddress');
    const name = address.text;
    const object = await this.#deps.store.get<networking.IPAddress>(kind, '', name);
    if (object !== undefined && !isOwnedBy(object, owner)) return;
    if (object !== undefined) {
      await this.#deps.store.delete(kind, '', name, { uid: object.metadata.uid });
    }
    this.#note(address, false);
  }
}

function largestFirst(a: IPPool, b: IPPool): number {
  const [left, right] = [cidrSize(a.cidr), cidrSize(b.cidr)];
  return left === right ? 0 : left > right ? -1 : 1;
}
