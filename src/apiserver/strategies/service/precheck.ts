import { type FieldError, FieldErrors } from '#api';
import { parseIp } from '#base';
import { familyOf } from '../../allocators/address.js';
import { HEADLESS, type Service } from './fields.js';

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/**
 * The checks that allocation relies on (upstream ValidateServiceClusterIPsRelatedFields): clusterIP and
 * clusterIPs agree, addresses are well formed, families are known and match the addresses.
 */
export function checkAddressFields(service: Service): FieldError[] {
  const errors = [...checkSingleForm(service), ...checkFamilies(service)];
  const addressErrors = checkAddresses(service);
  errors.push(...addressErrors.errors);
  if (addressErrors.broken) return errors;
  const ips = service.spec.clusterIPs ?? [];
  if (ips.length > 1 && new Set(ips.map(familyOf)).size < ips.length) {
    errors.push(
      FieldErrors.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family'),
    );
  }
  if (ips[0] !== HEADLESS) errors.push(...checkFamiliesOfAddresses(service));
  return errors;
}

function checkSingleForm({ spec }: Service): FieldError[] {
  const ips = spec.clusterIPs ?? [];
  const single = spec.clusterIP ?? '';
  if (single === '') {
    return ips.length === 0
      ? []
      : [FieldErrors.invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified')];
  }
  if (ips.length === 0) return [FieldErrors.required('spec.clusterIPs')];
  if (ips[0] === single) return [];
  return [FieldErrors.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`')];
}

function checkFamilies({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    const path = `spec.ipFamilies[${i}]`;
    if (!FAMILIES.includes(family)) errors.push(FieldErrors.notSupported(path, family, FAMILIES));
    if (seen.has(family)) errors.push(FieldErrors.duplicate(path, family));
    seen.add(family);
  }
  const policy = spec.ipFamilyPolicy;
  if (policy !== undefined && !POLICIES.includes(policy)) {
    errors.push(FieldErrors.notSupported('spec.ipFamilyPolicy', policy, POLICIES));
  }
  return errors;
}

function checkAddresses({ spec }: Service): { errors: FieldError[]; broken: boolean } {
  const ips = spec.clusterIPs ?? [];
  const errors: FieldError[] = [];
  for (const [i, ip] of ips.entries()) {
    if (i === 0 && ip === HEADLESS) {
      if (ips.length > 1) {
        errors.push(FieldErrors.invalid('spec.clusterIPs', ips, "'None' must be the first and only value"));
      }
    } else if (parseIp(ip) === undefined) {
      const detail = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
      errors.push(FieldErrors.invalid(`spec.clusterIPs[${i}]`, ip, detail));
    }
  }
  const broken = errors.length > 0;
  if (ips.length > 2) {
    errors.push(FieldErrors.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values'));
  }
  return { errors, broken };
}

function checkFamiliesOfAddresses({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    const family = spec.ipFamilies?.[i];
    if (family !== undefined && FAMILIES.includes(family) && family !== familyOf(ip)) {
      const detail = `expected an ${family} value as indicated by \`ipFamilies[${i}]\``;
      errors.push(FieldErrors.invalid(`spec.clusterIPs[${i}]`, ip, detail));
    }
  }
  return errors;
}
