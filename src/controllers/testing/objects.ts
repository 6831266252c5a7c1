import type { core } from '#api';

/** Small objects for controller tests; every one is complete enough for the API. */

export function node(
  name: string,
  options: { zone?: string; cpu?: string; labels?: Record<string, string> } = {},
): core.Node {
  const labels = { 'kubernetes.io/hostname': name, ...options.labels };
  return {
    metadata: {
      name,
      labels:
        options.zone === undefined ? labels : { ...labels, 'topology.kubernetes.io/zone': options.zone },
    },
    spec: {},
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      allocatable: { cpu: options.cpu ?? '2', memory: '4Gi', pods: '110' },
    },
  };
}

export function service(
  name: string,
  options: {
    namespace?: string;
    labels?: Record<string, string>;
    spec?: core.ServiceSpec;
    annotations?: Record<string, string>;
  } = {},
): core.Service {
  return {
    metadata: {
      name,
      namespace: options.namespace ?? 'default',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.20',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      ...options.spec,
    },
  };
}

export interface PodOptions {
  namespace?: string;
  labels?: Record<string, string>;
  ip?: string | string[];
  ready?: boolean;
  readyAt?: string;
  nodeName?: string;
  phase?: string;
  terminating?: boolean;
  spec?: Partial<core.PodSpec>;
}

export function pod(name: string, options: PodOptions = {}): core.Pod {
  const ips = [options.ip ?? []].flat();
  const status: core.PodStatus = {
    phase: options.phase ?? 'Running',
    conditions: [
      {
        type: 'Ready',
        status: options.ready === false ? 'False' : 'True',
        lastTransitionTime: options.readyAt ?? '2026-01-01T00:00:10Z',
      },
    ],
    ...(ips.length === 0 ? {} : { podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) }),
  };
  return {
    metadata: {
      name,
      namespace: options.namespace ?? 'default',
      uid: `uid-${name}`,
      labels: options.labels ?? { app: 'web' },
      ...(options.terminating ? { deletionTimestamp: '2026-01-01T00:01:00Z' } : {}),
    },
    spec: { nodeName: options.nodeName ?? 'n1', containers: [{ name: 'c', image: 'host' }], ...options.spec },
    status,
  };
}
