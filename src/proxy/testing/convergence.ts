import fc from 'fast-check';
import { expect } from 'vitest';
import type { Proxier, ServiceChange } from '../contract.js';
import type { DesiredOptions } from '../state/desired.js';
import { DesiredState } from '../state/desired-state.js';
import { anyEdit } from './arbitrary.js';
import { TestCluster } from './cluster.js';
import { applyEdit } from './edits.js';
import { testSettings } from './flows.js';

/** A proxier on a kernel of its own, and what it wrote, without the freedom that rendering has. */
export interface TestKernel {
  proxier: Proxier;
  rules(): unknown;
}

/** One full sync of what the cluster holds. */
export async function syncAll(
  proxier: Proxier,
  cluster: TestCluster,
  options: DesiredOptions,
): Promise<DesiredState> {
  const state = new DesiredState('IPv4', cluster);
  await proxier.resync(state.recomputeAll(options), testSettings());
  return state;
}

/** What a proxier is told after these Services changed. */
export function changesOf(
  state: DesiredState,
  keys: Iterable<string>,
  options: DesiredOptions,
): ServiceChange[] {
  return state.recompute(keys, options).map(({ key, after }) => ({
    key,
    desired: after === undefined ? undefined : state.ownedView(after),
  }));
}

/** Any sequence of changes, in batches, ends in the rules of one full sync on a fresh kernel. */
export async function expectConvergence(
  createKernel: () => TestKernel,
  options: DesiredOptions,
  { batches, runs }: { batches: number; runs: number },
): Promise<void> {
  const anyBatches = fc.array(fc.array(anyEdit, { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: batches,
  });
  await fc.assert(
    fc.asyncProperty(anyBatches, async (edits) => {
      const { proxier, rules } = createKernel();
      const cluster = new TestCluster();
      const state = await syncAll(proxier, cluster, options);
      for (const batch of edits) {
        const keys = new Set(batch.map((edit) => applyEdit(cluster, edit)));
        await proxier.apply(changesOf(state, keys, options));
      }
      await proxier.tidy?.();
      const fresh = createKernel();
      await syncAll(fresh.proxier, cluster, options);
      expect(rules()).toEqual(fresh.rules());
    }),
    { numRuns: runs },
  );
}
