import type { core } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { dns1123Subdomain } from './formats.js';
import { checkLegacyIp, ipFamilyOf } from './ip-formats.js';

function checkIngressPoint(
  check: Check,
  path: Path,
  point: core.LoadBalancerIngress,
  storedIPs: string[],
): void {
  const { ip = '', hostname = '' } = point;
  if (ip !== '') checkLegacyIp(check, `${path}.ip`, ip, storedIPs);
  if (ip !== '' && point.ipMode === undefined) {
    check.required(`${path}.ipMode`, 'must be specified when `ip` is set');
  }
  if (ip === '' && point.ipMode !== undefined) {
    check.forbidden(`${path}.ipMode`, 'may not be specified when `ip` is not set');
  } else check.optionalOneOf(`${path}.ipMode`, point.ipMode, ['Proxy', 'VIP']);
  if (hostname === '') return;
  check.invalidEach(`${path}.hostname`, hostname, dns1123Subdomain(hostname));
  if (ipFamilyOf(hostname) !== undefined) {
    check.invalid(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address');
  }
}

/** What a load-balancer controller may write into a Service's status. */
export function checkLoadBalancerStatus(
  check: Check,
  path: Path,
  status: core.LoadBalancerStatus | undefined,
  spec: core.ServiceSpec,
  old: core.LoadBalancerStatus | undefined,
): void {
  const points = status?.ingress ?? [];
  if (points.length === 0) return;
  if (spec.type !== 'LoadBalancer') {
    check.forbidden(`${path}.ingress`, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  const storedIPs = (old?.ingress ?? []).map((point) => point.ip ?? '');
  points.forEach((point, i) => {
    checkIngressPoint(check, `${path}.ingress[${i}]`, point, storedIPs);
  });
}
