import { type core, isNotFound, type KubeObject, type meta } from '#api';
import { type Client, type EventRecorder, Resources } from '#client';
import { isNamespaceTerminating } from './errors.js';

/** Creates and deletes Pods for a workload and says so in Events (controller.RealPodControl). */
export class PodControl {
  readonly #client: Client;
  readonly #recorder: EventRecorder;

  constructor(client: Client, recorder: EventRecorder) {
    this.#client = client;
    this.#recorder = recorder;
  }

  /**
   * Creates a Pod of the template, owned by `reference`, named after the owner or `generateName`. Rejects with the
   * server's refusal after recording it.
   */
  async create(
    owner: KubeObject,
    reference: meta.OwnerReference,
    template: core.PodTemplateSpec,
    generateName = `${owner.metadata.name}-`,
  ): Promise<core.Pod> {
    const pod = podFromTemplate(owner, reference, template);
    pod.metadata.generateName = generateName;
    try {
      const created = await this.#client.resource(Resources.pods).create(pod);
      this.#recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`);
      return created;
    } catch (error) {
      if (!isNamespaceTerminating(error))
        this.#recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Deletes a Pod; one that is gone already counts as deleted. */
  async delete(owner: KubeObject, pod: core.Pod): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    try {
      await this.#client.resource(Resources.pods).delete(name!, namespace, { preconditions: { uid: uid! } });
      this.#recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (error) {
      if (isNotFound(error)) return;
      this.#recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
      throw error;
    }
  }
}

export function podFromTemplate(
  owner: KubeObject,
  reference: meta.OwnerReference,
  template: core.PodTemplateSpec,
): core.Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${owner.metadata.name}-`,
      namespace: owner.metadata.namespace,
      labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations },
      ...(template.metadata?.finalizers === undefined ? {} : { finalizers: template.metadata.finalizers }),
      ownerReferences: [reference],
    },
    spec: template.spec!,
  };
}

/**
 * Runs `count` calls in batches of 1, 2, 4 ...: the first failure stops the rest, so that a quota or a
 * refused template costs one request and not hundreds. Resolves with the successes and the first error.
 */
export async function slowStart(
  count: number,
  call: () => Promise<void>,
): Promise<{ successes: number; error: unknown }> {
  let successes = 0;
  for (let batch = Math.min(1, count); batch > 0; batch = Math.min(2 * batch, count - successes)) {
    const results = await Promise.allSettled(Array.from({ length: batch }, call));
    const failed = results.find((result) => result.status === 'rejected');
    successes += results.filter((result) => result.status === 'fulfilled').length;
    if (failed !== undefined) return { successes, error: failed.reason };
  }
  return { successes, error: undefined };
}
