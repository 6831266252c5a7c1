import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import type { core, discovery } from '../types/index.js';
import { goQuote } from './field-error.js';
import { dns1123Label } from './formats.js';
import { canonicalIp, ipFamilyOf } from './ip-formats.js';

/** A valid IPv6 address that is not written the usual way; IPv4 has one form only. */
function ipWarnings(path: string, value: string): string[] {
  const canonical = canonicalIp(value);
  if (canonical === undefined || canonical === value) return [];
  if (ipFamilyOf(value) === 'v4') {
    return [
      `${path}: non-standard IP address ${goQuote(value)} will be considered invalid in a future Kubernetes release: use ${goQuote(canonical)}`,
    ];
  }
  return [
    `${path}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(canonical)})`,
  ];
}

function serviceWarnings(service: core.Service): string[] {
  const spec = service.spec ?? {};
  const warnings: string[] = [];
  if (spec.trafficDistribution === 'PreferClose') {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  if (service.metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined) {
    warnings.push(
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
    );
  }
  if (spec.type !== 'ExternalName' && (spec.externalName ?? '') !== '') {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  const headless = spec.clusterIPs?.[0] === 'None';
  if (headless && (spec.loadBalancerIP ?? '') !== '') {
    warnings.push('spec.loadBalancerIP is ignored for headless services');
  }
  if (headless && (spec.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs is ignored for headless services');
  }
  if (headless && spec.sessionAffinity !== undefined && spec.sessionAffinity !== 'None') {
    warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  if ((spec.externalIPs ?? []).length > 0 && spec.type === 'ExternalName') {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  } else if ((spec.externalIPs ?? []).length > 0 && !headless) {
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  (spec.clusterIPs ?? []).forEach((ip, i) => {
    if (ip !== 'None') warnings.push(...ipWarnings(`spec.clusterIPs[${i}]`, ip));
  });
  (spec.externalIPs ?? []).forEach((ip, i) => {
    warnings.push(...ipWarnings(`spec.externalIPs[${i}]`, ip));
  });
  return warnings;
}

const MASTER_LABEL = 'node-role.kubernetes.io/master';
const DEPRECATED_LABELS: Record<string, string> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region':
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone':
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type':
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  [MASTER_LABEL]: 'use "node-role.kubernetes.io/control-plane" instead',
};

function containerWarnings(container: core.Container, path: string): string[] {
  const warnings: string[] = [];
  const names = new Set<string>();
  (container.env ?? []).forEach((variable, i) => {
    if (names.has(variable.name)) {
      warnings.push(
        `${path}.env[${i}]: hides previous definition of ${goQuote(variable.name)}, which may be unexpected`,
      );
    }
    names.add(variable.name);
  });
  return warnings;
}

/** Ports of one container with the same number and protocol: only the first can be served. */
function portWarnings(spec: core.PodSpec, path: string): string[] {
  const warnings: string[] = [];
  (spec.containers ?? []).forEach((container, c) => {
    const seen = new Map<string, number>();
    (container.ports ?? []).forEach((port, p) => {
      const key = `${port.containerPort}/${port.protocol}/${port.hostIP ?? ''}/${port.hostPort ?? 0}`;
      const first = seen.get(key);
      if (first !== undefined) {
        warnings.push(
          `${path}.containers[${c}].ports[${p}]: duplicate port definition with ${path}.containers[${c}].ports[${first}]`,
        );
      } else seen.set(key, p);
    });
  });
  return warnings;
}

function podSpecWarnings(spec: core.PodSpec | undefined, path: string): string[] {
  if (spec === undefined) return [];
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    if (Object.hasOwn(DEPRECATED_LABELS, key)) {
      warnings.push(`${path}.nodeSelector[${key}]: ${DEPRECATED_LABELS[key]}`);
    }
  }
  for (const list of ['initContainers', 'containers'] as const) {
    (spec[list] ?? []).forEach((container, i) => {
      warnings.push(...containerWarnings(container, `${path}.${list}[${i}]`));
    });
  }
  warnings.push(...portWarnings(spec, path));
  if (spec.terminationGracePeriodSeconds !== undefined && spec.terminationGracePeriodSeconds < 0) {
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  }
  return warnings;
}

function nameWarnings(name: string | undefined, what: string): string[] {
  const errors = dns1123Label(name ?? '');
  return errors.length === 0
    ? []
    : [
        `metadata.name: this is used in ${what}, which can result in surprising behavior; a DNS label is recommended: [${errors.join(', ')}]`,
      ];
}

function sliceWarnings(slice: discovery.EndpointSlice): string[] {
  if (slice.addressType === 'FQDN') {
    return ['addressType: FQDN endpoints are deprecated'];
  }
  return (slice.endpoints ?? []).flatMap((endpoint, e) =>
    endpoint.addresses.flatMap((address, a) => ipWarnings(`endpoints[${e}].addresses[${a}]`, address)),
  );
}

type Templated = { spec?: { template?: core.PodTemplateSpec } };

/**
 * Texts for `Warning: 299` headers of a create (no `old`) or an update, as kube-apiserver gives them. Never a
 * reason to refuse.
 */
export function warningsFor(kind: KindInfo, object: KubeObject, old?: KubeObject): string[] {
  switch (kind.message) {
    case 'core.v1.Service':
      return serviceWarnings(object as core.Service);
    case 'core.v1.Endpoints':
      return ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'];
    case 'discovery.v1.EndpointSlice':
      return sliceWarnings(object as discovery.EndpointSlice);
    case 'core.v1.Pod':
      return [
        ...(old === undefined ? nameWarnings(object.metadata.name, "the Pod's hostname") : []),
        ...podSpecWarnings((object as core.Pod).spec, 'spec'),
      ];
    case 'apps.v1.Deployment':
    case 'apps.v1.ReplicaSet':
    case 'apps.v1.DaemonSet':
    case 'apps.v1.StatefulSet':
    case 'core.v1.ReplicationController':
    case 'batch.v1.Job':
      return [
        ...(old === undefined && kind.kind !== 'DaemonSet'
          ? nameWarnings(object.metadata.name, 'Pod names and hostnames')
          : []),
        ...podSpecWarnings((object as Templated).spec?.template?.spec, 'spec.template.spec'),
      ];
    default:
      return [];
  }
}
