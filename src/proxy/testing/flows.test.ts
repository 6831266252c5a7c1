import { describe, expect, it } from 'vitest';
import { flowTables } from './flow-tables.js';
import { expectation, rulesFor, runFlow, tracedModes } from './flows.js';
import { policyFlowTables } from './policy-flow-tables.js';

/** Replays the tables through the rendered rules of every mode that has a tracer. */
const runs = [...flowTables, ...policyFlowTables].flatMap((table) =>
  tracedModes.map((mode) => ({ ...table, mode })),
);

describe.each(runs)('$title ($mode)', ({ mode, cluster, flows, settings }) => {
  it.each(flows)('$name', async (flow) => {
    const own = mode === 'nftables' ? undefined : flow[mode];
    const differs = typeof own === 'string' ? { output: own } : own && { masq: false, ...own };
    const expected = expectation({ ...flow, ...differs });
    expect(runFlow(await rulesFor(mode, cluster, settings), flow)).toEqual(expected);
  });
});
