import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { anyEdit, everyFlow } from '../testing/arbitrary.js';
import { TestCluster } from '../testing/cluster.js';
import { expectConvergence } from '../testing/convergence.js';
import { applyEdit } from '../testing/edits.js';
import { rulesFor, runFlow } from '../testing/flows.js';
import { IptablesPrograms } from '../testing/iptables-programs.js';
import { NODE_NAME } from '../testing/objects.js';
import type { IptTables } from '../trace/ipt-table.js';
import { IptablesProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};

/** Chains with their rules; shared chains list Services in an order that means nothing. */
function normalized(tables: IptTables): Record<string, string[]> {
  return Object.fromEntries(
    [...tables.chains]
      .map(([name, rules]) => [name, / KSVC-[A-Z]{3}-/.test(name) ? rules : [...rules].sort()])
      .sort(([a], [b]) => (a! < b! ? -1 : 1)),
  );
}

function createKernel() {
  const programs = new IptablesPrograms();
  const proxier = new IptablesProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock: new FakeClock(),
    syncPeriodMs: 30_000,
  });
  return { proxier, rules: () => normalized(programs.tables.iptables) };
}

it('ends in the same rules by any sequence of changes as by one full sync', async () => {
  await expectConvergence(createKernel, options, { batches: 10, runs: 80 });
});

it('decides every flow as nftables does, but for what only nftables refuses', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 3, maxLength: 12 }), async (edits) => {
      const cluster = new TestCluster();
      for (const edit of edits) applyEdit(cluster, edit);
      const [nftables, iptables] = [await rulesFor('nftables', cluster), await rulesFor('iptables', cluster)];
      for (const flow of everyFlow()) {
        const question = { ...flow, name: '', output: '' };
        const [a, b] = [runFlow(nftables, question), runFlow(iptables, question)];
        // Unknown ports and unallocated addresses of the service range: refused by nftables, untouched by iptables.
        if (b.output === '' && flow.destination.startsWith('172.30.'))
          expect(a.output).toMatch(/^(REJECT|DROP|)$/);
        // Ranges of a Service without endpoints: nftables drops first, iptables refuses everybody (both as upstream).
        else if (a.output === 'DROP' && b.output === 'REJECT')
          expect(['1.2.3.4', '5.6.7.8']).toContain(flow.destination);
        else expect({ flow, ...a }).toEqual({ flow, ...b });
      }
    }),
    { numRuns: 12 },
  );
}, 60_000);
