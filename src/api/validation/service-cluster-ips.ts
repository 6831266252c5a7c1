import type { core } from '../types/index.js';
import type { Check } from './field-error.js';
import { checkLegacyIp, ipFamilyOf } from './ip-formats.js';

type Spec = core.ServiceSpec;

const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const CHANGED = 'may not change once set';

export const isHeadless = (spec: Spec): boolean =>
  spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

function checkInStep(check: Check, spec: Spec): void {
  const ips = spec.clusterIPs ?? [];
  if ((spec.clusterIP ?? '') === '') {
    if (ips.length > 0)
      check.invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified');
  } else if (ips.length === 0) check.required('spec.clusterIPs');
  else if (ips[0] !== spec.clusterIP) {
    check.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`');
  }
}

function checkFamilies(check: Check, spec: Spec): void {
  const seen = new Set<string>();
  (spec.ipFamilies ?? []).forEach((family, i) => {
    const path = `spec.ipFamilies[${i}]`;
    if (family !== 'IPv4' && family !== 'IPv6') check.notSupported(path, family, ['IPv4', 'IPv6']);
    if (seen.has(family)) check.duplicate(path, family);
    seen.add(family);
  });
  check.optionalOneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, POLICIES);
}

/** False when an address is unusable, so that family checks would only add noise. */
function checkAddresses(check: Check, spec: Spec, old: Spec | undefined): boolean {
  const ips = spec.clusterIPs ?? [];
  let usable = true;
  ips.forEach((ip, i) => {
    if (i > 0 || ip !== 'None') {
      usable = checkLegacyIp(check, `spec.clusterIPs[${i}]`, ip, old?.clusterIPs) && usable;
    } else if (ips.length > 1) {
      usable = false;
      check.invalid('spec.clusterIPs', ips, "'None' must be the first and only value");
    }
  });
  if (ips.length > 2) check.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values');
  return usable;
}

function checkAgainstFamilies(check: Check, spec: Spec): void {
  const ips = spec.clusterIPs ?? [];
  if (ips.length > 1 && new Set(ips.map(ipFamilyOf)).size < 2) {
    check.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family');
  }
  if (isHeadless(spec)) return;
  (spec.ipFamilies ?? []).slice(0, ips.length).forEach((family, i) => {
    const actual = ipFamilyOf(ips[i]!) === 'v6' ? 'IPv6' : 'IPv4';
    if ((family === 'IPv4' || family === 'IPv6') && family !== actual) {
      check.invalid(
        `spec.clusterIPs[${i}]`,
        ips[i],
        `expected an ${family} value as indicated by \`ipFamilies[${i}]\``,
      );
    }
  });
}

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy against each other (ValidateServiceClusterIPsRelatedFields). */
export function checkClusterIPs(check: Check, spec: Spec, old?: Spec): void {
  if (spec.type === 'ExternalName') return;
  checkInStep(check, spec);
  checkFamilies(check, spec);
  if (checkAddresses(check, spec, old)) checkAgainstFamilies(check, spec);
}

function releasesWithoutPolicy(check: Check, spec: Spec, what: string): void {
  if (spec.ipFamilyPolicy === 'SingleStack') return;
  check.invalid(
    'spec.ipFamilyPolicy',
    spec.ipFamilyPolicy,
    `must be set to 'SingleStack' when releasing the secondary ${what}`,
  );
}

function checkAddressChange(check: Check, spec: Spec, old: Spec): void {
  const now = spec.clusterIPs ?? [];
  const before = old.clusterIPs ?? [];
  if (now.length === before.length) {
    before.forEach((ip, i) => {
      if (ip !== now[i]) check.invalid(`spec.clusterIPs[${i}]`, now, CHANGED);
    });
    return;
  }
  const shrunk = now.length < before.length;
  if (shrunk && now.length === 0) {
    check.invalid('spec.clusterIPs[0]', now, 'primary clusterIP can not be unset');
  }
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) {
    check.invalid('spec.clusterIPs[0]', now, CHANGED);
  }
  if (shrunk && now.length === 1) releasesWithoutPolicy(check, spec, 'clusterIP');
}

function checkFamilyChange(check: Check, spec: Spec, old: Spec): void {
  const now = spec.ipFamilies ?? [];
  const before = old.ipFamilies ?? [];
  const ips = spec.clusterIPs ?? [];
  if (now.length === before.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) check.invalid('spec.ipFamilies[0]', now, CHANGED);
    });
    return;
  }
  const shrunk = now.length < before.length;
  if (shrunk && ips.length === 0)
    check.invalid('spec.ipFamilies[0]', now, 'primary ipFamily can not be unset');
  // Upstream prints the addresses here, not the families.
  if (before.length > 0 && now.length > 0 && now[0] !== before[0]) {
    check.invalid('spec.ipFamilies[0]', ips, CHANGED);
  }
  if (shrunk && now.length === 1) releasesWithoutPolicy(check, spec, 'ipFamily');
}

/** Upgrades and downgrades between single and dual stack; the primary address and family never change. */
export function checkClusterIPsUpdate(check: Check, spec: Spec, old: Spec): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const nowHeadless = isHeadless(spec);
  const wasHeadless = isHeadless(old);
  if (!(nowHeadless && wasHeadless)) checkAddressChange(check, spec, old);
  if (!nowHeadless && !wasHeadless) checkFamilyChange(check, spec, old);
}
