import fc from 'fast-check';
import type { core, discovery } from '#api';
import { EXTERNAL_CLIENT, NODE_IP } from './flows.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './objects.js';

/** Random cluster states and edits. Small name and address spaces, so that Services collide and share. */

const protocols = ['TCP', 'UDP', 'SCTP'] as const;

const servicePort = fc.record({
  port: fc.constantFrom(53, 80),
  protocol: fc.constantFrom(...protocols),
  nodePort: fc.constantFrom(0, 0, 3001, 3002),
});

const serviceSpec = fc.record({
  ports: fc.uniqueArray(servicePort, {
    minLength: 1,
    maxLength: 3,
    selector: ({ port, protocol }) => `${port}/${protocol}`,
  }),
  externalIPs: fc.subarray(['192.168.99.11', '192.168.99.12']),
  lbIPs: fc.subarray(['1.2.3.4', '5.6.7.8']),
  ranges: fc.constantFrom<string[]>([], [], ['203.0.113.0/25'], ['192.168.0.0/24', '203.0.113.0/25']),
  internal: fc.constantFrom('Cluster', 'Cluster', 'Local'),
  external: fc.constantFrom('Cluster', 'Local'),
  affinity: fc.constantFrom<number | undefined>(undefined, undefined, 10, 10_800),
  algorithm: fc.constantFrom<string | undefined>(undefined, undefined, 'round-robin', 'source-hash', 'bogus'),
});

export const NAMES = ['a', 'b', 'c', 'd'] as const;

function toService(
  index: number,
  spec: typeof serviceSpec extends fc.Arbitrary<infer T> ? T : never,
): core.Service {
  const name = NAMES[index]!;
  const made = makeService(
    name,
    `172.30.0.${10 + index}`,
    {
      type: 'LoadBalancer',
      ports: spec.ports.map((p, i) => {
        // The API allocates a NodePort to one port per protocol.
        const isTaken = spec.ports
          .slice(0, i)
          .some((o) => o.nodePort === p.nodePort && o.protocol === p.protocol);
        return { ...p, name: portName(p.port, p.protocol), nodePort: isTaken ? 0 : p.nodePort };
      }),
      externalIPs: spec.externalIPs,
      loadBalancerSourceRanges: spec.ranges,
      internalTrafficPolicy: spec.internal,
      externalTrafficPolicy: spec.external,
      ...(spec.affinity === undefined
        ? {}
        : {
            sessionAffinity: 'ClientIP',
            sessionAffinityConfig: { clientIP: { timeoutSeconds: spec.affinity } },
          }),
    },
    spec.lbIPs,
  );
  if (spec.algorithm !== undefined)
    made.metadata.annotations = { 'kubesvc.dev/load-balancing': spec.algorithm };
  return made;
}

const portName = (port: number, protocol: string) => `p${port}-${protocol.toLowerCase()}`;

const endpoint = fc.record({
  host: fc.integer({ min: 1, max: 6 }),
  node: fc.constantFrom(NODE_NAME, OTHER_NODE),
  state: fc.constantFrom('ready', 'ready', 'leaving', 'gone'),
  zone: fc.constantFrom<string | undefined>(undefined, 'here', 'there'),
});

function toSlice(
  index: number,
  suffix: string,
  endpoints: (typeof endpoint extends fc.Arbitrary<infer T> ? T : never)[],
  weight: number,
): discovery.EndpointSlice {
  const slice = makeSlice(
    NAMES[index]!,
    endpoints.map(({ host, node, state, zone }) => ({
      ip: `10.180.0.${host}`,
      node,
      ready: state === 'ready',
      serving: state !== 'gone',
      terminating: state !== 'ready',
      ...(zone === undefined ? {} : { zones: [zone] }),
    })),
    [53, 80].flatMap((port) =>
      protocols.map((protocol) => ({ name: portName(port, protocol), port: port + 1000, protocol })),
    ),
    suffix,
  );
  slice.addressType = 'IPv4';
  if (weight !== 1) slice.metadata.annotations = { 'kubesvc.dev/weight': String(weight) };
  return slice;
}

export type Edit =
  | { kind: 'service'; object: core.Service }
  | { kind: 'slice'; object: discovery.EndpointSlice }
  | { kind: 'delete-service' | 'delete-slice'; name: string };

const index = fc.integer({ min: 0, max: NAMES.length - 1 });
const suffix = fc.constantFrom('1', '2');

export const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(index, serviceSpec)
      .map(([i, spec]) => ({ kind: 'service' as const, object: toService(i, spec) })),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(index, suffix, fc.array(endpoint, { maxLength: 5 }), fc.constantFrom(1, 1, 3))
      .map(([i, s, endpoints, weight]) => ({
        kind: 'slice' as const,
        object: toSlice(i, s, endpoints, weight),
      })),
  },
  { weight: 1, arbitrary: index.map((i) => ({ kind: 'delete-service' as const, name: `ns/${NAMES[i]!}` })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(index, suffix)
      .map(([i, s]) => ({ kind: 'delete-slice' as const, name: `ns/${NAMES[i]!}-${s}` })),
  },
);

/** Every flow that the random clusters can decide about. */
export function everyFlow(): {
  source: string;
  destination: string;
  port: number;
  protocol: 'tcp' | 'udp' | 'sctp';
}[] {
  const sources = ['10.0.0.2', NODE_IP, EXTERNAL_CLIENT, '203.0.113.130', '1.2.3.4'];
  const vips = [
    '172.30.0.10',
    '172.30.0.11',
    '172.30.0.12',
    '172.30.0.13',
    '172.30.0.99',
    '192.168.99.11',
    '192.168.99.12',
    '1.2.3.4',
    '5.6.7.8',
  ];
  const sockets = [
    ...vips.flatMap((destination) => [53, 80].map((port) => ({ destination, port }))),
    ...[3001, 3002, 3003].map((port) => ({ destination: NODE_IP, port })),
  ];
  return sources.flatMap((source) =>
    sockets.flatMap((socket) =>
      (['tcp', 'udp', 'sctp'] as const).map((protocol) => ({ source, protocol, ...socket })),
    ),
  );
}
