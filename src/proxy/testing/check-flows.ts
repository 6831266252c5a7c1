import { describe, expect, it } from 'vitest';
import type { TestCluster } from './cluster.js';
import { expectation, type Flow, rulesFor, runFlow, testSettings } from './flows.js';

export interface ModeFlow extends Flow {
  /** What iptables does where upstream's two modes differ; '' is untouched. */
  iptables?: string;
}

/** Replays flows through the rendered rules of every mode that has a tracer. */
export function check(
  title: string,
  cluster: TestCluster,
  flows: ModeFlow[],
  settings = testSettings(),
): void {
  describe.each(['nftables', 'iptables'] as const)(`${title} (%s)`, (mode) => {
    it.each(flows)('$name', async (flow) => {
      const expected = expectation(flow);
      if (mode === 'iptables' && flow.iptables !== undefined) expected.output = flow.iptables;
      expect(runFlow(await rulesFor(mode, cluster, settings), flow)).toEqual(expected);
    });
  });
}
