import { describe, expect, it } from 'vitest';
import { Errors } from '#api';
import { silentLogger } from '#base';
import { lead } from './leader-election.js';
import { Resources } from './resources.js';
import { FakeClient } from './testing/fake-client.js';

function candidate(client: FakeClient, identity: string) {
  const stop = new AbortController();
  const events: string[] = [];
  const ended = lead(
    {
      client,
      name: 'lease',
      namespace: 'kube-system',
      identity,
      logger: silentLogger,
      leaseDurationMs: 300,
      renewDeadlineMs: 100,
      retryPeriodMs: 20,
    },
    async (term) => {
      events.push('leads');
      await new Promise<void>((resolve) => term.addEventListener('abort', () => resolve(), { once: true }));
      events.push('stops');
    },
    stop.signal,
  );
  return { stop, events, ended };
}

describe('leader election', () => {
  it('lets one candidate lead, and the next as soon as the first gives up', async () => {
    const client = new FakeClient();
    const a = candidate(client, 'a');
    await expect.poll(() => a.events).toEqual(['leads']);
    const b = candidate(client, 'b');
    a.stop.abort();
    await a.ended;
    expect(a.events).toEqual(['leads', 'stops']);
    await expect.poll(() => b.events, { timeout: 10_000 }).toEqual(['leads']);
    const [lease] = client.all(Resources.leases);
    expect(lease!.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    b.stop.abort();
    await b.ended;
    expect(client.all(Resources.leases)[0]!.spec!.holderIdentity).toBe('');
  });

  it('stops leading when the lease cannot be renewed in time', async () => {
    const client = new FakeClient();
    const a = candidate(client, 'a');
    await expect.poll(() => a.events).toEqual(['leads']);
    client.fail = () => Errors.serviceUnavailable('away');
    await a.ended;
    expect(a.events).toEqual(['leads', 'stops']);
  });

  it('takes over a lease whose holder has gone silent, not before its duration', async () => {
    const client = new FakeClient();
    client.seed(Resources.leases, {
      metadata: { name: 'lease', namespace: 'kube-system' },
      spec: { holderIdentity: 'dead', leaseDurationSeconds: 1, leaseTransitions: 3 },
    });
    const before = performance.now();
    const a = candidate(client, 'a');
    await expect.poll(() => a.events, { timeout: 10_000 }).toEqual(['leads']);
    expect(performance.now() - before).toBeGreaterThanOrEqual(1000);
    expect(client.all(Resources.leases)[0]!.spec!.leaseTransitions).toBe(4);
    a.stop.abort();
    await a.ended;
  });
});
