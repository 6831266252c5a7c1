import type { core } from '#api';
import { familyOf, type IPFamily } from '../../allocators/address.js';
import type { Allocators } from '../../allocators/index.js';
import type { Allocation, Strategy } from '../../contracts.js';
import type { ServerDeps } from '../../deps.js';
import {
  type AddressChange,
  changeAddresses,
  heldAddresses,
  releaseAddresses,
  takeAddresses,
} from './addresses.js';
import { otherFamily, settleFamilies } from './families.js';
import { hasSelector, isHeadless, needsClusterIP, type Service } from './fields.js';
import { changePorts, heldPorts, type PortChange, takePorts } from './ports.js';
import { dropTypeDependent, keepAllocated, normaliseClusterIPs } from './transitions.js';

/**
 * Services (upstream registry/core/service). Addresses and ports are taken before the rest of the strategy and
 * before validation, and given back when anything after fails, so an allocation error hides validation errors.
 */
export function serviceStrategy(deps: ServerDeps, allocators: Allocators): Strategy<core.Service> {
  const undo = (service: Service, addresses: AddressChange, ports: PortChange): Allocation => ({
    commit: () => giveBack(deps, allocators, service, addresses.toRelease, ports.toRelease),
    rollback: () => giveBack(deps, allocators, service, addresses.taken, ports.taken),
  });
  return {
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    returnDeletedObject: true,
    async beginCreate(context, object) {
      const service = withSpec(object);
      normaliseClusterIPs(service, undefined);
      settleFamilies(service, undefined, allocators.clusterIPs.families);
      const addresses = await takeAddresses(service, allocators.clusterIPs, context.dryRun);
      const ports = await orGiveBack(deps, allocators, service, addresses, () =>
        takePorts(service, allocators.nodePorts, context.dryRun),
      );
      return undo(service, addresses, ports);
    },
    prepareForCreate(_context, object) {
      object.status = { loadBalancer: {} };
    },
    async beginUpdate(context, object, oldObject) {
      if (context.subresource === 'status') return { commit() {}, rollback() {} };
      const service = withSpec(object);
      const old = withReadDefaults(oldObject, allocators.clusterIPs.families[0]!);
      keepAllocated(service, old);
      normaliseClusterIPs(service, old);
      settleFamilies(service, old, allocators.clusterIPs.families);
      const addresses = await changeAddresses(service, old, allocators.clusterIPs, context.dryRun);
      const ports = await orGiveBack(deps, allocators, service, addresses, () =>
        changePorts(service, old, allocators.nodePorts, context.dryRun),
      );
      return context.dryRun ? { commit() {}, rollback() {} } : undo(service, addresses, ports);
    },
    prepareForUpdate(context, object, old) {
      if (context.subresource === 'status') return;
      const service = withSpec(object);
      dropTypeDependent(service, withReadDefaults(old, allocators.clusterIPs.families[0]!));
      if (service.spec.type !== 'LoadBalancer') object.status = { ...object.status, loadBalancer: {} };
    },
    async afterDelete(context, object) {
      if (context.dryRun) return;
      const service = withReadDefaults(object, allocators.clusterIPs.families[0]!);
      const { namespace, name } = object.metadata;
      // Slices go by garbage collection; Endpoints would otherwise serve a new Service of the same name.
      await deps.store.delete(deps.kind('core.v1.Endpoints'), namespace ?? '', name ?? '');
      await giveBack(deps, allocators, service, heldAddresses(service), heldPorts(service));
    },
    decorate(object) {
      if (object.spec !== undefined) readDefaults(withSpec(object), allocators.clusterIPs.families[0]!);
    },
    fields: (object) => ({
      'spec.clusterIP': object.spec?.clusterIP ?? '',
      'spec.type': object.spec?.type ?? '',
    }),
  };
}

function withSpec(object: core.Service): Service {
  object.spec ??= {};
  return object as Service;
}

/** Runs the second half of an allocation; when it fails, the addresses of the first go back. */
async function orGiveBack<T>(
  deps: ServerDeps,
  allocators: Allocators,
  service: Service,
  addresses: AddressChange,
  next: () => Promise<T>,
): Promise<T> {
  try {
    return await next();
  } catch (error) {
    await giveBack(deps, allocators, service, addresses.taken, []);
    throw error;
  }
}

/** Best effort: what stays behind is found by the repair loops, and refusing the write now would be wrong. */
async function giveBack(
  deps: ServerDeps,
  allocators: Allocators,
  service: Service,
  ips: string[],
  ports: number[],
): Promise<void> {
  const results = await Promise.allSettled([
    releaseAddresses(service, allocators.clusterIPs, ips),
    allocators.nodePorts.release(ports),
  ]);
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    const { namespace, name } = service.metadata;
    deps.logger.warn('addresses or ports of a Service were not released; the repair loop will', {
      namespace,
      name,
      ips,
      ports,
      err: result.reason,
    });
  }
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
