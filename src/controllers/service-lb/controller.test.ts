import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { service } from '../testing/objects.js';
import { createServiceLoadBalancerController } from './index.js';

const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const balancer = (name: string, spec: core.ServiceSpec = {}): core.Service =>
  service(name, { spec: { type: 'LoadBalancer', ...spec } });

describe('service load balancer controller', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());

  async function run(...cidrs: string[]): Promise<void> {
    await harness.start((deps) => createServiceLoadBalancerController({ cidrs }, deps));
    await harness.settle();
  }
  const get = (name: string) =>
    harness.client.all(Resources.services).find((each) => each.metadata.name === name)!;
  const addresses = (name: string) =>
    (get(name).status?.loadBalancer?.ingress ?? []).map(({ ip, ipMode }) => `${ip} ${ipMode}`);
  async function change(name: string, spec: core.ServiceSpec): Promise<void> {
    const old = get(name);
    harness.client.seed(Resources.services, { ...old, spec: { ...old.spec, ...spec } });
    await harness.settle();
  }

  it('gives each Service an address of its own, with finalizer and Events, and others none', async () => {
    const foreign = balancer('c', { loadBalancerClass: 'example.com/lb' });
    harness.client.seed(Resources.services, balancer('a'), balancer('b'), foreign, service('d'));
    await run('192.0.2.0/29');
    expect(['a', 'b', 'c', 'd'].map(addresses)).toEqual([['192.0.2.1 VIP'], ['192.0.2.2 VIP'], [], []]);
    expect(get('a').metadata.finalizers).toEqual([FINALIZER]);
    expect(harness.events.map((event) => `${event.object} ${event.reason}`).slice(0, 2)).toEqual([
      'a EnsuringLoadBalancer',
      'a EnsuredLoadBalancer',
    ]);
  });

  it('gives an address per family', async () => {
    const dual = balancer('a', { ipFamilies: ['IPv6', 'IPv4'] });
    harness.client.seed(Resources.services, dual);
    await run('192.0.2.0/29', '2001:db8::/64');
    expect(addresses('a')).toEqual(['2001:db8::1 VIP', '192.0.2.1 VIP']);
  });

  it('takes back what a Service leaves, and gives it to one that waits', async () => {
    harness.client.seed(Resources.services, balancer('a'), balancer('b'));
    await run('192.0.2.0/30');
    harness.client.seed(Resources.services, balancer('late'));
    await harness.settle();
    expect(addresses('late')).toEqual([]);
    expect(harness.events.at(-1)).toMatchObject({ object: 'late', reason: 'SyncLoadBalancerFailed' });
    await change('a', { type: 'ClusterIP' });
    expect([addresses('a'), get('a').metadata.finalizers ?? []]).toEqual([[], []]);
    expect(addresses('late')).toEqual(['192.0.2.1 VIP']);
  });

  it('lets a deleted Service go', async () => {
    harness.client.seed(Resources.services, balancer('a'));
    await run('192.0.2.0/29');
    await harness.client.resource(Resources.services).delete('a', 'default');
    await harness.settle();
    // The server removes it when the last finalizer is gone.
    expect(get('a').metadata.finalizers).toBeUndefined();
  });

  it('keeps addresses over a restart, and writes nothing then', async () => {
    const held = { loadBalancer: { ingress: [{ ip: '192.0.2.5', ipMode: 'VIP' }] } };
    const old = balancer('z');
    old.metadata.finalizers = [FINALIZER];
    harness.client.seed(Resources.services, { ...old, status: held });
    await run('192.0.2.0/29');
    expect(harness.client.actions).toEqual([]);
    expect(addresses('z')).toEqual(['192.0.2.5 VIP']);
  });

  it('gives the address that a Service asks for, if it is free', async () => {
    harness.client.seed(Resources.services, balancer('a', { loadBalancerIP: '192.0.2.6' }));
    await run('192.0.2.0/29');
    harness.client.seed(Resources.services, balancer('b', { loadBalancerIP: '192.0.2.6' }));
    await harness.settle();
    expect([addresses('a'), addresses('b')]).toEqual([['192.0.2.6 VIP'], ['192.0.2.1 VIP']]);
  });

  it('corrects two Services with one address, and addresses outside its pool', async () => {
    const holding = (name: string, ip: string) => {
      const made = balancer(name);
      made.metadata.finalizers = [FINALIZER];
      return { ...made, status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } } };
    };
    const ips = { a: '192.0.2.1', b: '192.0.2.1', c: '203.0.113.1', d: '192.0.2.0' };
    for (const [name, ip] of Object.entries(ips)) harness.client.seed(Resources.services, holding(name, ip));
    await run('192.0.2.0/29');
    const all = Object.keys(ips).flatMap(addresses);
    expect(addresses('a')).toEqual(['192.0.2.1 VIP']);
    expect(new Set(all).size).toBe(4);
    expect(all.every((text) => /^192\.0\.2\.[1-6] /.test(text))).toBe(true);
  });
});
