import type { core } from '#api';
import { divideRoundingUp } from './quantity.js';

/** A field or key that a pod asks for does not exist; the container waits with CreateContainerConfigError. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** What only the node knows about a pod when its containers start. */
export interface PodFacts {
  pod: core.Pod;
  podIPs: string[];
  hostIPs: string[];
  /** Stands in for limits that a container does not set. */
  allocatable: Record<string, string | number>;
}

/** `key="value"` lines, sorted, values quoted as Go's %q prints them (fieldpath.FormatMap). */
function formatMap(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

/** The value of a downward API field path. Throws ConfigError. */
export function fieldValue(path: string, { pod, podIPs, hostIPs }: PodFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
  if (keyed !== null) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2]!] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? '';
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`);
  }
}

/** The value of a resourceFieldRef; limits that are not set are those of the node. Throws ConfigError. */
export function resourceValue(
  ref: core.ResourceFieldSelector,
  container: Pick<core.Container, 'resources'>,
  facts: PodFacts,
): string {
  const [, kind, resource] = /^(limits|requests)\.(.+)$/.exec(ref.resource) ?? [];
  if (kind === undefined || resource === undefined)
    throw new ConfigError(`unsupported container resource : ${ref.resource}`);
  const resources = container.resources;
  const set = kind === 'limits' ? resources?.limits?.[resource] : resources?.requests?.[resource];
  const fallback = kind === 'limits' ? facts.allocatable[resource] : (resources?.limits?.[resource] ?? 0);
  const divisor = ref.divisor === undefined || String(ref.divisor) === '0' ? '1' : ref.divisor;
  const value = divideRoundingUp(set ?? fallback ?? 0, divisor);
  if (value === undefined) throw new ConfigError(`cannot divide ${ref.resource} by ${ref.divisor}`);
  return value;
}
