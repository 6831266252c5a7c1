import { isHeadless, type Service } from './fields.js';

/** Texts of the Warning headers for a created or changed Service (upstream pkg/api/service/warnings.go). */
export function serviceWarnings(service: Service): string[] {
  const { spec } = service;
  const out: string[] = [];
  const external = (spec.externalIPs ?? []).length > 0;
  if (service.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    out.push(
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
    );
  }
  const headless = isHeadless(service) && spec.type === 'ClusterIP';
  if (headless) out.push(...headlessWarnings(service));
  if (external && !headless && spec.type !== 'ExternalName') {
    out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (external && spec.type === 'ExternalName') {
    out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== 'ExternalName' && (spec.externalName ?? '') !== '') {
    out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    out.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return out;
}

function headlessWarnings({ spec }: Service): string[] {
  const ignored = (field: string) => `${field} is ignored for headless services`;
  return [
    ...((spec.loadBalancerIP ?? '') === '' ? [] : [ignored('spec.loadBalancerIP')]),
    ...((spec.externalIPs ?? []).length === 0 ? [] : [ignored('spec.externalIPs')]),
    ...((spec.sessionAffinity ?? 'None') === 'None' ? [] : [ignored('spec.SessionAffinity')]),
  ];
}
