import type { core } from '../types/index.js';
import { setDefault, setDefaultText } from './set.js';

/** Seconds a client sticks to its endpoint unless the Service says otherwise. */
const AFFINITY_SECONDS = 10_800;

/** SetDefaults_Service of pkg/apis/core/v1/defaults.go. */
export function defaultService(service: core.Service): void {
  service.spec ??= {};
  const spec = service.spec;
  setDefaultText(spec, 'sessionAffinity', 'None');
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (
    spec.sessionAffinity === 'ClientIP' &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  ) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
  }
  setDefaultText(spec, 'type', 'ClusterIP');
  for (const port of spec.ports ?? []) {
    setDefaultText(port, 'protocol', 'TCP');
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') {
      port.targetPort = port.port;
    }
  }
  defaultTrafficPolicies(spec);
  if (spec.type === 'LoadBalancer') defaultLoadBalancer(service, spec);
}

function defaultTrafficPolicies(spec: core.ServiceSpec): void {
  const { type } = spec;
  const external =
    type === 'NodePort' ||
    type === 'LoadBalancer' ||
    (type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  if (external) setDefaultText(spec, 'externalTrafficPolicy', 'Cluster');
  if (type === 'NodePort' || type === 'LoadBalancer' || type === 'ClusterIP') {
    setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  }
}

function defaultLoadBalancer(service: core.Service, spec: core.ServiceSpec): void {
  setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip) setDefault(ingress, 'ipMode', 'VIP');
  }
}
