import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type core, Errors } from '#api';
import { FakeClock, silentLogger } from '#base';
import { Resources } from '#client';
import { FakeClient } from '#client/testing';
import { StatusWriter } from './status-writer.js';

let client: FakeClient;
let clock: FakeClock;
let writer: StatusWriter;
let pod: core.Pod;
beforeEach(() => {
  client = new FakeClient();
  clock = new FakeClock();
  [pod] = client.seed(Resources.pods, {
    metadata: { name: 'web', namespace: 'default', uid: 'u1' },
    spec: { containers: [] },
    status: { phase: 'Pending' },
  }) as [core.Pod];
  const seeded = pod;
  writer = new StatusWriter({ client, clock, logger: silentLogger, cached: () => seeded });
});

const phase = (value: string) => () => ({ phase: value });
const stored = () => client.all(Resources.pods)[0]?.status;
const writes = () => client.actions.filter((action) => action.subresource === 'status').length;

describe('status writer', () => {
  it('writes at once, and nothing when nothing differs', async () => {
    writer.set(pod, phase('Running'));
    await writer.flushed('u1');
    expect(stored()).toEqual({ phase: 'Running' });
    writer.set(pod, () => ({ phase: 'Running', conditions: [] }));
    await writer.flushed('u1');
    expect(writes()).toBe(1);
  });

  it('writes only the newest of what came while it was busy', async () => {
    writer.set(pod, phase('Running'));
    writer.set(pod, phase('Failed'));
    writer.set(pod, phase('Succeeded'));
    await writer.flushed('u1');
    expect(stored()).toEqual({ phase: 'Succeeded' });
    expect(writes()).toBeLessThanOrEqual(2);
  });

  it('waits when asked to, unless something urgent comes', async () => {
    writer.set(pod, phase('Pending2'), 100);
    clock.advance(99);
    expect(writes()).toBe(0);
    writer.set(pod, phase('Running'));
    await writer.flushed('u1');
    expect([writes(), stored()]).toEqual([1, { phase: 'Running' }]);
    expect(clock.pending).toBe(0);
  });

  it('reads again after a conflict and keeps what others wrote', async () => {
    await client.resource(Resources.pods).update({
      ...client.all(Resources.pods)[0]!,
      metadata: { ...client.all(Resources.pods)[0]!.metadata, labels: { by: 'others' } },
    });
    writer.set(pod, phase('Running'));
    await writer.flushed('u1');
    expect(client.all(Resources.pods)[0]).toMatchObject({
      metadata: { labels: { by: 'others' } },
      status: { phase: 'Running' },
    });
  });

  it('tries again later when the API is away', async () => {
    let isDown = true;
    client.fail = () => (isDown ? Errors.serviceUnavailable('down') : undefined);
    writer.set(pod, phase('Running'));
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    expect(stored()).toEqual({ phase: 'Pending' });
    isDown = false;
    clock.advance(20);
    await vi.waitFor(() => expect(stored()).toEqual({ phase: 'Running' }));
  });

  it('leaves another pod of the same name alone', async () => {
    client.remove(Resources.pods, 'web', 'default');
    client.seed(Resources.pods, {
      ...pod,
      metadata: { ...pod.metadata, uid: 'u2', resourceVersion: '99999' },
    });
    writer.set(pod, phase('Running'));
    await writer.flushed('u1');
    expect(stored()).toEqual({ phase: 'Pending' });
  });

  it('gives up on a pod that is gone', async () => {
    client.remove(Resources.pods, 'web', 'default');
    writer.set(pod, phase('Running'));
    await writer.flushed('u1');
    await writer.stop();
    expect(clock.pending).toBe(0);
  });
});
