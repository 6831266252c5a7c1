import type { core } from '../types/index.js';
import { goQuote } from './field-error.js';
import { ambiguousCidr, canonicalCidr, canonicalIp, cidrFamilyOf, ipFamilyOf } from './ip-formats.js';

/** A valid address that is not written the usual way (upstream's GetWarningsForIP). */
export function ipWarnings(path: string, value: string): string[] {
  const canonical = canonicalIp(value);
  if (canonical === undefined || canonical === value) return [];
  return ipFamilyOf(value) === 'v4'
    ? [
        `${path}: non-standard IP address ${goQuote(value)} will be considered invalid in a future Kubernetes release: use ${goQuote(canonical)}`,
      ]
    : [
        `${path}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(canonical)})`,
      ];
}

/** A valid CIDR with host bits, or not written the usual way (upstream's GetWarningsForCIDR). */
function cidrWarnings(path: string, value: string): string[] {
  const canonical = canonicalCidr(value);
  if (canonical === undefined || canonical === value) return [];
  const single = ambiguousCidr(value);
  if (single !== undefined) {
    return [
      `${path}: CIDR value ${goQuote(value)} is ambiguous in this context (should be ${goQuote(canonical)} or ${goQuote(single)}?)`,
    ];
  }
  return cidrFamilyOf(value) === 'v4'
    ? [
        `${path}: non-standard CIDR value ${goQuote(value)} will be considered invalid in a future Kubernetes release: use ${goQuote(canonical)}`,
      ]
    : [
        `${path}: IPv6 CIDR value ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(canonical)})`,
      ];
}

function headlessWarnings(spec: core.ServiceSpec): string[] {
  const warnings: string[] = [];
  if ((spec.loadBalancerIP ?? '') !== '')
    warnings.push('spec.loadBalancerIP is ignored for headless services');
  if ((spec.externalIPs ?? []).length > 0) warnings.push('spec.externalIPs is ignored for headless services');
  if (spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  return warnings;
}

function addressWarnings(spec: core.ServiceSpec): string[] {
  const each = (field: string, values: string[] = []): string[] =>
    values.flatMap((value, i) => ipWarnings(`spec.${field}[${i}]`, value));
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  const external = spec.externalIPs ?? [];
  const usesExternal = external.length > 0 && !headless && spec.type !== 'ExternalName';
  return [
    ...(spec.clusterIP === 'None' ? [] : each('clusterIPs', spec.clusterIPs)),
    ...(headless ? headlessWarnings(spec) : []),
    ...each('externalIPs', external),
    ...(usesExternal
      ? ['spec.externalIPs is deprecated and may no longer be implemented in some clusters']
      : []),
    ...ipWarnings('spec.loadBalancerIP', spec.loadBalancerIP ?? ''),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((range, i) =>
      cidrWarnings(`spec.loadBalancerSourceRanges[${i}]`, range.trim()),
    ),
  ];
}

/** Upstream's GetWarningsForService (1.36). */
export function serviceWarnings(service: core.Service): string[] {
  const spec = service.spec ?? {};
  const warnings: string[] = [];
  if (service.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    warnings.push(
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
    );
  }
  warnings.push(...addressWarnings(spec));
  const isName = spec.type === 'ExternalName';
  if (isName && (spec.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (!isName && (spec.externalName ?? '') !== '') {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
