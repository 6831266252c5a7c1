import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { core } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { createTaintEvictionController } from '../taint-eviction/index.js';
import { Harness } from '../testing/harness.js';
import { node, pod } from '../testing/objects.js';
import { createNodeLifecycleController } from './index.js';

describe('node lifecycle and taint eviction', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(async () => {
    clock = new FakeClock();
    harness = new Harness(clock);
    harness.client.seed(Resources.nodes, node('n1'), node('n2'));
    await harness.start((deps) => createNodeLifecycleController({}, deps));
    await harness.start((deps) => createTaintEvictionController(deps));
    await harness.settle();
  });
  afterEach(() => harness.stop());

  const current = (name: string) =>
    harness.client.all(Resources.nodes).find((n) => n.metadata.name === name)!;
  const ready = (name: string) => current(name).status!.conditions!.find((c) => c.type === 'Ready')!;
  const taints = (name: string) =>
    (current(name).spec!.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  let renewals = 0;
  function renew(name: string): void {
    harness.client.seed(Resources.leases, {
      metadata: { name, namespace: 'kube-node-lease' },
      spec: {
        holderIdentity: name,
        renewTime: `2026-01-01T00:00:00.${String(renewals++).padStart(6, '0')}Z`,
      },
    });
  }
  async function pass(seconds: number, alive: string[]): Promise<void> {
    for (let left = seconds; left > 0; left -= 10) {
      clock.advance(Math.min(10, left) * 1000);
      for (const name of alive) renew(name);
      await harness.settle();
    }
  }

  it('marks a silent node Unknown after the grace period, taints it and makes its Pods unready', async () => {
    const tolerations = [{ operator: 'Exists' }];
    harness.client.seed(Resources.pods, pod('p', { nodeName: 'n2', ip: '10.0.0.1', spec: { tolerations } }));
    await pass(30, ['n1', 'n2']);
    await pass(39, ['n1']);
    expect(ready('n2').status).toBe('True');
    await pass(10, ['n1']);
    expect(ready('n2')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
    expect(ready('n1').status).toBe('True');
    expect(taints('n1')).toEqual([]);
    expect(taints('n2').sort()).toEqual([
      'node.kubernetes.io/unreachable:NoExecute',
      'node.kubernetes.io/unreachable:NoSchedule',
    ]);
    expect(harness.client.all(Resources.pods)[0]!.status!.conditions).toMatchObject([
      { type: 'Ready', status: 'False' },
    ]);
    expect(harness.events.map((e) => `${e.object} ${e.reason}`)).toEqual([
      'n2 NodeNotReady',
      'p NodeNotReady',
    ]);
  });

  it('evicts Pods at once, after their tolerationSeconds, or never', async () => {
    const unreachable = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' };
    const seconds = (tolerationSeconds?: number) => ({
      tolerations: [{ ...unreachable, ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }) }],
    });
    harness.client.seed(
      Resources.pods,
      pod('none', { nodeName: 'n2' }),
      pod('a-while', { nodeName: 'n2', spec: seconds(60) }),
      pod('forever', { nodeName: 'n2', spec: seconds() }),
      pod('elsewhere', { nodeName: 'n1' }),
    );
    const left = () => harness.client.all(Resources.pods).map((p) => p.metadata.name);
    await pass(50, ['n1']);
    expect(left()).toEqual(['a-while', 'forever', 'elsewhere']);
    await pass(40, ['n1']);
    expect(left()).toEqual(['a-while', 'forever', 'elsewhere']);
    await pass(20, ['n1']);
    expect(left()).toEqual(['forever', 'elsewhere']);
  });

  it('reports the health of zones and its evictions under upstream’s metric names', async () => {
    await pass(50, ['n1', 'n2']);
    await pass(60, ['n1']);
    const { body } = await harness.deps.metrics.scrape();
    const lines = body.split('\n');
    expect(lines).toContain('node_collector_zone_size{zone=""} 2');
    expect(lines).toContain('node_collector_zone_health{zone=""} 50');
    expect(lines).toContain('node_collector_unhealthy_nodes_in_zone{zone=""} 1');
    expect(lines).toContain('node_collector_evictions_total{zone=""} 1');
  });

  it('evicts nothing while every node is silent', async () => {
    harness.client.seed(Resources.pods, pod('p', { nodeName: 'n2' }));
    await pass(120, []);
    expect(taints('n1')).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
    expect(taints('n2')).toEqual(['node.kubernetes.io/unreachable:NoSchedule']);
    expect(harness.client.all(Resources.pods)).toHaveLength(1);
  });

  it('removes its taints when the node comes back, and leaves those of others', async () => {
    const own: core.Taint = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
    harness.client.seed(Resources.nodes, { ...current('n2'), spec: { taints: [own] } });
    await pass(50, ['n1']);
    expect(taints('n2')).toHaveLength(3);
    const back = current('n2');
    harness.client.seed(Resources.nodes, {
      ...back,
      status: { ...back.status, conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: 'later' }] },
    });
    await pass(10, ['n1', 'n2']);
    expect(taints('n2')).toEqual(['dedicated:NoSchedule']);
  });

  it.each([
    ['MemoryPressure', 'node.kubernetes.io/memory-pressure:NoSchedule'],
    ['DiskPressure', 'node.kubernetes.io/disk-pressure:NoSchedule'],
    ['PIDPressure', 'node.kubernetes.io/pid-pressure:NoSchedule'],
    ['NetworkUnavailable', 'node.kubernetes.io/network-unavailable:NoSchedule'],
  ])('keeps new Pods away while %s holds', async (type, taint) => {
    const n1 = current('n1');
    const conditions = [...n1.status!.conditions!, { type, status: 'True' }];
    harness.client.seed(Resources.nodes, { ...n1, status: { ...n1.status, conditions } });
    await harness.settle();
    expect(taints('n1')).toEqual([taint]);
  });

  it('keeps new Pods away from a cordoned node', async () => {
    harness.client.seed(Resources.nodes, { ...current('n1'), spec: { unschedulable: true } });
    await harness.settle();
    expect(taints('n1')).toEqual(['node.kubernetes.io/unschedulable:NoSchedule']);
  });
});
