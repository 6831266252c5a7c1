import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { anyEdit } from '../testing/arbitrary.js';
import { TestCluster } from '../testing/cluster.js';
import { changesOf, expectConvergence, syncAll } from '../testing/convergence.js';
import { applyEdit } from '../testing/edits.js';
import { NftPrograms } from '../testing/nft-programs.js';
import { NODE_NAME } from '../testing/objects.js';
import type { NftTable } from '../trace/nft-table.js';
import { NftablesProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: 'here' },
  algorithm: 'random' as const,
};

/**
 * A table with the freedom taken out that rendering has: which index an endpoint got. Keys that end in an index are
 * collected into one entry with sorted values, and so are choices inside rules.
 */
function normalized(table: NftTable): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, { definition, elements }] of table.sets) {
    const isIndexed = name.includes('endpoints');
    const groups = new Map<string, string[]>();
    for (const [key, value] of elements) {
      const group = isIndexed ? key.replace(/(^| \. )\d+$/, '') : key;
      groups.set(group, [...(groups.get(group) ?? []), value].sort());
    }
    result[name] = [definition, [...groups].sort(([a], [b]) => (a < b ? -1 : 1))];
  }
  for (const [name, { rules }] of table.chains) {
    const plain = rules.map((rule) => rule.replace(/\{ (.*) \}/, (_, items: string) => choices(items)));
    result[name] = name.startsWith('sticky-') ? plain.sort() : plain;
  }
  return result;
}

/** Names without the generation: which one is in use says nothing about what the table does. */
function withoutGeneration(table: NftTable): NftTable {
  const plain = (text: string) => text.replace(/-b(?=$| |})/g, '');
  const copy = table.clone();
  copy.sets = new Map(
    [...copy.sets].map(([name, set]) => {
      const elements = new Map([...set.elements].map(([key, value]) => [key, plain(value)]));
      return [plain(name), { ...set, elements }];
    }),
  );
  copy.chains = new Map(
    [...copy.chains].map(([name, c]) => [plain(name), { ...c, rules: c.rules.map(plain) }]),
  );
  return copy;
}

function choices(items: string): string {
  const found = items.split(', ').map((item) => item.replace(/^\d+ : /, ''));
  return `{ ${found.sort().join(', ')} }`;
}

function createProxier(programs: NftPrograms): NftablesProxier {
  return new NftablesProxier({ family: 'IPv4', programs, logger: silentLogger, clock: new FakeClock() });
}

function createKernel() {
  const programs = new NftPrograms();
  const proxier = createProxier(programs);
  return { programs, proxier, rules: () => normalized(programs.tables.ip) };
}

it('ends in the same table by any sequence of changes as by one full sync', async () => {
  await expectConvergence(createKernel, options, { batches: 12, runs: 150 });
});

it('writes nothing when nothing changed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { maxLength: 10 }), async (edits) => {
      const { programs, proxier } = createKernel();
      const cluster = new TestCluster();
      const keys = edits.map((edit) => applyEdit(cluster, edit));
      const state = await syncAll(proxier, cluster, options);
      const written = programs.scripts.length;
      const changes = changesOf(state, keys, options);
      expect((await proxier.apply(changes)).operations).toBe(0);
      expect(programs.scripts).toHaveLength(written);
    }),
    { numRuns: 60 },
  );
});

it('adopts a table of any earlier state and leaves nothing of it behind', async () => {
  const edits = fc.array(anyEdit, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(edits, edits, async (before, after) => {
      const programs = new NftPrograms();
      for (const sequence of [before, after]) {
        const cluster = new TestCluster();
        for (const edit of sequence) applyEdit(cluster, edit);
        const proxier = createProxier(programs);
        await syncAll(proxier, cluster, options);
        await proxier.tidy();
        const fresh = createKernel();
        await syncAll(fresh.proxier, cluster, options);
        expect(normalized(withoutGeneration(programs.tables.ip))).toEqual(fresh.rules());
      }
    }),
    { numRuns: 60 },
  );
});
