import {
  isExternallyReachable,
  needsClusterIP,
  needsHealthCheckPort,
  needsNodePort,
  nodePortsOf,
  type Service,
  sameClusterIPs,
  sameFamilies,
} from './fields.js';

/**
 * Keeps what the server had allocated when a PUT leaves it out, so that applying the same manifest twice works
 * (upstream registry/core/service/storage patchAllocatedValues). Node ports are matched by port name and never
 * taken from another port of the new object.
 */
export function keepAllocated(service: Service, old: Service): void {
  if (needsClusterIP(old) && needsClusterIP(service)) {
    if ((service.spec.clusterIP ?? '') === '' && old.spec.clusterIP !== undefined) {
      service.spec.clusterIP = old.spec.clusterIP;
    }
    if ((service.spec.clusterIPs ?? []).length === 0 && (old.spec.clusterIPs ?? []).length > 0) {
      service.spec.clusterIPs = [...old.spec.clusterIPs!];
    }
  }
  if (needsNodePort(old) && needsNodePort(service)) keepNodePorts(service, old);
  if (needsHealthCheckPort(old) && needsHealthCheckPort(service) && !service.spec.healthCheckNodePort) {
    service.spec.healthCheckNodePort = old.spec.healthCheckNodePort;
  }
}

function keepNodePorts(service: Service, old: Service): void {
  const wanted = new Set(nodePortsOf(service));
  const byName = new Map((old.spec.ports ?? []).map((port) => [port.name ?? '', port.nodePort ?? 0]));
  for (const port of service.spec.ports ?? []) {
    const before = byName.get(port.name ?? '') ?? 0;
    if (!port.nodePort && before !== 0 && !wanted.has(before)) port.nodePort = before;
  }
}

/** Brings `clusterIPs` in line with `clusterIP` when the client spoke only of one of them. */
export function normaliseClusterIPs(service: Service, old: Service | undefined): void {
  const { spec } = service;
  const single = spec.clusterIP ?? '';
  if (old === undefined) {
    if (single !== '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [single];
    return;
  }
  const oldSingle = old.spec.clusterIP ?? '';
  if (
    (old.spec.clusterIPs ?? []).length > 0 &&
    (spec.clusterIPs ?? []).length === 0 &&
    oldSingle === single
  ) {
    spec.clusterIPs = [...old.spec.clusterIPs!];
  }
  if (oldSingle === single || !sameClusterIPs(old, service)) return;
  // The single form changed and the list did not: the list follows.
  if (oldSingle !== '' && single === '') delete spec.clusterIPs;
  else spec.clusterIPs = [single];
}

/**
 * Clears fields that the new type does not have, if the server may have set them and the user did not change
 * them in the same request (then validation speaks). Selector and externalName are never cleared. On create
 * nothing is cleared.
 */
export function dropTypeDependent(service: Service, old: Service): void {
  dropAddresses(service, old);
  if (needsNodePort(old) && !needsNodePort(service) && noNewNodePorts(service, old)) {
    for (const port of service.spec.ports ?? []) delete port.nodePort;
  }
  dropLoadBalancerFields(service, old);
  const { spec } = service;
  if (
    isExternallyReachable(old) &&
    !isExternallyReachable(service) &&
    old.spec.externalTrafficPolicy === spec.externalTrafficPolicy
  ) {
    delete spec.externalTrafficPolicy;
  }
}

function dropAddresses(service: Service, old: Service): void {
  if (!needsClusterIP(old) || needsClusterIP(service)) return;
  const { spec } = service;
  if (spec.clusterIP === old.spec.clusterIP && sameClusterIPs(service, old)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (sameFamilies(service, old)) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === old.spec.ipFamilyPolicy) delete spec.ipFamilyPolicy;
}

function dropLoadBalancerFields(service: Service, old: Service): void {
  const { spec } = service;
  if (
    needsHealthCheckPort(old) &&
    !needsHealthCheckPort(service) &&
    spec.healthCheckNodePort === old.spec.healthCheckNodePort
  ) {
    delete spec.healthCheckNodePort;
  }
  if (old.spec.type !== 'LoadBalancer' || spec.type === 'LoadBalancer') return;
  if (spec.allocateLoadBalancerNodePorts === old.spec.allocateLoadBalancerNodePorts) {
    delete spec.allocateLoadBalancerNodePorts;
  }
  if (spec.loadBalancerClass === old.spec.loadBalancerClass) delete spec.loadBalancerClass;
}

/** Ports may have been added, removed or changed, as long as no node port is new. */
function noNewNodePorts(service: Service, old: Service): boolean {
  const before = new Set(nodePortsOf(old));
  return nodePortsOf(service).every((port) => before.has(port));
}
