import type { core, discovery } from '#api';

/** Builders for tests: short to write, valid as the API would return them. */

export const NODE_NAME = 'this-node';
export const OTHER_NODE = 'other-node';

export function makeService(
  name: string,
  clusterIP: string,
  spec: Partial<core.ServiceSpec> = {},
  lbIPs: string[] = [],
): core.Service {
  return {
    metadata: { name, namespace: 'ns' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'p80', port: 80, protocol: 'TCP' }],
      ...spec,
    },
    ...(lbIPs.length === 0 ? {} : { status: { loadBalancer: { ingress: lbIPs.map((ip) => ({ ip })) } } }),
  };
}

export interface EndpointSpec {
  ip: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  zones?: string[];
  nodes?: string[];
}

export function makeSlice(
  service: string,
  endpoints: EndpointSpec[],
  ports: discovery.EndpointPort[] = [{ name: 'p80', port: 80, protocol: 'TCP' }],
  suffix = '1',
): discovery.EndpointSlice {
  return {
    metadata: {
      name: `${service}-${suffix}`,
      namespace: 'ns',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: endpoints[0]?.ip.includes(':') === true ? 'IPv6' : 'IPv4',
    ports,
    endpoints: endpoints.map(({ ip, node, ready, serving, terminating, zones, nodes }) => ({
      addresses: [ip],
      ...(node === undefined ? {} : { nodeName: node }),
      conditions: {
        ...(ready === undefined ? {} : { ready }),
        ...(serving === undefined ? {} : { serving }),
        ...(terminating === undefined ? {} : { terminating }),
      },
      ...(zones === undefined && nodes === undefined
        ? {}
        : {
            hints: {
              ...(zones === undefined ? {} : { forZones: zones.map((zone) => ({ name: zone })) }),
              ...(nodes === undefined ? {} : { forNodes: nodes.map((node_) => ({ name: node_ })) }),
            },
          }),
    })),
  };
}
