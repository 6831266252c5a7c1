import { type core, parseLabelSelector } from '#api';
import { type Directive, directiveError } from '../corefile/parse.js';
import type { Name } from '../wire/name.js';
import { InformerState, type StateChange } from '../zone/cluster-state.js';
import { ClusterZone, type ClusterZoneOptions, isReverse } from '../zone/cluster-zone.js';
import type { InformerSources } from '../zone/informer-sources.js';
import { isHeadless } from '../zone/services.js';
import type { ClusterAddress } from './cluster-address.js';
import { createKubernetesPlugin } from './kubernetes.js';
import type { Plugin } from './plugin.js';
import {
  argumentError,
  duration,
  expectArgs,
  integer,
  type PluginSetup,
  unknownProperty,
} from './setup-context.js';
import { zoneNames } from './zone-names.js';

const DEFAULT_TTL = 5;
const STARTUP_TIMEOUT_S = 5;
const PROGRAMMING_BUCKETS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i);

interface Stanza {
  zone: ClusterZoneOptions;
  ttl: number;
  fallthrough: Name[];
  startupTimeoutS: number;
  endpoints: boolean;
  labels?: string;
  namespaces?: Set<string>;
  namespaceLabels?: (namespace: core.Namespace) => boolean;
  kubeconfig?: ClusterAddress['kubeconfig'];
  endpoint?: string;
  tls?: { cert: string; key: string; ca: string };
  qps?: number;
  burst?: number;
}

type Property = (stanza: Stanza, line: Directive) => void;

/** `kubernetes [ZONES...] { ... }` (CoreDNS plugin/kubernetes, setup.go). */
export function setupKubernetes(directive: Directive, setup: PluginSetup): Plugin {
  if (setup.made.has('kubernetes'))
    throw directiveError(directive, 'this plugin can only be used once per Server Block');
  const stanza = parseStanza(directive, setup);
  const { server, changes } = setup.runtime;
  const sources = sourcesOf(stanza, directive, setup);
  const programming = server.metrics.histogram(
    'coredns_kubernetes_dns_programming_duration_seconds',
    'Histogram of the time (in seconds) it took to program a dns instance.',
    ['service_kind'],
    PROGRAMMING_BUCKETS,
  );
  const onChange = (change: StateChange) => {
    for (const changed of changes) changed(change);
    if (change.kind !== 'endpoints' || change.changedAt === 0 || !state.synced) return;
    const service = state.service(change.namespace, change.name);
    if (service !== undefined && isHeadless(service))
      programming.observe((Date.now() - change.changedAt) / 1000, {
        service_kind: 'headless_with_selector',
      });
  };
  const state: InformerState = new InformerState(sources, {
    pods: stanza.zone.pods === 'verified' || setup.plugins.some((d) => d.name === 'autopath'),
    endpoints: stanza.endpoints,
    detail: { podNames: stanza.zone.endpointPodNames, zones: stanza.zone.zonal },
    imports: stanza.zone.multicluster.length > 0,
    onChange: (change) => onChange(change),
    ...(stanza.labels === undefined ? {} : { labels: stanza.labels }),
  });
  const options = {
    ttl: stanza.ttl,
    fallthrough: stanza.fallthrough,
    startupTimeoutMs: stanza.startupTimeoutS * 1000,
    verifiedPods: stanza.zone.pods === 'verified',
  };
  const { logger, metrics } = server;
  return createKubernetesPlugin(new ClusterZone(state, stanza.zone), options, {
    state,
    sources,
    self: setup.self,
    logger,
    metrics,
  });
}

/** Upstream's precedence: kubeconfig, then endpoint, then the cluster that the server runs in. */
function sourcesOf(stanza: Stanza, directive: Directive, { runtime }: PluginSetup): InformerSources {
  const { kubeconfig, endpoint: url, tls, qps, burst } = stanza;
  const endpoint = url === undefined ? undefined : { url, ...(tls === undefined ? {} : { tls }) };
  const limited = qps !== undefined || burst !== undefined;
  try {
    if (kubeconfig === undefined && endpoint === undefined) return runtime.server.sources();
    return runtime.server.sources({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(endpoint === undefined ? {} : { endpoint }),
      // client-go's defaults for the other one.
      ...(limited ? { limit: { qps: qps ?? 5, burst: burst ?? 10 } } : {}),
    });
  } catch (error) {
    throw directiveError(directive, `kubernetes: ${(error as Error).message}`);
  }
}

function parseStanza(directive: Directive, setup: PluginSetup): Stanza {
  const zones =
    directive.args.length === 0 ? setup.zones : directive.args.flatMap((z) => zoneNames(z, directive));
  if (zones.every(isReverse)) throw directiveError(directive, 'non-reverse zone name must be used');
  const { placement, localIps } = setup.runtime.server;
  const stanza: Stanza = {
    zone: {
      zones,
      pods: 'disabled',
      endpointPodNames: false,
      ignoreEmptyService: false,
      multicluster: [],
      zonal: false,
      exposed: () => true,
      localIps: () => (setup.bind.length > 0 ? setup.bind : (placement?.bind ?? localIps())),
    },
    ttl: DEFAULT_TTL,
    fallthrough: [],
    startupTimeoutS: STARTUP_TIMEOUT_S,
    endpoints: true,
  };
  for (const line of directive.block) {
    const property = properties[line.name];
    if (property === undefined) throw unknownProperty(line);
    property(stanza, line);
  }
  const { namespaces, namespaceLabels } = stanza;
  if (namespaces !== undefined && namespaceLabels !== undefined)
    throw directiveError(directive, 'namespaces and namespace_labels cannot both be set');
  if (namespaces !== undefined) stanza.zone.exposed = (ns) => namespaces.has(ns.metadata.name!);
  if (namespaceLabels !== undefined) stanza.zone.exposed = namespaceLabels;
  return stanza;
}

const properties: Record<string, Property | undefined> = {
  ttl: (stanza, line) => {
    stanza.ttl = integer(line.args[0] ?? argument(line), line, 0, 3600);
  },
  pods: (stanza, line) => {
    const [mode] = expectArgs(line, 1);
    if (mode !== 'disabled' && mode !== 'insecure' && mode !== 'verified') {
      throw directiveError(
        line,
        `wrong value for pods: ${mode},  must be one of: disabled, verified, insecure`,
      );
    }
    stanza.zone.pods = mode;
  },
  fallthrough: (stanza, line) => {
    stanza.fallthrough = line.args.length === 0 ? [[]] : line.args.flatMap((z) => zoneNames(z, line));
  },
  endpoint_pod_names: (stanza, line) => {
    expectArgs(line, 0);
    stanza.zone.endpointPodNames = true;
  },
  noendpoints: (stanza, line) => {
    expectArgs(line, 0);
    stanza.endpoints = false;
  },
  ignore: (stanza, line) => {
    if (line.args[0] !== 'empty_service')
      throw directiveError(line, `unable to parse ignore value: '${line.args[0] ?? ''}'`);
    stanza.zone.ignoreEmptyService = true;
  },
  zonal: (stanza, line) => {
    expectArgs(line, 0);
    stanza.zone.zonal = true;
  },
  multicluster: (stanza, line) => {
    stanza.zone.multicluster = expectArgs(line, 1, 100).flatMap((text) =>
      zoneNames(text, line).map((name) => {
        // Its own array, so that zones are told apart without a comparison.
        const zone = stanza.zone.zones.find((z) => z.join('.') === name.join('.'));
        if (zone === undefined)
          throw directiveError(
            line,
            `multicluster zone '${text}' is not one of the zones of the kubernetes plugin`,
          );
        return zone;
      }),
    );
  },
  namespaces: (stanza, line) => {
    stanza.namespaces = new Set(expectArgs(line, 1, 10_000));
  },
  labels: (stanza, line) => {
    stanza.labels = selectorText(line).text;
  },
  namespace_labels: (stanza, line) => {
    const { selector } = selectorText(line);
    stanza.namespaceLabels = (ns) => selector.matches(ns.metadata.labels ?? {});
  },
  kubeconfig: (stanza, line) => {
    const [path = '', context] = expectArgs(line, 1, 2);
    stanza.kubeconfig = context === undefined ? { path } : { path, context };
  },
  startup_timeout: (stanza, line) => {
    stanza.startupTimeoutS = duration(expectArgs(line, 1)[0], line);
  },
  // Further endpoints are deprecated upstream: only the first is used.
  endpoint: (stanza, line) => {
    const [url = ''] = expectArgs(line, 1, 100);
    if (!/^https?:\/\/[^/]/.test(url))
      throw directiveError(line, `endpoint: ${JSON.stringify(url)} is not a URL`);
    stanza.endpoint = url;
  },
  tls: (stanza, line) => {
    const [cert, key, ca] = expectArgs(line, 3) as [string, string, string];
    stanza.tls = { cert, key, ca };
  },
  apiserver_qps: (stanza, line) => {
    stanza.qps = integer(expectArgs(line, 1)[0], line, 1);
  },
  apiserver_burst: (stanza, line) => {
    stanza.burst = integer(expectArgs(line, 1)[0], line, 1);
  },
  // Requests at once are this client's handful of watches.
  apiserver_max_inflight: (_stanza, line) => void integer(expectArgs(line, 1)[0], line, 1),
};

function argument(line: Directive): never {
  throw argumentError(line);
}

function selectorText(line: Directive) {
  const text = expectArgs(line, 1, 1000).join(' ');
  try {
    return { text, selector: parseLabelSelector(text) };
  } catch (error) {
    const what = line.name === 'labels' ? 'label selector' : 'namespace_label selector';
    throw directiveError(line, `unable to parse ${what} value: '${text}': ${(error as Error).message}`);
  }
}
