import type { core } from '#api';

/** A Service whose spec is there; strategies run after defaulting, which guarantees it. */
export type Service = core.Service & { spec: core.ServiceSpec };

export const HEADLESS = 'None';

export const needsClusterIP = (service: Service): boolean => service.spec.type !== 'ExternalName';

export const needsNodePort = (service: Service): boolean =>
  service.spec.type === 'NodePort' || service.spec.type === 'LoadBalancer';

/** The load balancer asks each node whether it has endpoints of its own. */
export const needsHealthCheckPort = (service: Service): boolean =>
  service.spec.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local';

/** externalTrafficPolicy means something only for traffic from outside. */
export const isExternallyReachable = (service: Service): boolean =>
  needsNodePort(service) ||
  (service.spec.type === 'ClusterIP' && (service.spec.externalIPs ?? []).length > 0);

export const isHeadless = (service: Service): boolean => service.spec.clusterIP === HEADLESS;

export const hasSelector = (service: Service): boolean => Object.keys(service.spec.selector ?? {}).length > 0;

/** NodePort always; LoadBalancer unless allocateLoadBalancerNodePorts is false. */
export const allocatesNodePorts = (service: Service): boolean =>
  service.spec.type === 'NodePort' ||
  (service.spec.type === 'LoadBalancer' && service.spec.allocateLoadBalancerNodePorts !== false);

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  const left = a ?? [];
  const right = b ?? [];
  return left.length === right.length && left.every((item, i) => item === right[i]);
}

export const sameClusterIPs = (a: Service, b: Service): boolean =>
  sameList(a.spec.clusterIPs, b.spec.clusterIPs);
export const sameFamilies = (a: Service, b: Service): boolean =>
  sameList(a.spec.ipFamilies, b.spec.ipFamilies);

/** All node ports of the Service's ports; the health check port is not among them. */
export function nodePortsOf(service: Service): number[] {
  return (service.spec.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0);
}
