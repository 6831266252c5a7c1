import { isConflict, isNotFound, type meta, type networking } from '#api';
import { type Cidr, cidrContains, parseCidr, parseIp, type Startable } from '#base';
import { type Informer, Resources, type WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import { parseTime, timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';

export interface ServiceCidrOptions {
  /** How long allocators may still hand out addresses of a deleted CIDR. */
  deletionGraceMs?: number;
}

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';

/**
 * Marks ServiceCIDRs as ready and keeps one that is being deleted until no Service depends on it
 * (upstream's service-cidr-controller, KEP-1880).
 */
export function createServiceCidrController(options: ServiceCidrOptions, deps: ControllerDeps): Startable {
  const cidrs = trimmedInformer(deps.informers, Resources.serviceCIDRs);
  const addresses = trimmedInformer(deps.informers, Resources.ipAddresses);
  return createLoop(deps, 'ipaddresses', () => new Run(options, deps, cidrs, addresses));
}

/** The networks of a ServiceCIDR. */
function networksOf(object: networking.ServiceCIDR): Cidr[] {
  return (object.spec?.cidrs ?? []).map(parseCidr).filter((cidr) => cidr !== undefined);
}

/**
 * True when no address depends on the networks of `object`: every address in them is also in another
 * ServiceCIDR that stays.
 */
export function mayBeDeleted(
  object: networking.ServiceCIDR,
  all: networking.ServiceCIDR[],
  addresses: string[],
): boolean {
  const others = all
    .filter(
      ({ metadata }) => metadata.name !== object.metadata.name && metadata.deletionTimestamp === undefined,
    )
    .flatMap(networksOf);
  const mine = networksOf(object);
  return addresses.every((text) => {
    const ip = parseIp(text);
    if (ip === undefined || !mine.some((cidr) => cidrContains(cidr, ip))) return true;
    return others.some((cidr) => cidrContains(cidr, ip));
  });
}

class Run implements LoopRun {
  readonly workers = 5;
  readonly caches: LoopRun['caches'];
  readonly #graceMs: number;
  readonly #deps: ControllerDeps;
  readonly #cidrs: Informer<networking.ServiceCIDR>;
  readonly #addresses: Informer<networking.IPAddress>;
  #queue: WorkQueue | undefined;

  constructor(
    options: ServiceCidrOptions,
    deps: ControllerDeps,
    cidrs: Informer<networking.ServiceCIDR>,
    addresses: Informer<networking.IPAddress>,
  ) {
    this.#graceMs = options.deletionGraceMs ?? 10_000;
    this.#deps = deps;
    this.#cidrs = cidrs;
    this.#addresses = addresses;
    this.caches = [cidrs, addresses];
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    // Every change may decide about those that wait to be deleted; there are few ServiceCIDRs.
    const all = () => {
      for (const { metadata } of this.#cidrs.list()) queue.add(metadata.name!);
    };
    const waiting = () => {
      for (const { metadata } of this.#cidrs.list())
        if (metadata.deletionTimestamp !== undefined) queue.add(metadata.name!);
    };
    return [
      this.#cidrs.on({ add: all, update: all, delete: all }),
      this.#addresses.on({ add: waiting, delete: waiting }),
    ];
  }

  async sync(name: string): Promise<void> {
    const object = this.#cidrs.get(name);
    if (object === undefined) return;
    try {
      if (object.metadata.deletionTimestamp !== undefined) await this.#release(object);
      else await this.#adopt(object);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #adopt(object: networking.ServiceCIDR): Promise<void> {
    if (!(object.metadata.finalizers ?? []).includes(FINALIZER))
      await this.#setFinalizers(object, [...(object.metadata.finalizers ?? []), FINALIZER]);
    await this.#setReady(object, 'True', '', 'Kubernetes Service CIDR is ready');
  }

  async #release(object: networking.ServiceCIDR): Promise<void> {
    const finalizers = object.metadata.finalizers ?? [];
    if (!finalizers.includes(FINALIZER)) return;
    const addresses = this.#addresses.list().map(({ metadata }) => metadata.name!);
    if (!mayBeDeleted(object, this.#cidrs.list(), addresses)) {
      const message =
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
      return this.#setReady(object, 'False', 'Terminating', message);
    }
    const now = this.#deps.clock.now();
    const left = parseTime(object.metadata.deletionTimestamp) + this.#graceMs - now;
    if (left > 0) return this.#queue?.addAfter(object.metadata.name!, left);
    await this.#setFinalizers(
      object,
      finalizers.filter((name) => name !== FINALIZER),
    );
  }

  async #setFinalizers(object: networking.ServiceCIDR, finalizers: string[]): Promise<void> {
    const { name, uid, resourceVersion } = object.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers } };
    await this.#deps.client.resource(Resources.serviceCIDRs).patch(name!, undefined, 'merge', body);
  }

  async #setReady(
    object: networking.ServiceCIDR,
    status: string,
    reason: string,
    message: string,
  ): Promise<void> {
    const current = object.status?.conditions ?? [];
    const known = current.find((condition) => condition.type === 'Ready');
    if (known?.status === status && known.message === message) return;
    const lastTransitionTime =
      known?.status === status ? known.lastTransitionTime : timestamp(this.#deps.clock);
    const ready: meta.Condition = { type: 'Ready', status, reason, message, lastTransitionTime };
    const conditions = [...current.filter((condition) => condition.type !== 'Ready'), ready];
    const body = { metadata: { uid: object.metadata.uid }, status: { conditions } };
    try {
      await this.#deps.client
        .resource(Resources.serviceCIDRs)
        .patch(object.metadata.name!, undefined, 'merge', body, { subresource: 'status' });
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}
