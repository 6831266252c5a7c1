import { describe, expect, it } from 'vitest';
import { kubesvc } from './harness.js';
import { IDLE, pod, service, webPod } from './manifests.js';
import { useCluster, useSpace } from './space.js';

const CURL = 'curl -sS --max-time 10';

describe('a cluster whose proxies relay by themselves', () => {
  const cluster = useCluster(['--proxy-mode', 'userspace']);
  const newSpace = useSpace(cluster);

  it('serves names, cluster IPs and NodePorts without any rule in the nodes’ kernels', async () => {
    const s = await newSpace();
    await s.apply(
      pod('client', IDLE, { spec: { nodeName: 'node-1' } }),
      webPod('web-1', { app: 'web' }),
      webPod('web-2', { app: 'web' }),
      service('web', { type: 'NodePort' }),
    );
    await s.ready('pod --all');
    const repeated = (url: string) => `for i in $(seq 30); do ${CURL} ${url}; done`;
    const names = (text: string) =>
      new Set(
        text
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[0]),
      );
    const both = new Set(['web-1', 'web-2']);
    await expect
      .poll(
        async () => (await s.kubectl(['exec', 'client', '--', ...CURL.split(' '), 'http://web/'])).stdout,
        {
          timeout: 30_000,
        },
      )
      .toMatch(/^web-/);
    expect(names(await s.exec('client', 'sh', '-c', repeated('http://web/')))).toEqual(both);
    const onNode = (command: string) =>
      kubesvc(['shell', 'node-1', '--data-dir', cluster().dataDir, '--', 'sh', '-c', command]);
    const port = await s.field('service web', '{.spec.ports[0].nodePort}');
    expect(names((await onNode(repeated(`http://127.0.0.1:${port}/`))).stdout)).toEqual(both);
    expect((await onNode('nft list ruleset; ip route show table local proto 107')).stdout).toMatch(
      /^local 10\.96\.0\.0\/16 dev lo .*src \S+/,
    );
  });
});
