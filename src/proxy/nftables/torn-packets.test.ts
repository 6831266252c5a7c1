import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { anyEdit } from '../testing/arbitrary.js';
import { TestCluster } from '../testing/cluster.js';
import { changesOf, syncAll } from '../testing/convergence.js';
import { applyEdit } from '../testing/edits.js';
import { EXTERNAL_CLIENT, type Flow, NODE_IP, runFlow } from '../testing/flows.js';
import { NftPrograms } from '../testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME } from '../testing/objects.js';
import { NftTable } from '../trace/nft-table.js';
import { traceNft } from '../trace/nft-trace.js';
import { NftablesProxier } from './proxier.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: 'here' },
  algorithm: 'random' as const,
};

/** Sets in the order in which rules look packets up in them. */
const STAGES = [
  /^firewall-ips/,
  /^cluster-ips/,
  /^service-/,
  /-lists(-b)?$/,
  /endpoints-|^hairpin-/,
  /^no-endpoint-/,
];
const stageOf = (set: string) => STAGES.findIndex((stage) => stage.test(set));

/**
 * The table as a packet sees it that is in it while a commit takes effect: rules stay as they were for it, chains that
 * are new have none, and sets are as they are by the time of the lookup.
 */
function tornAt(stage: number, before: NftTable, after: NftTable): NftTable {
  const torn = new NftTable();
  torn.chains = new Map([...after.chains].map(([name, chain]) => [name, { ...chain, rules: [] }]));
  for (const [name, chain] of before.chains) torn.chains.set(name, chain);
  torn.sets = new Map([...before.sets, ...after.sets]);
  for (const [name, set] of before.sets) if (stageOf(name) < stage) torn.sets.set(name, set);
  return torn;
}

/** Every end that a flow can have, as `address port`; which way a packet is refused is no matter here. */
function endsOf(table: NftTable, flow: Omit<Flow, 'name' | 'output'>): Set<string> {
  const ends = new Set<string>();
  runFlow(
    (packet, node) => {
      const outcomes = traceNft(table, packet, node);
      for (const { verdict, packet: sent } of outcomes) {
        ends.add(verdict === 'ACCEPT' ? `${sent.destination} ${sent.destinationPort}` : 'refused');
      }
      return outcomes;
    },
    { name: '', output: '', ...flow },
  );
  return ends;
}

const isEndpoint = (end: string) => end.startsWith('10.180.');

/** What clients ask for that either table knows. */
function flowsOf(...tables: NftTable[]): Omit<Flow, 'name' | 'output'>[] {
  const keys = (set: string) =>
    new Set(
      tables.flatMap(({ sets }) =>
        [...(sets.get(set)?.elements.keys() ?? [])].map((key) => key.split(' . ')),
      ),
    );
  const destinations = [
    ...[...keys('service-ips')].map(([address, protocol, port]) => [address!, protocol!, port!] as const),
    ...[...keys('service-nodeports')].map(([protocol, port]) => [NODE_IP, protocol!, port!] as const),
  ];
  return destinations.flatMap(([destination, protocol, port]) =>
    ['10.0.0.2', EXTERNAL_CLIENT].map((source) => ({
      source,
      destination,
      protocol: protocol as 'tcp' | 'udp' | 'sctp',
      port: Number(port),
    })),
  );
}

/** A proxier whose every commit is looked at by packets that are in the table meanwhile. */
function watched() {
  const programs = new NftPrograms();
  let last = programs.tables.ip.clone();
  let looks = 0;
  const look = () => {
    const now = programs.tables.ip.clone();
    for (const flow of flowsOf(last, now)) {
      // What has no endpoint before or after may be refused, or not be translated, a moment longer or sooner.
      if (![...endsOf(last, flow), ...endsOf(now, flow)].every(isEndpoint)) continue;
      for (let stage = 0; stage <= STAGES.length; stage++) {
        looks++;
        const lost = [...endsOf(tornAt(stage, last, now), flow)].filter((end) => !isEndpoint(end));
        expect({ flow, stage, lost }).toEqual({ flow, stage, lost: [] });
      }
    }
    last = now;
  };
  programs.beforeLoad = async () => look();
  const proxier = new NftablesProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock: new FakeClock(),
  });
  return { proxier, look, looks: () => looks };
}

it('reach an endpoint if they would before and after the commit', async () => {
  const batches = fc.array(fc.array(anyEdit, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(batches, async (edits) => {
      const { proxier, look } = watched();
      const cluster = new TestCluster();
      const state = await syncAll(proxier, cluster, options);
      for (const batch of edits) {
        const keys = new Set(batch.map((edit) => applyEdit(cluster, edit)));
        await proxier.apply(changesOf(state, keys, options));
      }
      await proxier.tidy();
      look();
    }),
    { numRuns: 60 },
  );
});

it.each([
  ['one endpoint fewer', {}, 3, {}, 2],
  ['one endpoint more than any Service had', {}, 2, {}, 3],
  ['from choosing at random to taking turns', {}, 3, { 'kubesvc.dev/load-balancing': 'round-robin' }, 2],
  ['from taking turns to choosing at random', { 'kubesvc.dev/load-balancing': 'round-robin' }, 3, {}, 2],
])(
  'reach an endpoint: %s',
  async (_, annotationsBefore, endpointsBefore, annotationsAfter, endpointsAfter) => {
    const { proxier, look, looks } = watched();
    const cluster = new TestCluster();
    const put = (annotations: Record<string, string>, endpoints: number) => {
      const service = makeService('web', '172.30.0.1');
      service.metadata.annotations = annotations;
      const ips = Array.from({ length: endpoints }, (_, i) => ({ ip: `10.180.0.${i + 1}` }));
      cluster.add(service, makeSlice('web', ips));
    };
    put(annotationsBefore, endpointsBefore);
    const state = await syncAll(proxier, cluster, options);
    look();
    const before = looks();
    put(annotationsAfter, endpointsAfter);
    await proxier.apply(changesOf(state, ['ns/web'], options));
    look();
    expect(looks()).toBeGreaterThan(before);
  },
);
