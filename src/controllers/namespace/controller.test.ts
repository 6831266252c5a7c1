import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { pod } from '../testing/objects.js';
import { createNamespaceController } from './index.js';

const terminating: core.Namespace = {
  metadata: { name: 'doomed', deletionTimestamp: '2026-01-01T00:00:00Z' },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Terminating' },
};

describe('namespace controller', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());
  const run = () => harness.start((deps) => createNamespaceController({}, deps));
  const current = () => harness.client.all(Resources.namespaces).find((n) => n.metadata.name === 'doomed')!;

  it('deletes everything in it, nothing elsewhere, and then releases the namespace', async () => {
    harness.client.seed(Resources.namespaces, terminating);
    harness.client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'doomed' } });
    harness.client.seed(Resources.secrets, { metadata: { name: 'b', namespace: 'doomed' } });
    harness.client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'other' } });
    await run();
    await expect.poll(() => current().spec?.finalizers).toEqual([]);
    expect(harness.client.all(Resources.configMaps).map((o) => o.metadata.namespace)).toEqual(['other']);
    expect(harness.client.all(Resources.secrets)).toEqual([]);
    const last = harness.client.actions.at(-1)!;
    expect(last).toMatchObject({ verb: 'update', subresource: 'finalize' });
  });

  it('deletes Pods before all else and says what remains while they are still there', async () => {
    harness.client.seed(Resources.namespaces, terminating);
    harness.client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'doomed' } });
    const lingering = pod('p', { namespace: 'doomed' });
    lingering.metadata.finalizers = ['example.com/wait'];
    harness.client.seed(Resources.pods, lingering);
    await run();
    const condition = (type: string) => current().status?.conditions?.find((c) => c.type === type);
    await expect
      .poll(() => condition('NamespaceContentRemaining'))
      .toMatchObject({
        status: 'True',
        reason: 'SomeResourcesRemain',
        message: 'Some resources are remaining: pods. has 1 resource instances',
      });
    expect(condition('NamespaceFinalizersRemaining')?.message).toBe(
      'Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances',
    );
    expect(harness.client.all(Resources.configMaps)).toHaveLength(1);
    harness.client.remove(Resources.pods, 'p', 'doomed');
    await expect.poll(() => current().spec?.finalizers).toEqual([]);
    expect(harness.client.all(Resources.configMaps)).toEqual([]);
  });

  it('leaves a live namespace alone', async () => {
    harness.client.seed(Resources.namespaces, {
      metadata: { name: 'live' },
      spec: { finalizers: ['kubernetes'] },
    });
    harness.client.seed(Resources.configMaps, { metadata: { name: 'a', namespace: 'live' } });
    await run();
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });
});
