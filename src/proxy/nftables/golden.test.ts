import { describe, expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { DesiredState } from '../state/desired-state.js';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf, testSettings } from '../testing/flows.js';
import { NftPrograms } from '../testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from '../testing/objects.js';
import { NftablesProxier } from './proxier.js';
import { renderNftables } from './render.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};

/** One Service of every kind: plain, external with ranges and policy Local, sticky, rotating, hashed, empty. */
function everyKind(): TestCluster {
  const two = [
    { ip: '10.180.0.1', node: NODE_NAME },
    { ip: '10.180.0.2', node: OTHER_NODE },
  ];
  const annotated = (name: string, n: number, algorithm: string) => {
    const service = makeService(name, `172.30.0.${n}`);
    service.metadata.annotations = { 'kubesvc.dev/load-balancing': algorithm };
    return service;
  };
  return new TestCluster().add(
    makeService('plain', '172.30.0.1'),
    makeSlice('plain', two),
    makeService(
      'gate',
      '172.30.0.2',
      {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        loadBalancerSourceRanges: ['203.0.113.0/25'],
        ports: [{ name: 'p80', port: 80, nodePort: 3001 }],
      },
      ['1.2.3.4'],
    ),
    makeSlice('gate', two),
    makeService('sticky', '172.30.0.3', { sessionAffinity: 'ClientIP' }),
    makeSlice('sticky', two),
    annotated('rotating', 4, 'round-robin'),
    makeSlice('rotating', two),
    annotated('hashed', 5, 'source-hash'),
    makeSlice('hashed', two),
    makeService('empty', '172.30.0.6', {
      type: 'NodePort',
      ports: [{ name: 'p80', port: 80, nodePort: 3006 }],
    }),
  );
}

it('renders one Service of every kind as it always did', async () => {
  const state = await desiredOf(everyKind());
  const script = `${[...renderNftables(state.owned(), testSettings())].join('\n')}\n`;
  await expect(script).toMatchFileSnapshot('./testdata/every-kind.nft');
});

describe('operations per change', () => {
  async function fixture() {
    const programs = new NftPrograms();
    const clock = new FakeClock();
    const proxier = new NftablesProxier({ family: 'IPv4', programs, logger: silentLogger, clock });
    const cluster = everyKind();
    const state = new DesiredState('IPv4', cluster);
    await proxier.resync(state.recomputeAll(options), testSettings());
    const sync = async (...keys: string[]) => {
      const changes = state.recompute(keys, options).map(({ key, after }) => ({
        key,
        desired: after === undefined ? undefined : state.ownedView(after),
      }));
      return (await proxier.apply(changes)).operations;
    };
    return { cluster, sync, programs };
  }

  it('is none when nothing changed', async () => {
    const { sync } = await fixture();
    expect(await sync('ns/plain', 'ns/gate', 'ns/sticky')).toBe(0);
  });

  it('replaces one element when one endpoint is replaced', async () => {
    const { cluster, sync } = await fixture();
    cluster.add(
      makeSlice('plain', [
        { ip: '10.180.0.1', node: NODE_NAME },
        { ip: '10.180.0.9', node: OTHER_NODE },
      ]),
    );
    expect(await sync('ns/plain')).toBe(2);
  });

  it('adds one element and moves the verdict when one endpoint joins', async () => {
    const { cluster, sync } = await fixture();
    const three = ['10.180.0.1', '10.180.0.2', '10.180.0.3'].map((ip) => ({ ip }));
    cluster.add(makeSlice('plain', [{ ...three[0]!, node: NODE_NAME }, three[1]!, three[2]!]));
    // The endpoint, the old and the new verdict, and the chain for three endpoints, which nobody needed before.
    expect(await sync('ns/plain')).toBe(4);
  });

  it('adds the same few elements for a new Service, however many there are', async () => {
    const { cluster, sync } = await fixture();
    cluster.add(
      makeService('new', '172.30.0.9'),
      makeSlice('new', [{ ip: '10.180.0.1' }, { ip: '10.180.0.2' }]),
    );
    // The cluster IP, its verdict, and two endpoints.
    expect(await sync('ns/new')).toBe(4);
  });

  it('touches only the lost endpoint’s objects and the list of an affine Service', async () => {
    const { cluster, sync, programs } = await fixture();
    cluster.add(makeSlice('sticky', [{ ip: '10.180.0.1', node: NODE_NAME }]));
    await sync('ns/sticky');
    expect(programs.scripts.at(-1)).not.toMatch(/flush set|delete set/);
    expect(programs.scripts.at(-1)!.match(/^flush chain/gm)).toHaveLength(2);
  });
});
