import type { core } from '#api';
import { type Client, Resources } from '#client';

/** Tells in the Pod's status why it is about to be deleted from outside (KEP-3329). Phase `Failed` on demand. */
export async function markDisrupted(
  client: Client,
  pod: core.Pod,
  condition: { reason: string; message: string; lastTransitionTime: string },
  phase?: 'Failed',
): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const body = {
    metadata: { uid },
    status: {
      ...(phase === undefined ? {} : { phase }),
      conditions: [{ type: 'DisruptionTarget', status: 'True', ...condition }],
    },
  };
  await client.resource(Resources.pods).patch(name!, namespace, 'strategic', body, { subresource: 'status' });
}
