import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMetrics, silentLogger } from '#base';
import { Resources } from '#client';
import { FakeClient } from '#client/testing';
import { type ControllerManager, createControllerManager } from './controller-manager.js';
import { CONTROLLERS, selectControllers } from './registry.js';

describe('selectControllers', () => {
  const all = Object.keys(CONTROLLERS);
  it.each([
    [undefined, all],
    [['*'], all],
    [['*', '-deployment-controller'], all.filter((name) => name !== 'deployment-controller')],
    [
      ['replicaset-controller', 'endpoints-controller'],
      ['endpoints-controller', 'replicaset-controller'],
    ],
    [['*', '-endpointslice'], all.filter((name) => name !== 'endpointslice-controller')],
    [['-deployment-controller'], []],
  ])('selects from %j', (selection, expected) => {
    expect(selectControllers(selection)).toEqual(expected);
  });

  it('refuses a name that does not exist', () => {
    expect(() => selectControllers(['*', '-nonsense'])).toThrow(/"nonsense" is not in the list/);
  });
});

describe('controller manager', () => {
  let client: FakeClient;
  let running: ControllerManager[];
  beforeEach(() => {
    client = new FakeClient();
    running = [];
  });
  afterEach(async () => {
    for (const manager of running) await manager.stop();
  });
  async function run(identity?: string): Promise<ControllerManager> {
    const timing = { leaseDurationMs: 400, renewDeadlineMs: 300, retryPeriodMs: 20 };
    const manager = createControllerManager(
      {
        controllers: ['serviceaccount-controller', 'root-ca-certificate-publisher-controller'],
        rootCa: 'PEM',
        ...(identity === undefined ? {} : { leaderElection: { identity, ...timing } }),
      },
      { client, logger: silentLogger, metrics: createMetrics() },
    );
    running.push(manager);
    await manager.start();
    return manager;
  }

  it('prepares every live namespace, and none that is being deleted', async () => {
    client.seed(
      Resources.namespaces,
      { metadata: { name: 'a' }, status: { phase: 'Active' } },
      {
        metadata: { name: 'gone', deletionTimestamp: 'x', finalizers: ['x'] },
        status: { phase: 'Terminating' },
      },
    );
    await run();
    await expect
      .poll(() => client.all(Resources.serviceAccounts).map((o) => o.metadata.namespace))
      .toEqual(['a']);
    await expect
      .poll(() => client.all(Resources.configMaps).map((o) => o.data))
      .toEqual([{ 'ca.crt': 'PEM' }]);
    client.remove(Resources.serviceAccounts, 'default', 'a');
    await expect.poll(() => client.all(Resources.serviceAccounts)).toHaveLength(1);
  });

  it('lets one of two candidates work, and the other take over when the first ends', async () => {
    const first = await run('first');
    await expect.poll(() => first.leading).toBe(true);
    const second = await run('second');
    client.seed(Resources.namespaces, { metadata: { name: 'a' } });
    await expect.poll(() => client.all(Resources.serviceAccounts)).toHaveLength(1);
    expect(second.leading).toBe(false);
    await first.stop();
    client.seed(Resources.namespaces, { metadata: { name: 'b' } });
    await expect.poll(() => client.all(Resources.serviceAccounts), { timeout: 5000 }).toHaveLength(2);
    expect(second.leading).toBe(true);
  });
});
