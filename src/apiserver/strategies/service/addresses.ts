import { Errors, FieldErrors, type StatusError } from '#api';
import { type IPFamily, parseIp } from '../../allocators/address.js';
import { AllocationError } from '../../allocators/bands.js';
import { type ClusterIPs, type ServiceRef, TAKEN } from '../../allocators/cluster-ips.js';
import type { Claim } from '../../contracts.js';
import { isUntouchedPreferDualStack } from './families.js';
import { HEADLESS, type Service } from './fields.js';

/** An address that a write takes. */
interface Taken {
  ip: string;
  family: IPFamily;
  /** The user named it: there is no other one to take instead. */
  asked: boolean;
}

/** What a write does to addresses: taken with it, to be given back when it succeeds. */
export interface AddressChange {
  taken: Taken[];
  toRelease: string[];
}

const nothing = (): AddressChange => ({ taken: [], toRelease: [] });

export function ownerOf(service: Service): ServiceRef {
  return { namespace: service.metadata.namespace ?? '', name: service.metadata.name ?? '' };
}

/** Finds addresses for the Service's families and writes them into it. None stay noted on failure. */
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
      const family = families[i] as IPFamily;
      const asked = (ips[i] ?? '') !== '';
      if (asked) await reserve(service, pool, dryRun, ips[i]!);
      else ips[i] = dryRun ? pool.impossible(family) : pick(pool, family);
      if (!dryRun) change.taken.push({ ip: ips[i]!, family, asked });
    }
  } catch (error) {
    forgetAddresses(pool, change);
    throw error;
  }
  spec.clusterIPs = ips;
  if (ips.length > 0) spec.clusterIP = ips[0]!;
  return change;
}

function pick(pool: ClusterIPs, family: IPFamily): string {
  try {
    return pool.pick(family);
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw Errors.internal(`failed to allocate a serviceIP: ${error.message}`, error);
  }
}

async function reserve(service: Service, pool: ClusterIPs, dryRun: boolean, ip: string): Promise<void> {
  try {
    await (dryRun ? pool.dryReserve(ip) : pool.reserve(ip));
  } catch (error) {
    throw error instanceof AllocationError ? refusal(service, ip, error) : error;
  }
}

function refusal(service: Service, ip: string, why: AllocationError): StatusError {
  const detail = `failed to allocate IP ${ip}: ${why.message}`;
  return Errors.invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', [
    FieldErrors.invalid('spec.clusterIPs', service.spec.clusterIPs ?? [ip], detail),
  ]);
}

/** What makes the taken addresses the Service's. */
export function addressClaims(service: Service, pool: ClusterIPs, { taken }: AddressChange): Claim[] {
  return taken.map(({ ip }) => pool.claim(ip, ownerOf(service)));
}

/** Somebody else has the address: takes another one, unless the user wants this one. */
export function replaceAddress(
  service: Service,
  pool: ClusterIPs,
  { taken }: AddressChange,
  lost: Claim,
): void {
  const { spec } = service;
  const name = lost.object.metadata.name;
  const entry = taken.find(({ ip }) => parseIp(ip)?.text === name);
  if (entry === undefined) return;
  if (entry.asked) throw refusal(service, entry.ip, new AllocationError(...TAKEN));
  const before = entry.ip;
  entry.ip = pick(pool, entry.family);
  spec.clusterIPs = (spec.clusterIPs ?? []).map((ip) => (ip === before ? entry.ip : ip));
  spec.clusterIP = spec.clusterIPs[0]!;
}

/** The write that the addresses were for has not happened. */
export function forgetAddresses(pool: ClusterIPs, { taken }: AddressChange): void {
  for (const { ip } of taken) pool.forget(ip);
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
