import { expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf } from '../testing/flows.js';
import { makeService, makeSlice, NODE_NAME } from '../testing/objects.js';
import type { DesiredState } from './desired-state.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};
const spec = { externalIPs: ['192.168.99.11'] };
const owners = (state: DesiredState) =>
  [...state.owned()]
    .filter((s) => s.ports.some(({ port }) => port.externalIPs.length > 0))
    .map(({ key }) => key);

it('gives a contested destination to the Service whose key sorts first, in any order of arrival', async () => {
  for (const names of [
    ['a', 'b'],
    ['b', 'a'],
  ]) {
    const cluster = new TestCluster();
    const state = await desiredOf(cluster);
    for (const name of names) {
      cluster.add(
        makeService(name, `172.30.0.${name === 'a' ? 1 : 2}`, spec),
        makeSlice(name, [{ ip: '10.0.0.1' }]),
      );
      state.recompute([`ns/${name}`], options);
    }
    expect(owners(state)).toEqual(['ns/a']);
  }
});

it('is settled for a Service by the time that Service is taken from a computation of all', async () => {
  const cluster = new TestCluster();
  const all = ['d', 'b', 'c', 'a'].map((name, i) => makeService(name, `172.30.0.${i}`, spec));
  const { services } = cluster.add(...all);
  const state = await desiredOf(cluster);
  const taken = () => [...state.recomputeAll(options)];
  expect(taken()).toEqual([...state.owned()]);
  services.delete('ns/a');
  services.set('ns/b', makeService('b', '172.30.0.9'));
  expect(taken()).toEqual([...state.owned()]);
  expect(owners(state)).toEqual(['ns/c']);
  services.set('ns/a', all[3]!);
  expect(new Set(taken())).toEqual(new Set(state.owned()));
  expect(owners(state)).toEqual(['ns/a']);
});

it('hands the destination on when its owner lets go, and recomputes the heir', async () => {
  const cluster = new TestCluster().add(
    makeService('a', '172.30.0.1', spec),
    makeService('b', '172.30.0.2', spec),
  );
  const state = await desiredOf(cluster);
  cluster.services.delete('ns/a');
  const touched = state.recompute(['ns/a'], options).map(({ key }) => key);
  expect(touched.sort()).toEqual(['ns/a', 'ns/b']);
  expect(owners(state)).toEqual(['ns/b']);
});
