import { describe, expect, it } from 'vitest';
import { FakeClock } from '#base';
import type { Target } from '../state/desired.js';
import { targetKey } from '../state/desired.js';
import { type Algorithm, servicePorts } from '../state/service-port.js';
import { makeService } from '../testing/objects.js';
import { Balancer } from './balancer.js';

const NONE: ReadonlySet<string> = new Set();
const targets = (...ips: string[]): Target[] => ips.map((ip) => ({ ip, port: 80 }));
const ABC = targets('10.0.0.1', '10.0.0.2', '10.0.0.3');

function port(algorithm: Algorithm, affinitySeconds?: number) {
  const affinity = {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } },
  };
  const service = makeService('a', '172.30.0.1', affinitySeconds === undefined ? {} : affinity);
  return servicePorts(service, 'IPv4', algorithm)[0]!;
}

const CLIENTS = Array.from({ length: 200 }, (_, i) => `10.9.${i >> 4}.${i & 15}`);

describe('Balancer', () => {
  it('goes round strictly evenly, and on from where it was when endpoints change', () => {
    const balancer = new Balancer(new FakeClock());
    const next = (shares: Target[]) => balancer.choose(port('round-robin'), 'cluster', shares, 'c', NONE)!.ip;
    const counts = new Map<string, number>();
    for (let i = 0; i < 30; i++) {
      const ip = next(ABC);
      counts.set(ip, (counts.get(ip) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([10, 10, 10]);
    const first = next(ABC);
    expect(next(targets('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'))).not.toBe(first);
  });

  it('gives shares by weight, since an endpoint appears once per weight', () => {
    const balancer = new Balancer(new FakeClock());
    const shares = targets('10.0.0.1', '10.0.0.1', '10.0.0.2');
    const chosen = CLIENTS.slice(0, 90).map(
      (client) => balancer.choose(port('round-robin'), 'cluster', shares, client, NONE)!.ip,
    );
    expect(chosen.filter((ip) => ip === '10.0.0.1')).toHaveLength(60);
  });

  it('keeps each client at its endpoint by source hash, and moves only those whose endpoint left', () => {
    const balancer = new Balancer(new FakeClock());
    const at = (client: string, shares: Target[]) =>
      balancer.choose(port('source-hash'), 'cluster', shares, client, NONE)!.ip;
    const before = CLIENTS.map((client) => at(client, ABC));
    expect(CLIENTS.map((client) => at(client, ABC))).toEqual(before);
    expect(new Set(before).size).toBe(3);
    const after = CLIENTS.map((client) => at(client, ABC.slice(1)));
    for (const [i, ip] of before.entries()) if (ip !== '10.0.0.1') expect(after[i]).toBe(ip);
  });

  it('passes by endpoints that were tried, until none is left', () => {
    const balancer = new Balancer(new FakeClock());
    const tried = new Set(ABC.slice(0, 2).map(targetKey));
    expect(balancer.choose(port('random'), 'cluster', ABC, 'c', tried)).toEqual(ABC[2]);
    expect(balancer.choose(port('random'), 'cluster', ABC, 'c', new Set(ABC.map(targetKey)))).toBeUndefined();
  });

  it('pins a client until its timeout has passed without a connection', () => {
    const clock = new FakeClock();
    const balancer = new Balancer(clock);
    const next = () => balancer.choose(port('round-robin', 10), 'cluster', ABC, 'c', NONE)!.ip;
    const first = next();
    for (let i = 0; i < 5; i++) {
      clock.advance(9000);
      expect(next()).toBe(first);
    }
    clock.advance(10_000);
    expect(next()).not.toBe(first);
  });

  it('keeps pinned clients over changes of endpoints, and lets them go when theirs leaves or fails', () => {
    const balancer = new Balancer(new FakeClock());
    const next = (shares: Target[]) =>
      balancer.choose(port('round-robin', 10), 'cluster', shares, 'c', NONE)!.ip;
    const first = next(ABC);
    expect(next(targets('10.0.0.9', ...ABC.map(({ ip }) => ip)))).toBe(first);
    const without = ABC.filter(({ ip }) => ip !== first);
    const second = next(without);
    expect(second).not.toBe(first);
    expect(next(ABC)).toBe(second);
    balancer.forget('c');
    expect(new Set([next(ABC), next(ABC)]).size).toBe(1);
  });

  it('forgets clients whose time is over, so that memory does not grow with all that ever came', () => {
    const clock = new FakeClock();
    const balancer = new Balancer(clock);
    for (const client of CLIENTS) {
      balancer.choose(port('random', 1), 'cluster', ABC, client, NONE);
      clock.advance(100);
    }
    expect(balancer.clients).toBeLessThanOrEqual(11);
  });
});
