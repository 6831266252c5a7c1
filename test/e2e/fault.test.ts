import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostSnapshot } from '../support/root-namespace.js';
import { kubesvc, processesWith } from './harness.js';
import { service, webPod } from './manifests.js';
import { useCluster, useSpace } from './space.js';

const TIMEOUT = { timeout: 90_000, interval: 500 };

interface State {
  nodes: { name: string; pid: number }[];
}

describe('a cluster whose parts die', () => {
  const before = hostSnapshot();
  const cluster = useCluster();
  const newSpace = useSpace(cluster);
  const agentPid = (name: string) => {
    const state = JSON.parse(readFileSync(join(cluster().dataDir, 'run/up.json'), 'utf8')) as State;
    return state.nodes.find((n) => n.name === name)?.pid ?? 0;
  };
  const onNode = (node: string, ...command: string[]) =>
    kubesvc(['shell', node, '--data-dir', cluster().dataDir, '--', ...command]);

  it('starts a killed node agent again, and its Pods serve anew', async () => {
    const s = await newSpace();
    await s.apply(
      webPod('near', { app: 'web' }, { nodeName: 'node-1' }),
      webPod('far', { app: 'web' }, { nodeName: 'node-2' }),
      service('web'),
    );
    await s.ready('pod --all');
    const ip = await s.field('service web', '{.spec.clusterIP}');
    const ask = async (node: string) =>
      (await onNode(node, 'curl', '-sS', '--max-time', '5', `http://${ip}/`)).stdout;
    await expect.poll(() => ask('node-1'), TIMEOUT).toMatch(/^(near|far) /);

    const old = agentPid('node-2');
    expect(old).toBeGreaterThan(0);
    // Process ids of agents count inside the cluster: any node can see and kill them.
    expect((await onNode('node-1', 'kill', '-9', String(old))).code).toBe(0);
    await expect.poll(() => agentPid('node-2'), TIMEOUT).not.toBe(old);
    await expect
      .poll(() => s.field('pod far', '{.status.containerStatuses[0].restartCount}'), TIMEOUT)
      .toBe('1');
    await s.ready('pod/far');
    await expect.poll(() => ask('node-2'), TIMEOUT).toMatch(/^(near|far) /);
    // The Pod that came back takes part again, seen from the other node.
    const answers = new Set<string>();
    await expect
      .poll(async () => answers.add((await ask('node-1')).split(' ')[0]!).has('far'), TIMEOUT)
      .toBe(true);
    expect(await s.ok(['logs', 'far', '--tail=1'])).toBeDefined();
    expect(readFileSync(join(cluster().dataDir, 'logs/control-plane.log'), 'utf8')).toContain(
      'a node agent ended; starting it again',
    );
  });

  it('starts one that is killed again and again', async () => {
    for (let round = 0; round < 3; round++) {
      const old = agentPid('node-1');
      await onNode('node-2', 'kill', '-9', String(old));
      await expect.poll(() => agentPid('node-1'), TIMEOUT).not.toBe(old);
    }
    await cluster().ok(['wait', '--for=condition=Ready', 'node/node-1', '--timeout=60s']);
    expect((await onNode('node-1', 'hostname')).stdout).toBe('node-1\n');
  });

  it('ends with a reason when the namespaces themselves are killed, and leaves nothing', async () => {
    const state = JSON.parse(readFileSync(join(cluster().dataDir, 'run/up.json'), 'utf8'));
    process.kill(state.initPid, 'SIGKILL');
    expect(await cluster().exited).toBe(1);
    expect(cluster().output).toContain('the cluster namespaces ended');
    await expect.poll(() => processesWith(cluster().dataDir), TIMEOUT).toEqual([]);
    expect(hostSnapshot()).toEqual(before);
  });
});
