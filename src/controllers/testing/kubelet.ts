import type { core } from '#api';
import { Resources } from '#client';
import type { FakeClient } from '#client/testing';
import { nodeOf } from '../daemon-set/nodes.js';

/**
 * Makes Pods run and become ready as soon as they exist (on the node they are pinned to, else on `n1`); `readyImages` limits which become
 * ready. Returns what ends it.
 */
export function simulateKubelet(client: FakeClient, options: { readyImages?: string[] } = {}): () => void {
  let address = 1;
  return client.listen(Resources.pods, (event) => {
    if (event.type !== 'ADDED') return;
    const pod = event.object as core.Pod;
    setImmediate(() => {
      const current = client.all(Resources.pods).find((p) => p.metadata.uid === pod.metadata.uid);
      if (current === undefined || current.status?.phase !== undefined) return;
      const image = current.spec!.containers[0]!.image!;
      const ready = options.readyImages === undefined || options.readyImages.includes(image);
      address += 1;
      const ip = `10.244.${address >> 8}.${address & 255}`;
      client.seed(Resources.pods, {
        ...current,
        spec: { ...current.spec!, nodeName: nodeOf(current) || 'n1' },
        status: {
          phase: 'Running',
          podIP: ip,
          podIPs: [{ ip }],
          conditions: [
            { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: new Date().toISOString() },
          ],
        },
      });
    });
  });
}
