import fc from 'fast-check';
import { type core, type networking, StatusError } from '#api';
import { systemClock } from '#base';
import { createAllocators, NodePorts, parsePortRange } from '../allocators/index.js';
import { ClusterIPRepair } from '../bootstrap/cluster-ip-repair.js';
import { NodePortRepair } from '../bootstrap/node-port-repair.js';
import { fakeDeps } from './fake-object-store.js';
import type { TestServer } from './in-process-server.js';

/** Requests for Services on servers with few addresses and ports, and what must hold of the books afterwards. */

const SERVICES = '/api/v1/namespaces/default/services';
const RANGE = '30000-30015';
const CIDRS = ['10.96.0.0/28', 'fd00:10:96::/124'];
export const MODEL_OPTIONS = { serviceClusterIPRange: CIDRS, serviceNodePortRange: RANGE };
/** Keys of Services and of what is allocated to them. */
export const BOOK_KEYS = ['/registry/services/specs/', '/registry/ipaddresses/', '/registry/ranges/'];

export interface ServiceStep {
  action: 'create' | 'update' | 'delete';
  name: number;
  type: string;
  nodePort: number;
  ip: number;
  dual: boolean;
  ports: number;
  local: boolean;
  dryRun: boolean;
  /** Which of the two API servers on the store gets the request. */
  server: number;
  broken: boolean;
}

export const serviceStep: fc.Arbitrary<ServiceStep> = fc.record({
  action: fc.constantFrom('create', 'update', 'update', 'delete'),
  name: fc.nat(4),
  type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', 'Headless'),
  nodePort: fc.nat(20),
  ip: fc.nat(16),
  dual: fc.boolean(),
  ports: fc.integer({ min: 1, max: 3 }),
  local: fc.boolean(),
  dryRun: fc.boolean(),
  server: fc.nat(1),
  broken: fc.boolean(),
});

/** Some requests ask for an address or a port, some for what validation refuses. */
function specOf(s: ServiceStep): core.ServiceSpec {
  const type = s.type === 'Headless' ? 'ClusterIP' : s.type;
  const external = type === 'NodePort' || type === 'LoadBalancer';
  const ports = Array.from({ length: s.ports }, (_, i) => ({
    name: `p${i}`,
    port: s.broken && i === 1 ? 0 : 80 + i,
    ...(external && i === 0 && s.nodePort < 16 ? { nodePort: 30000 + s.nodePort } : {}),
  }));
  return {
    type,
    ports,
    selector: { a: 'b' },
    ...(type === 'ExternalName' ? { externalName: 'example.com' } : {}),
    ...(s.type === 'Headless' ? { clusterIP: 'None' } : {}),
    ...(type !== 'ExternalName' && s.dual ? { ipFamilyPolicy: 'PreferDualStack' } : {}),
    ...(s.action === 'create' && type === 'ClusterIP' && s.type !== 'Headless' && s.ip < 8
      ? { clusterIP: `10.96.0.${2 + s.ip}` }
      : {}),
    ...(external ? { externalTrafficPolicy: s.local ? 'Local' : 'Cluster' } : {}),
  };
}

/** Sends one request. Refusals are part of the game; defects are not: those that `expected` does not know reject. */
export async function applyStep(
  server: TestServer,
  s: ServiceStep,
  expected = /range is full|duplicate nodePort|HealthCheck NodePort/,
): Promise<void> {
  const name = `s${s.name}`;
  const query = s.dryRun ? '?dryRun=All' : '';
  try {
    if (s.action === 'delete') await server.call('DELETE', `${SERVICES}/${name}${query}`);
    else {
      const body = { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: specOf(s) };
      const [method, path] = s.action === 'create' ? ['POST', SERVICES] : ['PUT', `${SERVICES}/${name}`];
      await server.call(method, `${path}${query}`, body);
    }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (error.code >= 500 && !expected.test(error.message)) throw error;
  }
}

/** What Services hold and what is allocated, as sorted texts; equal when the books balance. */
export interface Books {
  heldAddresses: string[];
  bookedAddresses: string[];
  heldPorts: number[];
  bookedPorts: number[];
}

export async function readBooks(server: TestServer): Promise<Books> {
  const services = (await server.call<{ items: core.Service[] }>('GET', '/api/v1/services')).items;
  const addresses = await server.call<{ items: networking.IPAddress[] }>(
    'GET',
    '/apis/networking.k8s.io/v1/ipaddresses',
  );
  const bitmap = new NodePorts(fakeDeps(server.server.objects), parsePortRange(RANGE));
  return {
    heldAddresses: services
      .flatMap(({ metadata, spec }) =>
        (spec!.clusterIPs ?? []).filter((ip) => ip !== 'None').map((ip) => `${ip} ${metadata.name}`),
      )
      .sort(),
    bookedAddresses: addresses.items
      .map(({ metadata, spec }) => `${metadata.name} ${spec!.parentRef.name}`)
      .sort(),
    heldPorts: services.flatMap(portsOf).sort(),
    bookedPorts: [...(await bitmap.taken())].sort(),
  };
}

function portsOf({ spec }: core.Service): number[] {
  const own = new Set((spec!.ports ?? []).map((port) => port.nodePort ?? 0));
  own.add(spec!.healthCheckNodePort ?? 0);
  own.delete(0);
  return [...own];
}

/** Addresses and ports that two Services hold: there must never be one. */
export function heldTwice({ heldAddresses, heldPorts }: Books): (string | number)[] {
  const ips = heldAddresses.map((line) => line.split(' ')[0]!);
  return [
    ...ips.filter((ip, i) => ips.indexOf(ip) !== i),
    ...heldPorts.filter((p, i) => heldPorts.indexOf(p) !== i),
  ];
}

/** Runs the repair loops as often as they need to believe that something leaked, at a time when it may have. */
export async function repairBooks(server: TestServer): Promise<void> {
  const clock = { ...systemClock, now: () => Date.now() + 120_000 };
  const deps = { ...fakeDeps(server.server.objects), clock };
  const allocators = createAllocators({ serviceCIDRs: CIDRS, nodePortRange: RANGE }, deps);
  await allocators.start();
  try {
    await new ClusterIPRepair(deps, allocators.clusterIPs).run();
    const ports = new NodePortRepair(deps, allocators.nodePorts);
    for (let pass = 0; pass < 3; pass++) await ports.run();
  } finally {
    await allocators.stop();
  }
}
