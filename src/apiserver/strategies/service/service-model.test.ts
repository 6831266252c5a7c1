import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type core, type networking, StatusError } from '#api';
import { NodePorts, parsePortRange } from '../../allocators/index.js';
import { fakeDeps } from '../../testing/fake-object-store.js';
import { startTestServer, type TestServer } from '../../testing/in-process-server.js';

const SERVICES = '/api/v1/namespaces/default/services';
const RANGE = '30000-30015';

interface Step {
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

const step: fc.Arbitrary<Step> = fc.record({
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
function specOf(s: Step): core.ServiceSpec {
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

async function apply(server: TestServer, s: Step): Promise<void> {
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
    // Refusals are part of the game; defects (500 other than exhaustion and duplicate ports) are not.
    if (!(error instanceof StatusError)) throw error;
    const expected = /range is full|duplicate nodePort|HealthCheck NodePort/.test(error.message);
    if (error.code >= 500 && !expected) throw error;
  }
}

/** What the Services hold must be exactly what is allocated. */
async function checkBooks(server: TestServer): Promise<void> {
  const services = (await server.call<{ items: core.Service[] }>('GET', '/api/v1/services')).items;
  const held = services.flatMap(({ metadata, spec }) =>
    (spec!.clusterIPs ?? []).filter((ip) => ip !== 'None').map((ip) => `${ip} ${metadata.name}`),
  );
  const addresses = await server.call<{ items: networking.IPAddress[] }>(
    'GET',
    '/apis/networking.k8s.io/v1/ipaddresses',
  );
  const booked = addresses.items.map(({ metadata, spec }) => `${metadata.name} ${spec!.parentRef.name}`);
  expect(booked.sort()).toEqual(held.sort());
  const ports = services.flatMap(({ spec }) => {
    const own = new Set((spec!.ports ?? []).map((port) => port.nodePort ?? 0));
    own.add(spec!.healthCheckNodePort ?? 0);
    own.delete(0);
    return [...own];
  });
  expect(new Set(ports).size, 'one owner per port').toBe(ports.length);
  const bitmap = new NodePorts(fakeDeps(server.server.objects), parsePortRange(RANGE));
  expect([...(await bitmap.taken())].sort()).toEqual(ports.sort());
}

describe('the books of the Service registry', () => {
  it('balance after any sequence of creates, updates, deletes, dry runs and refusals, at once and on two servers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
        async (rounds) => {
          const options = {
            serviceClusterIPRange: ['10.96.0.0/28', 'fd00:10:96::/124'],
            serviceNodePortRange: RANGE,
          };
          const first = await startTestServer(options);
          const second = await startTestServer({ ...options, store: first.store });
          const servers = [first, second];
          try {
            for (const round of rounds) {
              await Promise.all(round.map((s) => apply(servers[s.server]!, s)));
              for (const server of servers) await checkBooks(server);
            }
          } finally {
            await second.stop();
            await first.stop();
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);
});
