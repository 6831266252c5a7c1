import type { core } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import {
  dns1123Label,
  dns1123Subdomain,
  nameIsDnsLabel,
  portName,
  portNumber,
  qualifiedName,
} from './formats.js';
import { checkLegacyCidr, checkLegacyIp, checkNonSpecialIp } from './ip-formats.js';
import { checkLabels } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkClusterIPs, checkClusterIPsUpdate, isHeadless } from './service-cluster-ips.js';
import { checkLoadBalancerStatus } from './service-status.js';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const MAX_AFFINITY_SECONDS = 86_400;
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";

type Spec = core.ServiceSpec;

/** An int-or-string port: 1 to 65535, or an IANA service name. */
export function checkPortNumOrName(check: Check, path: Path, port: number | string): void {
  check.invalidEach(path, port, typeof port === 'number' ? portNumber(port) : portName(port));
}

/** Reachable from outside the cluster: node ports, load balancers or external addresses. */
function isExternallyAccessible(spec: Spec): boolean {
  return (
    spec.type === 'LoadBalancer' ||
    spec.type === 'NodePort' ||
    (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)
  );
}

const needsHealthCheck = (spec: Spec): boolean =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

function checkPort(
  check: Check,
  path: Path,
  port: core.ServicePort,
  named: boolean,
  names: Set<string>,
): void {
  const name = port.name ?? '';
  if (name === '') {
    if (named) check.required(`${path}.name`);
  } else {
    check.invalidEach(`${path}.name`, name, dns1123Label(name));
    if (names.has(name)) check.duplicate(`${path}.name`, name);
    names.add(name);
  }
  check.invalidEach(`${path}.port`, port.port ?? 0, portNumber(port.port ?? 0));
  check.oneOf(`${path}.protocol`, port.protocol, PROTOCOLS);
  checkPortNumOrName(check, `${path}.targetPort`, port.targetPort ?? 0);
  if (port.appProtocol !== undefined) {
    check.invalidEach(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
  }
}

function checkDuplicatePorts(check: Check, ports: core.ServicePort[]): void {
  const nodePorts = new Set<string>();
  ports.forEach((port, i) => {
    if ((port.nodePort ?? 0) === 0) return;
    const key = `${port.protocol}/${port.nodePort}`;
    if (nodePorts.has(key)) check.duplicate(`spec.ports[${i}].nodePort`, port.nodePort);
    nodePorts.add(key);
  });
  const seen = new Set<string>();
  ports.forEach((port, i) => {
    const key = `${port.protocol}/${port.port}`;
    // Upstream prints the internal type's key, with Go's field names.
    const shown = {
      Name: '',
      Protocol: port.protocol,
      AppProtocol: null,
      Port: port.port,
      TargetPort: 0,
      NodePort: 0,
    };
    if (seen.has(key)) check.duplicate(`spec.ports[${i}]`, shown);
    seen.add(key);
  });
}

function checkType(check: Check, spec: Spec): void {
  const headless = isHeadless(spec);
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && headless) {
    check.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  }
  if (spec.type !== 'ExternalName') return;
  const forbidden = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) check.forbidden('spec.clusterIPs', forbidden);
  if ((spec.ipFamilies ?? []).length > 0) check.forbidden('spec.ipFamilies', forbidden);
  if (spec.ipFamilyPolicy !== undefined) check.forbidden('spec.ipFamilyPolicy', forbidden);
  const cname = (spec.externalName ?? '').replace(/\.$/, '');
  if (cname === '') check.required('spec.externalName');
  else check.invalidEach('spec.externalName', cname, dns1123Subdomain(cname));
}

function checkAffinity(check: Check, spec: Spec): void {
  check.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const path = 'spec.sessionAffinityConfig';
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None' && config !== undefined) {
    check.forbidden(path, 'must not be set when session affinity is None');
  }
  if (spec.sessionAffinity !== 'ClientIP') return;
  const why = 'when session affinity type is ClientIP';
  if (config === undefined) return check.required(path, why);
  if (config.clientIP === undefined) return check.required(`${path}.clientIP`, why);
  const seconds = config.clientIP.timeoutSeconds;
  if (seconds === undefined) return check.required(`${path}.clientIP.timeoutSeconds`, why);
  if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS) {
    check.invalid(
      `${path}.clientIP.timeoutSeconds`,
      seconds,
      `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
    );
  }
}

const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';

function checkSourceRanges(check: Check, service: core.Service, old: core.Service | undefined): void {
  const spec = service.spec ?? {};
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const stored = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
  if (ranges.length > 0) {
    const path = 'spec.LoadBalancerSourceRanges';
    if (spec.type !== 'LoadBalancer') check.forbidden(path, ONLY_LOAD_BALANCER);
    ranges.forEach((range, i) => {
      checkLegacyCidr(check, `${path}[${i}]`, range.trim(), stored);
    });
    return;
  }
  const annotation = service.metadata.annotations?.[SOURCE_RANGES_ANNOTATION];
  if (annotation === undefined) return;
  const path = `metadata.annotations[${SOURCE_RANGES_ANNOTATION}]`;
  if (spec.type !== 'LoadBalancer') check.forbidden(path, ONLY_LOAD_BALANCER);
  const storedText = old?.metadata.annotations?.[SOURCE_RANGES_ANNOTATION] ?? '';
  const storedRanges = storedText.split(',').map((range) => range.trim());
  if (annotation.trim() === '') return;
  for (const range of annotation.trim().split(',')) checkLegacyCidr(check, path, range.trim(), storedRanges);
}

function checkLoadBalancerClass(check: Check, spec: Spec, old?: Spec): void {
  const path = 'spec.loadBalancerClass';
  const value = spec.loadBalancerClass;
  if (old?.type === 'LoadBalancer' && spec.type === 'LoadBalancer' && value !== old.loadBalancerClass) {
    check.invalid(path, value, 'may not change once set');
  }
  if (value === undefined) return;
  if (spec.type !== 'LoadBalancer') check.forbidden(path, ONLY_LOAD_BALANCER);
  else check.invalidEach(path, value, qualifiedName(value));
}

function checkExternalTraffic(check: Check, spec: Spec): void {
  const policy = spec.externalTrafficPolicy ?? '';
  if (isExternallyAccessible(spec)) check.oneOf('spec.externalTrafficPolicy', policy, POLICIES);
  else if (policy !== '') {
    check.invalid('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services');
  }
  const port = spec.healthCheckNodePort ?? 0;
  const path = 'spec.healthCheckNodePort';
  if (needsHealthCheck(spec)) {
    if (port === 0) check.required(path);
    else check.invalidEach(path, port, portNumber(port));
  } else if (port !== 0) {
    check.invalid(
      path,
      port,
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    );
  }
}

function checkInternalTraffic(check: Check, spec: Spec): void {
  const typed = ['NodePort', 'LoadBalancer', 'ClusterIP'].includes(spec.type ?? '');
  if (spec.internalTrafficPolicy === undefined) {
    if (typed) check.required('spec.internalTrafficPolicy');
  } else check.optionalOneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, POLICIES);
  check.optionalOneOf('spec.trafficDistribution', spec.trafficDistribution, DISTRIBUTIONS);
}

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';

function checkTopologyAnnotations(check: Check, annotations: Record<string, string> = {}): void {
  const mode = annotations[TOPOLOGY_MODE];
  const hints = annotations[TOPOLOGY_HINTS];
  if (mode !== undefined && hints !== undefined && mode !== hints) {
    check.invalid(
      `metadata.annotations[${TOPOLOGY_MODE}]`,
      mode,
      `must match annotations[${TOPOLOGY_HINTS}] when both are specified`,
    );
  }
}

function checkPorts(check: Check, spec: Spec): void {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  ports.forEach((port, i) => {
    checkPort(check, `spec.ports[${i}]`, port, ports.length > 1, names);
  });
}

function checkExternalIPs(check: Check, spec: Spec, old: Spec | undefined): void {
  (spec.externalIPs ?? []).forEach((ip, i) => {
    const path = `spec.externalIPs[${i}]`;
    if (checkLegacyIp(check, path, ip, old?.externalIPs)) checkNonSpecialIp(check, path, ip);
  });
}

function checkTypeFields(check: Check, spec: Spec): void {
  check.oneOf('spec.type', spec.type, TYPES);
  if (spec.type === 'ClusterIP') {
    (spec.ports ?? []).forEach((port, i) => {
      if ((port.nodePort ?? 0) !== 0) {
        check.forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'");
      }
    });
  }
  checkDuplicatePorts(check, spec.ports ?? []);
}

/** Order of the checks is upstream's, so that the list of errors reads the same. */
function checkService(check: Check, service: core.Service, old?: core.Service): void {
  const spec = service.spec ?? {};
  checkObjectMeta(check, service.metadata, { namespaced: true, name: nameIsDnsLabel });
  checkTopologyAnnotations(check, service.metadata.annotations);
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') {
    check.required('spec.ports');
  }
  checkType(check, spec);
  checkPorts(check, spec);
  checkLabels(check, 'spec.selector', spec.selector);
  checkAffinity(check, spec);
  checkClusterIPs(check, spec, old?.spec);
  checkExternalIPs(check, spec, old?.spec);
  checkTypeFields(check, spec);
  checkSourceRanges(check, service, old);
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    check.forbidden('spec.allocateLoadBalancerNodePorts', ONLY_LOAD_BALANCER);
  }
  if (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === undefined) {
    check.required('allocateLoadBalancerNodePorts');
  }
  checkLoadBalancerClass(check, spec);
  checkExternalTraffic(check, spec);
  checkInternalTraffic(check, spec);
}

/** Upstream's ValidateServiceCreate. Allocation errors (taken or out-of-range values) are the registry's. */
export function validateService(service: core.Service): Check['errors'] {
  const check = new Check();
  checkService(check, service);
  return check.errors;
}

/** Upstream's ValidateServiceUpdate: what may not change, then the whole object. */
export function validateServiceUpdate(service: core.Service, old: core.Service): Check['errors'] {
  const check = new Check();
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  checkObjectMetaUpdate(check, service.metadata, old.metadata);
  checkClusterIPsUpdate(check, spec, before);
  checkLoadBalancerClass(check, spec, before);
  if (
    needsHealthCheck(before) &&
    needsHealthCheck(spec) &&
    (spec.healthCheckNodePort ?? 0) !== (before.healthCheckNodePort ?? 0)
  ) {
    check.forbidden('spec.healthCheckNodePort', 'field is immutable');
  }
  checkService(check, service, old);
  return check.errors;
}

/** Upstream's ValidateServiceStatusUpdate. */
export function validateServiceStatusUpdate(service: core.Service, old: core.Service): Check['errors'] {
  const check = new Check();
  checkObjectMetaUpdate(check, service.metadata, old.metadata);
  checkLoadBalancerStatus(
    check,
    'status.loadBalancer',
    service.status?.loadBalancer,
    service.spec ?? {},
    old.status?.loadBalancer,
  );
  return check.errors;
}
