import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { networking } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createServiceCidrController, mayBeDeleted } from './index.js';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
function cidr(name: string, ...cidrs: string[]): networking.ServiceCIDR {
  return { metadata: { name }, spec: { cidrs } };
}

describe('mayBeDeleted', () => {
  const a = cidr('a', '10.0.0.0/24');
  it.each<[string, networking.ServiceCIDR[], string[], boolean]>([
    ['no addresses', [a], [], true],
    ['an address in it', [a], ['10.0.0.5'], false],
    ['an address elsewhere', [a], ['10.1.0.5', 'fd00::1'], true],
    ['an address that a wider CIDR has too', [a, cidr('b', '10.0.0.0/16')], ['10.0.0.5'], true],
    [
      'a wider CIDR that is being deleted as well',
      [a, { ...cidr('b', '10.0.0.0/16'), metadata: { name: 'b', deletionTimestamp: 'x' } }],
      ['10.0.0.5'],
      false,
    ],
  ])('with %s', (_, all, addresses, expected) => {
    expect(mayBeDeleted(a, all, addresses)).toBe(expected);
  });
});

describe('service-cidr controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    clock = new FakeClock();
    harness = new Harness(clock);
    await harness.start((deps) => createServiceCidrController({}, deps));
  });
  afterEach(() => harness.stop());
  const current = () => harness.client.all(Resources.serviceCIDRs)[0];

  it('protects and announces a new ServiceCIDR', async () => {
    harness.client.seed(Resources.serviceCIDRs, cidr('extra', '10.0.0.0/24'));
    await harness.settle();
    expect(current()!.metadata.finalizers).toEqual([FINALIZER]);
    expect(current()!.status!.conditions).toMatchObject([
      { type: 'Ready', status: 'True', message: 'Kubernetes Service CIDR is ready' },
    ]);
  });

  it('keeps a deleted one while addresses of it exist, and lets it go a grace period after', async () => {
    harness.client.seed(Resources.ipAddresses, {
      metadata: { name: '10.0.0.7' },
      spec: { parentRef: { resource: 'services', name: 's' } },
    } as networking.IPAddress);
    const deleted = cidr('extra', '10.0.0.0/24');
    deleted.metadata.finalizers = [FINALIZER];
    deleted.metadata.deletionTimestamp = new Date(clock.now()).toISOString();
    harness.client.seed(Resources.serviceCIDRs, deleted);
    await harness.settle();
    expect(current()!.status!.conditions).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'Terminating' },
    ]);
    harness.client.remove(Resources.ipAddresses, '10.0.0.7');
    await harness.settle();
    expect(current()!.metadata.finalizers).toEqual([FINALIZER]);
    clock.advance(10_000);
    await harness.settle();
    expect(current()?.metadata.finalizers ?? []).toEqual([]);
  });
});
