import type { core } from '#api';
import { familyOf, type IPFamily } from '../../allocators/address.js';
import type { Allocators } from '../../allocators/index.js';
import type { Allocation, Release, Strategy, WriteContext } from '../../contracts.js';
import type { ServerDeps } from '../../deps.js';
import {
  type AddressChange,
  addressClaims,
  changeAddresses,
  forgetAddresses,
  heldAddresses,
  ownerOf,
  releaseAddresses,
  replaceAddress,
  takeAddresses,
} from './addresses.js';
import { otherFamily, settleFamilies } from './families.js';
import { hasSelector, isHeadless, needsClusterIP, type Service } from './fields.js';
import { changePorts, heldPorts, type PortChange, takePorts } from './ports.js';
import { dropTypeDependent, keepAllocated, normaliseClusterIPs } from './transitions.js';

/** The strategy as a plain object, which the registry may copy. */
export function serviceStrategy(deps: ServerDeps, allocators: Allocators): Strategy<core.Service> {
  const steps = new ServiceSteps(deps, allocators);
  return {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    returnDeletedObject: true,
    beginCreate: (context, object) => steps.beginCreate(context, object),
    prepareForCreate: (_context, object) => {
      object.status = { loadBalancer: {} };
    },
    beginUpdate: (context, object, old) => steps.beginUpdate(context, object, old),
    prepareForUpdate: (context, object, old) => steps.prepareForUpdate(context, object, old),
    leavesWith: (object) => steps.leavesWith(object),
    afterDelete: (context, object) => steps.afterDelete(context, object),
    decorate: (object) => steps.decorate(object),
    fields: ({ spec }) => ({ 'spec.clusterIP': spec?.clusterIP ?? '', 'spec.type': spec?.type ?? '' }),
  };
}

/**
 * Services (upstream registry/core/service). Addresses and ports are taken before the rest of the strategy and
 * before validation, and given back when anything after fails, so an allocation error hides validation errors.
 */
class ServiceSteps {
  readonly #deps: ServerDeps;
  readonly #allocators: Allocators;

  constructor(deps: ServerDeps, allocators: Allocators) {
    this.#deps = deps;
    this.#allocators = allocators;
  }

  get #primary(): IPFamily {
    return this.#allocators.clusterIPs.families[0]!;
  }

  async beginCreate(context: WriteContext, object: core.Service): Promise<Allocation> {
    const { clusterIPs, nodePorts } = this.#allocators;
    const service = withSpec(object);
    normaliseClusterIPs(service, undefined);
    settleFamilies(service, undefined, clusterIPs.families);
    const addresses = await takeAddresses(service, clusterIPs, context.dryRun);
    const ports = await this.#orForget(addresses, () => takePorts(service, nodePorts, context.dryRun));
    return this.#allocation(service, addresses, ports);
  }

  async beginUpdate(
    context: WriteContext,
    object: core.Service,
    oldObject: core.Service,
  ): Promise<Allocation> {
    if (context.subresource === 'status') return { commit() {}, rollback() {} };
    const { clusterIPs, nodePorts } = this.#allocators;
    const service = withSpec(object);
    const old = withReadDefaults(oldObject, this.#primary);
    keepAllocated(service, old);
    normaliseClusterIPs(service, old);
    settleFamilies(service, old, clusterIPs.families);
    const addresses = await changeAddresses(service, old, clusterIPs, context.dryRun);
    const ports = await this.#orForget(addresses, () => changePorts(service, old, nodePorts, context.dryRun));
    return context.dryRun ? { commit() {}, rollback() {} } : this.#allocation(service, addresses, ports);
  }

  prepareForUpdate(context: WriteContext, object: core.Service, old: core.Service): void {
    if (context.subresource === 'status') return;
    const service = withSpec(object);
    dropTypeDependent(service, withReadDefaults(old, this.#primary));
    if (service.spec.type !== 'LoadBalancer') object.status = { ...object.status, loadBalancer: {} };
  }

  async leavesWith(object: core.Service): Promise<Release[]> {
    const service = withReadDefaults(object, this.#primary);
    const { clusterIPs } = this.#allocators;
    const held = heldAddresses(service).map((ip) => clusterIPs.held(ip, ownerOf(service)));
    return (await Promise.all(held)).filter((one) => one !== undefined);
  }

  /** Slices go by garbage collection; Endpoints would otherwise serve a new Service of the same name. */
  async afterDelete(context: WriteContext, object: core.Service): Promise<void> {
    if (context.dryRun) return;
    const service = withReadDefaults(object, this.#primary);
    const { namespace = '', name = '' } = object.metadata;
    const endpoints = this.#deps.kind('core.v1.Endpoints');
    const released = this.#giveBack(service, heldAddresses(service), heldPorts(service));
    const [deleted] = await Promise.allSettled([
      this.#deps.store.delete(endpoints, namespace, name),
      released,
    ]);
    if (deleted.status === 'fulfilled') return;
    // The Service is gone: its delete has succeeded, whatever becomes of the Endpoints.
    this.#deps.logger.warn('Endpoints of a deleted Service were left behind', {
      namespace,
      name,
      err: deleted.reason,
    });
  }

  decorate(object: core.Service): void {
    if (object.spec !== undefined) readDefaults(withSpec(object), this.#primary);
  }

  #allocation(service: Service, addresses: AddressChange, ports: PortChange): Allocation {
    const { clusterIPs } = this.#allocators;
    return {
      claims: () => addressClaims(service, clusterIPs, addresses),
      lost: (claim) => replaceAddress(service, clusterIPs, addresses, claim),
      commit: () => this.#giveBack(service, addresses.toRelease, ports.toRelease),
      rollback: () => {
        forgetAddresses(clusterIPs, addresses);
        return this.#giveBack(service, [], ports.taken);
      },
    };
  }

  /** Runs the second half of an allocation; when it fails, the addresses of the first are free again. */
  async #orForget<T>(addresses: AddressChange, next: () => Promise<T>): Promise<T> {
    try {
      return await next();
    } catch (error) {
      forgetAddresses(this.#allocators.clusterIPs, addresses);
      throw error;
    }
  }

  /** Best effort: what stays behind is found by the repair loops, and refusing the write now would be wrong. */
  async #giveBack(service: Service, ips: string[], ports: number[]): Promise<void> {
    if (ips.length + ports.length === 0) return;
    const results = await Promise.allSettled([
      releaseAddresses(service, this.#allocators.clusterIPs, ips),
      this.#allocators.nodePorts.release(ports),
    ]);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      const { namespace, name } = service.metadata;
      this.#deps.logger.warn('addresses or ports of a Service were not released; the repair loop will', {
        namespace,
        name,
        ips,
        ports,
        err: result.reason,
      });
    }
  }
}

function withSpec(object: core.Service): Service {
  object.spec ??= {};
  return object as Service;
}

/** A copy of a stored Service with the defaults that reading gives it; stored objects are shared. */
function withReadDefaults(object: core.Service, primary: IPFamily): Service {
  const copy: Service = { ...object, spec: { ...(object.spec ?? {}) } };
  readDefaults(copy, primary);
  return copy;
}

/**
 * Defaults of objects written before a field existed (upstream defaultOnRead): clusterIPs from clusterIP,
 * families and policy from the addresses; ExternalName has no internalTrafficPolicy.
 */
function readDefaults(service: Service, primary: IPFamily): void {
  const { spec } = service;
  if (spec.type === 'ExternalName' && spec.internalTrafficPolicy !== undefined) {
    delete spec.internalTrafficPolicy;
  }
  if ((spec.clusterIPs ?? []).length === 0 && (spec.clusterIP ?? '') !== '')
    spec.clusterIPs = [spec.clusterIP!];
  if (!needsClusterIP(service) || (spec.ipFamilies ?? []).length > 0) return;
  if (isHeadless(service)) {
    const dual = !hasSelector(service);
    spec.ipFamilyPolicy = dual ? 'RequireDualStack' : 'SingleStack';
    spec.ipFamilies = dual ? [primary, otherFamily(primary)] : [primary];
    return;
  }
  spec.ipFamilies = (spec.clusterIPs ?? []).map(familyOf);
  if (spec.ipFamilies.length > 0) {
    spec.ipFamilyPolicy = spec.ipFamilies.length === 1 ? 'SingleStack' : 'RequireDualStack';
  }
}
