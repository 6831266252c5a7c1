import type { core } from '#api';

/** Name of the Pod informer's index by node; several controllers add it. */
export const BY_NODE = 'controllers/node';

export function byNode(pod: core.Pod): string[] {
  const node = pod.spec?.nodeName ?? '';
  return node === '' ? [] : [node];
}
