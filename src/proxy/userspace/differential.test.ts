import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyEdit, everyFlow } from '../testing/arbitrary.js';
import { TestCluster } from '../testing/cluster.js';
import { applyEdit } from '../testing/edits.js';
import { desiredOf, NODE_IP, rulesFor, runFlow, testSettings } from '../testing/flows.js';
import { createUserspaceTrace } from './trace.js';

it('decides every flow as nftables does, but for what sockets cannot', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 3, maxLength: 12 }), async (edits) => {
      const cluster = new TestCluster();
      for (const edit of edits) applyEdit(cluster, edit);
      const nftables = await rulesFor('nftables', cluster);
      const userspace = createUserspaceTrace((await desiredOf(cluster)).owned(), testSettings(), [NODE_IP]);
      for (const flow of everyFlow()) {
        // There are no SCTP sockets.
        if (flow.protocol === 'sctp') continue;
        // Whoever comes from the address that it asks for is the node: the route makes the address local.
        if (flow.source === flow.destination) continue;
        const question = { ...flow, name: '', output: '' };
        const [a, b] = [runFlow(nftables, question).output, runFlow(userspace, question).output];
        const isSame = a === b;
        // Unallocated addresses are local by the route, without anybody who listens.
        const isUnallocated = a === 'DROP' && b === '' && flow.destination.startsWith('172.30.');
        // Nobody listens for a Service without endpoints: refused before ranges are looked at.
        const isEmpty = a === 'DROP' && b === 'REJECT';
        // Ports that no Service has are not listened on; nftables passes on all but those of cluster IPs.
        const isUnknownPort = a === '' && b === 'REJECT';
        expect({ flow, a, b, fine: isSame || isUnallocated || isEmpty || isUnknownPort }).toMatchObject({
          fine: true,
        });
        if (isEmpty) expect(['1.2.3.4', '5.6.7.8']).toContain(flow.destination);
      }
    }),
    { numRuns: 25 },
  );
}, 60_000);
