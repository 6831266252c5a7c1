import { parseQuantity } from '../selectors/quantity.js';
import type { core, Quantity } from '../types/index.js';
import { goQuote } from './field-error.js';
import { dns1123Label } from './formats.js';
import { ipWarnings } from './service-warnings.js';

const NANO = 1_000_000_000n;

const DEPRECATED_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region':
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone':
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type':
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

const DEPRECATED_VOLUMES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

function labelWarning(path: string, key: string): string[] {
  return Object.hasOwn(DEPRECATED_LABELS, key) ? [`${path}: ${DEPRECATED_LABELS[key]}`] : [];
}

function placementWarnings(spec: core.PodSpec, path: string): string[] {
  const spreads = (spec.topologySpreadConstraints ?? []).flatMap((constraint, i) => {
    const at = `${path}.topologySpreadConstraints[${i}]`;
    const key = constraint.topologyKey;
    const deprecated = Object.hasOwn(DEPRECATED_LABELS, key)
      ? [`${at}.topologyKey: ${key} is ${DEPRECATED_LABELS[key]}`]
      : [];
    return constraint.labelSelector === undefined
      ? [...deprecated, `${at}.labelSelector: a null labelSelector results in matching no pod`]
      : deprecated;
  });
  const selectors = Object.keys(spec.nodeSelector ?? {}).flatMap((key) =>
    labelWarning(`${path}.nodeSelector[${key}]`, key),
  );
  return [...selectors, ...spreads];
}

function duplicates(path: string, field: string, what: string, values: string[]): string[] {
  const seen = new Set<string>();
  return values.flatMap((value, i) => {
    const again = seen.has(value);
    seen.add(value);
    return again ? [`${path}[${i}].${field}: duplicate ${what} ${goQuote(value)}`] : [];
  });
}

function fractionWarnings(path: string, amounts: Record<string, Quantity> = {}): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => {
    const value = Object.hasOwn(amounts, name) ? amounts[name] : undefined;
    return value === undefined || parseQuantity(value).nano % NANO === 0n
      ? []
      : [`${path}[${name}]: fractional byte value ${goQuote(String(value))} is invalid, must be an integer`];
  });
}

/** A second definition is fine when it builds on the first one. */
function envWarnings(container: core.Container, path: string): string[] {
  const seen = new Set<string>();
  return (container.env ?? []).flatMap((variable, i) => {
    const again = seen.has(variable.name);
    seen.add(variable.name);
    if (!again) return [];
    const value = variable.value ?? '';
    const reference = `$(${variable.name})`;
    const builds = variable.valueFrom === undefined && value !== reference && value.includes(reference);
    if (builds) return [];
    return [
      `${path}.env[${i}]: hides previous definition of ${goQuote(variable.name)}, which may be dropped when using apply`,
    ];
  });
}

interface SeenPort {
  at: string;
  port: core.ContainerPort;
}

function overlap(
  port: core.ContainerPort,
  other: core.ContainerPort,
): 'duplicate' | 'overlapping' | undefined {
  const [host = 0, otherHost = 0] = [port.hostPort, other.hostPort];
  const [ip = '', otherIp = ''] = [port.hostIP, other.hostIP];
  if (ip === otherIp && host === otherHost) return 'duplicate';
  if (host === 0 || otherHost === 0) return 'overlapping';
  return host === otherHost && (ip === '' || otherIp === '') ? 'overlapping' : undefined;
}

function portWarnings(containers: { container: core.Container; at: string }[]): string[] {
  const byPort = new Map<string, SeenPort[]>();
  const warnings: string[] = [];
  for (const { container, at } of containers) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const path = `${at}.ports[${i}]`;
      const key = `${port.containerPort}/${port.protocol}`;
      const others = byPort.get(key) ?? [];
      for (const other of others) {
        const how = overlap(port, other.port);
        if (how !== undefined) warnings.push(`${path}: ${how} port definition with ${other.at}`);
      }
      byPort.set(key, [...others, { at: path, port }]);
    }
  }
  return warnings;
}

function addressWarnings(spec: core.PodSpec, path: string): string[] {
  return [
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((server, i) =>
      ipWarnings(`${path}.dnsConfig.nameservers[${i}]`, server),
    ),
    ...(spec.hostAliases ?? []).flatMap((alias, i) => ipWarnings(`${path}.hostAliases[${i}].ip`, alias.ip)),
  ];
}

function listWarnings(spec: core.PodSpec, path: string): string[] {
  const secrets = (spec.imagePullSecrets ?? []).map((secret) => secret.name ?? '');
  const volumes = (spec.volumes ?? []).flatMap((volume, i) =>
    Object.keys(volume)
      .filter((kind) => Object.hasOwn(DEPRECATED_VOLUMES, kind))
      .map((kind) => `${path}.volumes[${i}].${kind}: ${DEPRECATED_VOLUMES[kind]}`),
  );
  const aliases = (spec.hostAliases ?? []).map((alias) => alias.ip);
  return [
    ...volumes,
    ...duplicates(`${path}.hostAliases`, 'ip', 'ip', aliases),
    ...duplicates(`${path}.imagePullSecrets`, 'name', 'name', secrets),
    ...secrets.flatMap((name, i) =>
      name === '' ? [`${path}.imagePullSecrets[${i}].name: invalid empty name ""`] : [],
    ),
  ];
}

/** Upstream's warningsForPodSpecAndMeta, for a pod (`spec`) or a template (`spec.template.spec`). */
export function podSpecWarnings(spec: core.PodSpec | undefined, path: string): string[] {
  if (spec === undefined) return [];
  const containers = (['initContainers', 'containers'] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, i) => ({ container, at: `${path}.${list}[${i}]` })),
  );
  const grace = spec.terminationGracePeriodSeconds ?? 0;
  return [
    ...placementWarnings(spec, path),
    ...listWarnings(spec, path),
    ...containers.flatMap(({ container, at }) => [
      ...fractionWarnings(`${at}.resources.limits`, container.resources?.limits),
      ...fractionWarnings(`${at}.resources.requests`, container.resources?.requests),
      ...envWarnings(container, at),
    ]),
    ...portWarnings(containers),
    ...(grace < 0
      ? [
          `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...addressWarnings(spec, path),
  ];
}

/** Names that make poor host names. */
export function nameWarnings(name: string | undefined, what: string): string[] {
  const errors = dns1123Label(name ?? '');
  return errors.length === 0
    ? []
    : [
        `metadata.name: this is used in ${what}, which can result in surprising behavior; a DNS label is recommended: [${errors.join(', ')}]`,
      ];
}
