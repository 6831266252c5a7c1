import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core, KubeObject } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { createGarbageCollector } from './index.js';

describe('garbage collector', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());
  const run = () => harness.start((deps) => createGarbageCollector({}, deps));
  const names = (resource: (typeof Resources)['configMaps' | 'secrets']) =>
    harness.client.all<KubeObject>(resource as never).map((o) => o.metadata.name);

  function map(name: string, owners: string[] = [], block = false): core.ConfigMap {
    return {
      metadata: {
        name,
        namespace: 'default',
        uid: `uid-${name}`,
        ownerReferences: owners.map((owner) => ({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          name: owner,
          uid: `uid-${owner}`,
          ...(block ? { blockOwnerDeletion: true } : {}),
        })),
      },
    };
  }
  function markDeleted(name: string, finalizer: string): void {
    const object = harness.client.all(Resources.configMaps).find((o) => o.metadata.name === name)!;
    object.metadata.finalizers = [finalizer];
    object.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    harness.client.seed(Resources.configMaps, object);
  }

  it('deletes whole chains when their root has gone, also when it went unwatched', async () => {
    harness.client.seed(
      Resources.configMaps,
      map('child', ['gone']),
      map('grandchild', ['child']),
      map('free'),
    );
    await run();
    await expect.poll(() => names(Resources.configMaps)).toEqual(['free']);
  });

  it('deletes dependents after their owner is deleted in the background', async () => {
    harness.client.seed(Resources.configMaps, map('owner'), map('a', ['owner']), map('b', ['owner']));
    await run();
    harness.client.remove(Resources.configMaps, 'owner', 'default');
    await expect.poll(() => names(Resources.configMaps)).toEqual([]);
  });

  it('keeps an object while one owner is left, and drops the reference to the lost one', async () => {
    harness.client.seed(Resources.configMaps, map('stays'), map('child', ['stays', 'gone']));
    await run();
    await expect
      .poll(
        () =>
          harness.client.all(Resources.configMaps).find((o) => o.metadata.name === 'child')?.metadata
            .ownerReferences,
      )
      .toMatchObject([{ uid: 'uid-stays' }]);
    expect(names(Resources.configMaps)).toEqual(['stays', 'child']);
  });

  it('takes an owner with the same name and another UID for a stranger', async () => {
    const namesake = map('owner');
    namesake.metadata.uid = 'another';
    harness.client.seed(Resources.configMaps, namesake, map('child', ['owner']));
    await run();
    await expect.poll(() => names(Resources.configMaps)).toEqual(['owner']);
  });

  it('deletes blocking dependents before an owner that is deleted in the foreground', async () => {
    harness.client.seed(Resources.configMaps, map('owner'), map('child', ['owner'], true));
    harness.client.seed(Resources.configMaps, map('grandchild', ['child'], true));
    await run();
    markDeleted('owner', 'foregroundDeletion');
    await expect
      .poll(() => harness.client.actions.filter((a) => a.verb === 'delete').map((a) => a.name))
      .toContain('child');
    // The fake does not add the finalizer that a foreground deletion of `child` would get; grandchild follows.
    await expect.poll(() => names(Resources.configMaps)).not.toContain('child');
    await expect
      .poll(
        () =>
          harness.client.all(Resources.configMaps).find((o) => o.metadata.name === 'owner')?.metadata
            .finalizers ?? [],
      )
      .toEqual([]);
  });

  it('cuts the ties when an owner is deleted as orphan', async () => {
    harness.client.seed(Resources.configMaps, map('owner'), map('child', ['owner'], true));
    await run();
    markDeleted('owner', 'orphan');
    await expect
      .poll(
        () =>
          harness.client.all(Resources.configMaps).find((o) => o.metadata.name === 'child')?.metadata
            .ownerReferences,
      )
      .toEqual([]);
    await expect
      .poll(
        () =>
          harness.client.all(Resources.configMaps).find((o) => o.metadata.name === 'owner')?.metadata
            .finalizers ?? [],
      )
      .toEqual([]);
    expect(names(Resources.configMaps)).toContain('child');
  });

  it('asks the API about nothing when every owner is in place', async () => {
    harness.client.seed(Resources.configMaps, map('a', ['z']), map('z'));
    let reads = 0;
    harness.client.fail = ({ verb }) => {
      if (verb === 'get') reads++;
      return undefined;
    };
    await run();
    await harness.settle();
    expect(reads).toBe(0);
    expect(harness.client.actions).toEqual([]);
  });
});
