import type { Endpoint } from './endpoints.js';
import { type ServicePort, usesClusterEndpoints, usesLocalEndpoints } from './service-port.js';

/** Where the proxy runs, as far as the choice of endpoints depends on it. */
export interface Topology {
  nodeName: string;
  /** Value of the node's `topology.kubernetes.io/zone` label. */
  zone: string | undefined;
}

export interface CategorizedEndpoints {
  /** For traffic policy Cluster, narrowed by topology hints. */
  cluster: Endpoint[];
  /** For traffic policy Local, never narrowed by hints. */
  local: Endpoint[];
  /** Union of both lists. */
  reachable: Endpoint[];
  /** Anything in the cluster could serve, here or elsewhere: decides DROP against REJECT. */
  hasAny: boolean;
}

type TopologyMode = 'node' | 'zone' | 'none';

const isFallback = (endpoint: Endpoint) => !endpoint.ready && endpoint.serving && endpoint.terminating;

/** Upstream's rule: a mode is used only if every ready endpoint carries its hint and one names this place. */
function topologyMode(endpoints: readonly Endpoint[], topology: Topology): TopologyMode {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const { nodeName, zone } = topology;
  const nodeHinted = ready.every((endpoint) => endpoint.nodeHints.length > 0);
  if (nodeHinted && ready.some((endpoint) => endpoint.nodeHints.includes(nodeName))) return 'node';
  if (zone === undefined || zone === '') return 'none';
  const zoneHinted = ready.every((endpoint) => endpoint.zoneHints.length > 0);
  return zoneHinted && ready.some((endpoint) => endpoint.zoneHints.includes(zone)) ? 'zone' : 'none';
}

function isInTopology(endpoint: Endpoint, mode: TopologyMode, topology: Topology): boolean {
  if (mode === 'node') return endpoint.nodeHints.includes(topology.nodeName);
  if (mode === 'zone') return endpoint.zoneHints.includes(topology.zone!);
  return true;
}

/** Ready endpoints, or, only when there are none, those that still serve while terminating. */
function withFallback(ready: Endpoint[], candidates: readonly Endpoint[]): Endpoint[] {
  return ready.length > 0 ? ready : candidates.filter(isFallback);
}

function union(a: Endpoint[], b: Endpoint[]): Endpoint[] {
  return [...new Set([...a, ...b])];
}

/** Which endpoints each traffic policy may use (upstream pkg/proxy/topology.go CategorizeEndpoints). */
export function categorizeEndpoints(
  endpoints: readonly Endpoint[],
  port: ServicePort,
  topology: Topology,
): CategorizedEndpoints {
  const usesCluster = usesClusterEndpoints(port);
  const usesLocal = usesLocalEndpoints(port);
  let cluster: Endpoint[] = [];
  if (usesCluster) {
    const mode = topologyMode(endpoints, topology);
    const ready = endpoints.filter((endpoint) => endpoint.ready && isInTopology(endpoint, mode, topology));
    cluster = withFallback(ready, endpoints);
  }
  if (!usesLocal) return { cluster, local: [], reachable: cluster, hasAny: cluster.length > 0 };
  const here = endpoints.filter((endpoint) => endpoint.isLocal);
  const local = withFallback(
    here.filter((endpoint) => endpoint.ready),
    here,
  );
  const hasAny = cluster.length > 0 || endpoints.some((endpoint) => endpoint.ready || isFallback(endpoint));
  return { cluster, local, reachable: union(cluster, local), hasAny };
}
