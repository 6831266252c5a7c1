import fc from 'fast-check';
import { expect, it } from 'vitest';
import { silentLogger, systemClock } from '#base';
import { loadProxyConfig } from '../config/load.js';
import { anyEdit, type Edit, everyFlow } from '../testing/arbitrary.js';
import { TestCluster } from '../testing/cluster.js';
import { expectConvergence } from '../testing/convergence.js';
import { applyEdit } from '../testing/edits.js';
import { NODE_IP, rulesFor, runFlow } from '../testing/flows.js';
import { IpvsPrograms } from '../testing/ipvs-programs.js';
import { NODE_NAME } from '../testing/objects.js';
import { IpvsProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};

function createKernel() {
  const programs = new IpvsPrograms();
  const proxier = new IpvsProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock: systemClock,
    config: loadProxyConfig('', { mode: 'ipvs' }).config,
    localAddresses: () => ['127.0.0.1', NODE_IP],
  });
  const { kernel } = programs;
  const sorted = (items: Iterable<string>) => [...items].sort();
  return {
    proxier,
    rules: () => ({
      servers: sorted(
        [...kernel.servers].map(([service, { options: how, targets }]) =>
          // What is on its way out, with weight 0, is not there for new connections.
          [service, how, ...sorted([...targets].filter(([, w]) => w > 0).map(String))].join(' '),
        ),
      ),
      sets: Object.fromEntries([...kernel.sets].map(([name, { entries }]) => [name, sorted(entries)])),
      addresses: sorted(kernel.addresses),
      chains: [...kernel.tables.chains],
    }),
  };
}

it('ends in the same state by any sequence of changes as by one full sync', async () => {
  await expectConvergence(createKernel, options, { batches: 10, runs: 60 });
});

/** Policy Local has rows of its own in the flow tables: ipvs cannot tell who asks. */
function withoutLocalPolicies(edit: Edit): Edit {
  if (edit.kind !== 'service') return edit;
  const { object } = edit;
  const policies = { internalTrafficPolicy: 'Cluster', externalTrafficPolicy: 'Cluster' };
  return { ...edit, object: { ...object, spec: { ...object.spec, ...policies } } };
}

/** The node itself, and the address of a load balancer as its own source: ranges are judged on other ways there. */
const isFromNode = (source: string) => source === NODE_IP || source === '1.2.3.4';

it('decides every flow as iptables does, but for what upstream’s ipvs decides otherwise', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 3, maxLength: 12 }), async (edits) => {
      const cluster = new TestCluster();
      for (const edit of edits) applyEdit(cluster, withoutLocalPolicies(edit));
      const [iptables, ipvs] = [await rulesFor('iptables', cluster), await rulesFor('ipvs', cluster)];
      for (const flow of everyFlow()) {
        const question = { ...flow, name: '', output: '' };
        const [a, b] = [runFlow(iptables, question), runFlow(ipvs, question)];
        // Unknown ports of an address that the node holds are refused.
        if (a.output === '' && b.output === 'REJECT') {
          expect(isBound(cluster, flow.destination)).toBe(true);
        } else if (isFromNode(flow.source) && (a.output === 'DROP' || b.output === 'DROP')) {
          expect(['1.2.3.4', '5.6.7.8']).toContain(flow.destination);
        } else if (a.output === 'REJECT' && b.output === 'DROP') {
          // Ranges of a Service without endpoints: ipvs looks at them first.
          expect(['1.2.3.4', '5.6.7.8']).toContain(flow.destination);
        } else {
          expect({ flow, ...b }).toEqual({ flow, ...a });
          compared++;
        }
      }
    }),
    { numRuns: 12 },
  );
  expect(compared).toBeGreaterThan(1000);
}, 60_000);

function isBound(cluster: TestCluster, address: string): boolean {
  return [...cluster.services.values()].some(({ spec, status }) =>
    [
      spec?.clusterIP,
      ...(spec?.externalIPs ?? []),
      ...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip),
    ].includes(address),
  );
}
