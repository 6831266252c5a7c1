import { Errors, type FieldError, FieldErrors } from '#api';
import { familyOf, type IPFamily } from '../../allocators/address.js';
import {
  HEADLESS,
  hasSelector,
  isHeadless,
  needsNodePort,
  type Service,
  sameClusterIPs,
  sameFamilies,
} from './fields.js';
import { checkAddressFields } from './precheck.js';

const POLICY = 'spec.ipFamilyPolicy';

export function otherFamily(family: string): IPFamily {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}

function refuse(service: Service, errors: FieldError[]): void {
  if (errors.length > 0)
    throw Errors.invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}

/**
 * A PreferDualStack Service is upgraded or downgraded only on request, not because the cluster changed while
 * something else of it is edited.
 */
export function isUntouchedPreferDualStack(service: Service, old: Service | undefined): boolean {
  if (old === undefined || service.spec.ipFamilyPolicy === undefined) return false;
  if (old.spec.type !== service.spec.type) return false;
  if (service.spec.type !== 'ClusterIP' && !needsNodePort(service)) return false;
  if (service.spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  if (old.spec.ipFamilyPolicy !== undefined && old.spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  return sameClusterIPs(old, service) && sameFamilies(old, service);
}

/**
 * Settles ipFamilyPolicy and ipFamilies from what the user said, the old object and the cluster's families
 * (`configured`, the primary one first). Throws Invalid. Upstream: registry/core/service/storage initIPFamilyFields.
 */
export function settleFamilies(service: Service, old: Service | undefined, configured: IPFamily[]): void {
  if (service.spec.type === 'ExternalName' || isUntouchedPreferDualStack(service, old)) return;
  service.spec.ipFamilyPolicy ??= inferPolicy(service, old);
  refuse(service, checkAddressFields(service));
  refuse(service, [
    ...(old === undefined ? [] : applyDowngrade(service, old)),
    ...checkPolicyAgainstLists(service),
    ...inferFamilies(service, configured),
  ]);
  if (isHeadless(service) && !hasSelector(service)) return settleSelectorlessHeadless(service, configured);
  refuse(service, checkConfigured(service, configured));
  const { spec } = service;
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = [configured[0]!];
  if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies!.length === 1 && configured.length === 2) {
    spec.ipFamilies = [spec.ipFamilies![0]!, otherFamily(spec.ipFamilies![0]!)];
  }
}

function inferPolicy(service: Service, old: Service | undefined): string {
  if (old?.spec.ipFamilyPolicy !== undefined) return old.spec.ipFamilyPolicy;
  return isHeadless(service) && !hasSelector(service) ? 'RequireDualStack' : 'SingleStack';
}

/** SingleStack with untouched lists releases the second entry; shorter lists without it are an error. */
function applyDowngrade(service: Service, old: Service): FieldError[] {
  const { spec } = service;
  const ips = spec.clusterIPs ?? [];
  const families = spec.ipFamilies ?? [];
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (sameClusterIPs(old, service) && ips.length > 1) spec.clusterIPs = ips.slice(0, 1);
    if (sameFamilies(old, service) && families.length > 1) spec.ipFamilies = families.slice(0, 1);
    return [];
  }
  const errors: FieldError[] = [];
  const release = (what: string) =>
    FieldErrors.invalid(
      POLICY,
      spec.ipFamilyPolicy,
      `must be 'SingleStack' to release the secondary ${what}`,
    );
  if (ips.length > 0 && ips.length < (old.spec.clusterIPs ?? []).length) errors.push(release('cluster IP'));
  if (families.length > 0 && families.length < (old.spec.ipFamilies ?? []).length) {
    errors.push(release('IP family'));
  }
  return errors;
}

function checkPolicyAgainstLists({ spec }: Service): FieldError[] {
  if (spec.ipFamilyPolicy !== 'SingleStack') return [];
  const when = (what: string) =>
    FieldErrors.invalid(
      POLICY,
      spec.ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  return [
    ...((spec.clusterIPs ?? []).length === 2 ? [when('cluster IPs')] : []),
    ...((spec.ipFamilies ?? []).length === 2 ? [when('IP families')] : []),
  ];
}

/** Families follow from given addresses; one that the cluster has not is an error of the address. */
function inferFamilies({ spec }: Service, configured: IPFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === HEADLESS) break;
    if (i < (spec.ipFamilies ?? []).length) continue;
    const family = familyOf(ip);
    if (configured.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else {
      const detail = `${family} is not configured on this cluster`;
      errors.push(FieldErrors.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, detail));
    }
  }
  return errors;
}

/** Whoever writes the endpoints of such a Service decides on families: both, even on single-stack clusters. */
function settleSelectorlessHeadless({ spec }: Service, configured: IPFamily[]): void {
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = [configured[0]!];
  if (spec.ipFamilies!.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') {
    spec.ipFamilies = [spec.ipFamilies![0]!, otherFamily(spec.ipFamilies![0]!)];
  }
}

function checkConfigured({ spec }: Service, configured: IPFamily[]): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' && configured.length < 2) {
    const detail = 'this cluster is not configured for dual-stack services';
    errors.push(FieldErrors.invalid(POLICY, spec.ipFamilyPolicy, detail));
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (!configured.includes(family as IPFamily)) {
      errors.push(FieldErrors.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
    }
  }
  return errors;
}
