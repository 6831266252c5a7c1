import { Errors, FieldErrors } from '#api';
import type { IPFamily } from '../../allocators/address.js';
import { AllocationError } from '../../allocators/bands.js';
import type { ClusterIPs, ServiceRef } from '../../allocators/cluster-ips.js';
import { isUntouchedPreferDualStack } from './families.js';
import { HEADLESS, type Service } from './fields.js';

/** What a write did to addresses: taken now, to be given back when the write succeeds. */
export interface AddressChange {
  taken: string[];
  toRelease: string[];
}

const nothing = (): AddressChange => ({ taken: [], toRelease: [] });

export function ownerOf(service: Service): ServiceRef {
  return { namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' };
}

/** Takes addresses for the Service's families and writes them into it. What was taken is given back on failure. */
export async function takeAddresses(
  service: Service,
  pool: ClusterIPs,
  dryRun: boolean,
): Promise<AddressChange> {
  if (service.spec.type === 'ExternalName' || service.spec.clusterIPs?.[0] === HEADLESS) return nothing();
  const families = service.spec.ipFamilies ?? [];
  return takeFor(service, pool, dryRun, families, 0);
}

async function takeFor(
  service: Service,
  pool: ClusterIPs,
  dryRun: boolean,
  families: string[],
  from: number,
): Promise<AddressChange> {
  const { spec } = service;
  const change = nothing();
  const ips = [...(spec.clusterIPs ?? [])];
  try {
    for (let i = from; i < families.length; i++) {
      ips[i] = await takeOne(service, pool, dryRun, families[i] as IPFamily, ips[i] ?? '');
      if (!dryRun) change.taken.push(ips[i]!);
    }
  } catch (error) {
    await releaseAddresses(service, pool, change.taken);
    throw error;
  }
  spec.clusterIPs = ips;
  if (ips.length > 0) spec.clusterIP = ips[0]!;
  return change;
}

async function takeOne(
  service: Service,
  pool: ClusterIPs,
  dryRun: boolean,
  family: IPFamily,
  wanted: string,
): Promise<string> {
  try {
    if (wanted === '') {
      return dryRun ? pool.impossible(family) : await pool.allocateNext(family, ownerOf(service));
    }
    await (dryRun ? pool.dryAllocate(wanted) : pool.allocate(wanted, ownerOf(service)));
    return wanted;
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    if (wanted === '') throw Errors.internal(`failed to allocate a serviceIP: ${error.message}`, error);
    const detail = `failed to allocate IP ${wanted}: ${error.message}`;
    throw Errors.invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [
      FieldErrors.invalid('spec.clusterIPs', service.spec.clusterIPs ?? [wanted], detail),
    ]);
  }
}

/**
 * The address part of an update: leaving ExternalName takes fresh addresses, becoming ExternalName gives all
 * back, a second family takes one more, dropping it gives the second back.
 */
export async function changeAddresses(
  service: Service,
  old: Service,
  pool: ClusterIPs,
  dryRun: boolean,
): Promise<AddressChange> {
  if (isUntouchedPreferDualStack(service, old)) return nothing();
  const wasExternal = old.spec.type === 'ExternalName';
  const isExternal = service.spec.type === 'ExternalName';
  if (wasExternal && !isExternal) return takeAddresses(service, pool, dryRun);
  if (old.spec.clusterIPs?.[0] === HEADLESS) return nothing();
  if (!wasExternal && isExternal) return { taken: [], toRelease: [...(old.spec.clusterIPs ?? [])] };
  const before = (old.spec.ipFamilies ?? []).length;
  const families = service.spec.ipFamilies ?? [];
  if (before === 1 && families.length === 2) return takeFor(service, pool, dryRun, families, 1);
  if (before === 2 && families.length === 1) {
    return { taken: [], toRelease: (old.spec.clusterIPs ?? []).slice(1) };
  }
  return nothing();
}

export async function releaseAddresses(service: Service, pool: ClusterIPs, ips: string[]): Promise<void> {
  for (const ip of ips) await pool.release(ip, ownerOf(service));
}

/** Addresses that a deleted Service held. */
export function heldAddresses(service: Service): string[] {
  if (service.spec.type === 'ExternalName') return [];
  return (service.spec.clusterIPs ?? []).filter((ip) => ip !== HEADLESS && ip !== '');
}
