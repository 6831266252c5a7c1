import { describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { DesiredState } from '../state/desired-state.js';
import { TestCluster } from '../testing/cluster.js';
import { EXTERNAL_CLIENT, runFlow, testSettings } from '../testing/flows.js';
import { NftPrograms } from '../testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME } from '../testing/objects.js';
import { traceNft } from '../trace/nft-trace.js';
import { LAYOUT } from './names.js';
import { NftablesProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};

/** Large enough for several stages: a Service has one endpoint map element per endpoint, and two more. */
const SERVICES = 450;
const ENDPOINTS = 10;

/** Services whose endpoints are those of one generation, so that a mixture of two would show. */
function clusterOf(generation: number): TestCluster {
  const cluster = new TestCluster();
  for (let n = 0; n < SERVICES; n++) {
    const service = makeService(`s${n}`, `172.30.${n >> 8}.${n & 255}`, {
      type: 'NodePort',
      ports: [{ name: 'p80', port: 80, nodePort: n === 0 ? 3001 : 0 }],
    });
    if (n === 1) service.metadata.annotations = { 'kubesvc.dev/load-balancing': 'round-robin' };
    const ips = Array.from({ length: ENDPOINTS }, (_, i) => `10.${180 + generation}.${n >> 8}.${i + 1}`);
    cluster.services.set(`ns/s${n}`, service);
    cluster.slicesByName.set(
      `ns/s${n}-1`,
      makeSlice(
        `s${n}`,
        ips.map((ip) => ({ ip, node: NODE_NAME })),
      ),
    );
  }
  // The lookup by label walks all slices; here the name says it.
  cluster.slices = (key) => [cluster.slicesByName.get(`${key}-1`)!];
  return cluster;
}

function kernel() {
  const programs = new NftPrograms();
  const make = () =>
    new NftablesProxier({ family: 'IPv4', programs, logger: silentLogger, clock: new FakeClock() });
  const sync = async (proxier: NftablesProxier, generation: number) => {
    const state = new DesiredState('IPv4', clusterOf(generation));
    await proxier.resync(state.recomputeAll(options), testSettings());
  };
  /** Where connections to a plain, a rotating and a NodePort Service end. */
  const ends = () => {
    const flows = [
      { source: '10.0.0.2', destination: '172.30.0.0', port: 80 },
      { source: '10.0.0.2', destination: '172.30.0.1', port: 80 },
      { source: EXTERNAL_CLIENT, destination: '192.168.0.2', port: 3001 },
    ];
    const trace = (...[packet, node]: Parameters<Parameters<typeof runFlow>[0]>) =>
      traceNft(programs.tables.ip, packet, node);
    return flows.map((flow) => runFlow(trace, { name: '', output: '', ...flow }).output);
  };
  return { programs, make, sync, ends };
}

const all = (generation: number) =>
  Array(3).fill(
    Array.from({ length: ENDPOINTS }, (_, i) => `10.${180 + generation}.0.${i + 1}:80`)
      .sort()
      .join(', '),
  );
const UNTOUCHED = ['', '', ''];

describe('a full load', () => {
  it('of an empty table takes effect with its last transaction only', async () => {
    const { programs, make, sync, ends } = kernel();
    const seen: string[][] = [];
    programs.beforeLoad = async () => void seen.push(programs.tables.ip.exists ? ends() : UNTOUCHED);
    await sync(make(), 0);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen).toEqual(seen.map(() => UNTOUCHED));
    expect(ends()).toEqual(all(0));
  });

  it('over a table in use changes nothing before its last transaction, and everything in it', async () => {
    const { programs, make, sync, ends } = kernel();
    const proxier = make();
    await sync(proxier, 0);
    await proxier.tidy();
    for (const generation of [1, 2]) {
      const seen: string[][] = [];
      programs.beforeLoad = async () => void seen.push(ends());
      const written = programs.scripts.length;
      await sync(proxier, generation);
      expect(seen.length).toBeGreaterThan(1);
      // The very last empties what was in use.
      expect(seen.pop()).toEqual(all(generation));
      expect(seen).toEqual(seen.map(() => all(generation - 1)));
      expect(programs.scripts.at(-1)).toMatch(/^(flush map .*\n)+$/);
      expect(programs.scripts.length - written).toBe(seen.length + 1);
      expect(ends()).toEqual(all(generation));
    }
  });

  it('that fails half-way leaves what was in force, and the next one replaces it', async () => {
    const { programs, make, sync, ends } = kernel();
    const proxier = make();
    await sync(proxier, 0);
    let loads = 0;
    programs.beforeLoad = async () => {
      programs.refusal = ++loads === 2 ? 'Error: No buffer space available' : undefined;
    };
    await expect(sync(proxier, 1)).rejects.toThrow('No buffer space');
    expect(ends()).toEqual(all(0));
    await sync(make(), 2);
    expect(ends()).toEqual(all(2));
  });

  it('replaces a table of another layout, or one that resists repair, in one transaction', async () => {
    const { programs, make, sync, ends } = kernel();
    await sync(make(), 0);
    programs.tables.ip.comment = `${LAYOUT}0`;
    const before = programs.scripts.length;
    await sync(make(), 1);
    expect(programs.scripts).toHaveLength(before + 1);
    expect(ends()).toEqual(all(1));

    const proxier = make();
    programs.refusal = 'Error: File exists';
    await expect(sync(proxier, 2)).rejects.toThrow('File exists');
    await expect(sync(proxier, 2)).rejects.toThrow('File exists');
    programs.refusal = undefined;
    await sync(proxier, 2);
    expect(programs.scripts.at(-1)).toMatch(/^delete table/);
    expect(ends()).toEqual(all(2));
  });
});
