import { type core, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import { RecentWrites } from '../common/recent-writes.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { AddressPool } from './pool.js';

type Service = core.Service;

/** Keeps a Service until its address is free for others, as cloud controllers do. */
const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';

export interface LoadBalancerOptions {
  /** Networks whose addresses are given away. */
  cidrs: string[];
}

/**
 * Gives Services of type LoadBalancer an address of a configured pool, which every node's proxy answers for
 * (`ipMode: VIP`): the local stand-in for a cloud's service controller, with its finalizer and Events. Services with a
 * loadBalancerClass are somebody else's.
 */
export function createServiceLoadBalancerController(
  options: LoadBalancerOptions,
  deps: ControllerDeps,
): Startable {
  const pool = new AddressPool(options.cidrs);
  const services = trimmedInformer(deps.informers, Resources.services);
  const recorder = deps.recorder('service-controller');
  return createLoop(deps, 'service', () => new Run(pool, deps, services, recorder));
}

class Run implements LoopRun {
  /** One, so that no two syncs pick the same address. */
  readonly workers = 1;
  readonly caches: LoopRun['caches'];
  readonly #pool: AddressPool;
  readonly #deps: ControllerDeps;
  readonly #services: Informer<Service>;
  readonly #recorder: EventRecorder;
  readonly #recent: RecentWrites<Service>;
  /** Who holds which address of the pool. */
  readonly #holders = new Map<string, string>();
  readonly #held = new Map<string, string[]>();
  /** Services that found no free address. */
  readonly #waiting = new Set<string>();
  #queue: WorkQueue | undefined;

  constructor(pool: AddressPool, deps: ControllerDeps, services: Informer<Service>, recorder: EventRecorder) {
    this.#pool = pool;
    this.#deps = deps;
    this.#services = services;
    this.caches = [services];
    this.#recorder = recorder;
    this.#recent = new RecentWrites(services);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    // All are known before the first is served: an address that a later one holds is not given away.
    for (const service of this.#services.list()) this.#book(objectKey(service), addressesOf(service));
    const changed = (service: Service) => {
      if (service.spec?.type === 'LoadBalancer' || hasFinalizer(service)) queue.add(objectKey(service));
    };
    return [
      this.#services.on({
        add: changed,
        update: changed,
        delete: (service) => this.#free(objectKey(service)),
      }),
    ];
  }

  async sync(key: string): Promise<void> {
    this.#waiting.delete(key);
    const cached = this.#services.get(key);
    if (cached === undefined) return this.#recent.forget(key);
    const service = this.#recent.merge(key, [cached])[0] ?? cached;
    const { metadata, spec } = service;
    const wanted = spec?.type === 'LoadBalancer' && metadata.deletionTimestamp === undefined;
    if (!wanted) return this.#release(key, service);
    if ((spec.loadBalancerClass ?? '') === '') await this.#ensure(key, service);
  }

  async #ensure(key: string, service: Service): Promise<void> {
    const addresses = this.#choose(key, service);
    const ingress = addresses.map((ip) => ({ ip, ipMode: 'VIP' }));
    const same = addresses.join() === addressesOf(service).join();
    if (same && hasFinalizer(service)) return;
    this.#recorder.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    const finalizers = [...(service.metadata.finalizers ?? [])];
    if (!hasFinalizer(service)) finalizers.push(FINALIZER);
    await this.#patch(key, service, { metadata: { finalizers }, status: { loadBalancer: { ingress } } });
    this.#recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  /** The addresses that the Service has, as far as they are right, and new ones for what is missing. */
  #choose(key: string, service: Service): string[] {
    const isTaken = (ip: string) => (this.#holders.get(ip) ?? key) !== key;
    const asked = this.#pool.usable(service.spec!.loadBalancerIP ?? '');
    const had = addressesOf(service).filter((ip) => this.#pool.usable(ip) === ip && !isTaken(ip));
    const chosen: string[] = [];
    for (const family of service.spec!.ipFamilies ?? ['IPv4']) {
      const ofFamily = (ip: string) => ip.includes(':') === (family === 'IPv6');
      const own = [asked ?? '', ...had].find((ip) => ip !== '' && ofFamily(ip) && !isTaken(ip));
      const ip = own ?? this.#pool.pick(family as 'IPv4' | 'IPv6', isTaken);
      if (ip !== undefined) chosen.push(ip);
    }
    this.#book(key, chosen);
    if (chosen.length > 0) return chosen;
    this.#waiting.add(key);
    const message =
      'Error syncing load balancer: failed to ensure load balancer: no free address in the pool';
    this.#recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', message);
    throw new Error(`no free load balancer address for Service ${key}`);
  }

  async #release(key: string, service: Service): Promise<void> {
    if (!hasFinalizer(service)) return this.#free(key);
    this.#recorder.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    const finalizers = service.metadata.finalizers!.filter((each) => each !== FINALIZER);
    const metadata = { finalizers: finalizers.length === 0 ? null : finalizers };
    await this.#patch(key, service, { metadata, status: { loadBalancer: { ingress: null } } });
    this.#free(key);
    this.#recorder.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }

  /** Status and finalizers in one write: a status write keeps changes of metadata. */
  async #patch(
    key: string,
    { metadata }: Service,
    change: { metadata: object; status: object },
  ): Promise<void> {
    const { name, namespace, uid, resourceVersion } = metadata;
    const body = { ...change, metadata: { uid, resourceVersion, ...change.metadata } };
    const services = this.#deps.client.resource(Resources.services);
    try {
      const written = await services.patch(name!, namespace, 'merge', body, { subresource: 'status' });
      this.#recent.wrote(key, written);
    } catch (error) {
      this.#recent.forget(key);
      throw error;
    }
  }

  /** What a Service held is free for those that wait. */
  #free(key: string): void {
    if (!this.#held.has(key)) return;
    this.#book(key, []);
    for (const waiting of this.#waiting) this.#queue?.add(waiting);
  }

  #book(key: string, addresses: string[]): void {
    for (const ip of this.#held.get(key) ?? []) if (this.#holders.get(ip) === key) this.#holders.delete(ip);
    if (addresses.length === 0) this.#held.delete(key);
    else this.#held.set(key, addresses);
    for (const ip of addresses) if (!this.#holders.has(ip)) this.#holders.set(ip, key);
  }
}

function hasFinalizer({ metadata }: Service): boolean {
  return metadata.finalizers?.includes(FINALIZER) ?? false;
}
function addressesOf({ status }: Service): string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
}
