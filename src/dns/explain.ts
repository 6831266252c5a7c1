import type { core } from '#api';
import { createMetrics, type Logger } from '#base';
import type { InformerFactory } from '#client';
import { ServerStats } from './metrics/server-stats.js';
import type { KubernetesPlugin } from './plugins/kubernetes.js';
import { buildRuntime } from './runtime.js';
import { Rcode, rcodeName, Type } from './wire/constants.js';
import { formatName, isBelow, lower, type Name, parseName } from './wire/name.js';
import type { ResourceRecord } from './wire/record.js';
import type { ClusterState } from './zone/cluster-state.js';
import { isReverse } from './zone/cluster-zone.js';
import { formatRecord } from './zone/format-record.js';
import { InformerSources } from './zone/informer-sources.js';
import { reasons } from './zone/reasons.js';
import { resolve } from './zone/resolve.js';

export interface ExplainOptions {
  /** As a program would look it up; a trailing dot turns the search path off. */
  name: string;
  corefile: string;
  corefileName?: string;
  /** The Pod whose resolver asks: its dnsPolicy, dnsConfig and namespace make the search path. */
  pod?: core.Pod;
  /** Namespace of the search path when no Pod is given. */
  namespace?: string;
  clusterDomain: string;
}

/** One name that the resolver tries. */
export interface ExplainStep {
  name: string;
  /** The plugin that answers. */
  plugin: string;
  rcode: string;
  records: string[];
  /** What the answer was made of, or why there is none. */
  why: string[];
}

export interface Explanation {
  search: string[];
  ndots: number;
  steps: ExplainStep[];
  /** The resolver stops at the last step because it has an address; false when no name had one. */
  found: boolean;
}

/**
 * Says what a Pod gets when it looks up a name, and why: search path, plugin, objects. Reads the cluster once; asks no
 * DNS server. Takes a factory of its own, and starts it.
 */
export async function explain(
  options: ExplainOptions,
  deps: { informers: InformerFactory; logger: Logger; signal: AbortSignal },
): Promise<Explanation> {
  const sources = new InformerSources(deps.informers);
  const runtime = buildRuntime(options.corefile, options.corefileName ?? 'Corefile', {
    logger: deps.logger,
    metrics: createMetrics(),
    stats: new ServerStats(),
    sources: () => sources,
    localIps: () => [],
    stopping: () => false,
  });
  sources.start();
  await deps.informers.synced(deps.signal);
  const { search, ndots } = searchPath(options);
  const steps: ExplainStep[] = [];
  for (const candidate of candidates(options.name, search, ndots)) {
    const step = stepOf(parseName(lower(candidate)), runtime.blocks);
    steps.push(step);
    if (step.rcode === 'NOERROR' && step.records.length > 0) return { search, ndots, steps, found: true };
  }
  return { search, ndots, steps, found: false };
}

/** Search list and ndots as the kubelet writes them to resolv.conf. */
function searchPath({ pod, namespace, clusterDomain }: ExplainOptions): { search: string[]; ndots: number } {
  const spec = pod?.spec;
  const ns = pod?.metadata.namespace ?? namespace ?? 'default';
  const policy = spec?.dnsPolicy ?? 'ClusterFirst';
  const cluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && spec?.hostNetwork !== true);
  const own = cluster ? [`${ns}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
  const ndots = spec?.dnsConfig?.options?.find((o) => o.name === 'ndots')?.value;
  return {
    search: [...new Set([...own, ...(spec?.dnsConfig?.searches ?? [])])],
    ndots: ndots === undefined ? (cluster ? 5 : 1) : Number(ndots),
  };
}

/** The names in the order in which a resolver tries them (resolv.conf(5)). */
function candidates(name: string, search: string[], ndots: number): string[] {
  if (name.endsWith('.')) return [name];
  const searched = search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...searched] : [...searched, name];
}

function stepOf(labels: Name, blocks: ReturnType<typeof buildRuntime>['blocks']): ExplainStep {
  const name = formatName(labels);
  const matching = blocks
    .flatMap((b) => b.zones.map((zone) => ({ b, zone })))
    .filter(({ zone }) => isBelow(labels, zone));
  matching.sort((a, b) => b.zone.length - a.zone.length);
  const [route] = matching;
  const plain = { name, records: [] };
  if (route === undefined)
    return {
      ...plain,
      plugin: '-',
      rcode: 'REFUSED',
      why: ['no server block of the Corefile has this zone'],
    };
  const kubernetes = route.b.plugins.find((p) => p.name === 'kubernetes') as KubernetesPlugin | undefined;
  const zone = kubernetes?.zones.zoneOf(labels);
  if (kubernetes !== undefined && zone !== undefined) return clusterStep(kubernetes, labels, zone);
  if (route.b.plugins.some((p) => p.name === 'forward'))
    return {
      ...plain,
      plugin: 'forward',
      rcode: '?',
      why: ['not a name of the cluster: asked of the upstreams'],
    };
  const why = ['not a name of the cluster, and the Corefile has no forward: SERVFAIL'];
  return { ...plain, plugin: '-', rcode: 'SERVFAIL', why };
}

function clusterStep(kubernetes: KubernetesPlugin, labels: Name, zone: Name): ExplainStep {
  const { zones, state, ttl } = kubernetes;
  const options = { ttl, synced: true, serial: state.serial };
  const types = isReverse(zone) ? [Type.PTR] : labels[0]?.startsWith('_') ? [Type.SRV] : [Type.A, Type.AAAA];
  const answers = types.map((type) => resolve(zones, labels, labels, type, zone, options));
  const records = new Set<string>();
  for (const answer of answers)
    for (const r of answer.answers as ResourceRecord[]) records.add(formatRecord(r));
  const chase = answers[0]?.chase;
  return {
    name: formatName(labels),
    plugin: 'kubernetes',
    rcode: rcodeName(answers[0]?.rcode ?? Rcode.NOERROR),
    records: [...records],
    why: [
      ...reasons(state as ClusterState, labels, zone),
      ...(chase === undefined
        ? []
        : [`the alias leads out of the cluster: ${formatName(chase)} is asked of the upstreams`]),
    ],
  };
}
