import { type core, isAlreadyExists } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import { isNamespaceTerminating } from '../common/errors.js';
import { createLoop } from '../common/loop.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';

export interface ServiceAccountOptions {
  /** Names that every namespace must have; upstream's list is `default`. */
  names?: string[];
}

/** Keeps a `default` ServiceAccount in every live namespace (upstream's serviceaccount-controller). */
export function createServiceAccountController(
  options: ServiceAccountOptions,
  deps: ControllerDeps,
): Startable {
  const names = options.names ?? ['default'];
  const namespaces = trimmedInformer(deps.informers, Resources.namespaces);
  const accounts = trimmedInformer(deps.informers, Resources.serviceAccounts);
  const client = deps.client.resource(Resources.serviceAccounts);

  async function ensure(namespace: string, name: string): Promise<void> {
    if (accounts.get(`${namespace}/${name}`) !== undefined) return;
    try {
      await client.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  }

  return createLoop(deps, 'serviceaccount', () => ({
    workers: 2,
    caches: [namespaces, accounts],
    subscribe: (queue) => [
      namespaces.on({
        add: ({ metadata }) => queue.add(metadata.name!),
        update: ({ metadata }) => queue.add(metadata.name!),
      }),
      accounts.on({ delete: ({ metadata }) => queue.add(metadata.namespace!) }),
    ],
    async sync(key) {
      const namespace = namespaces.get(key);
      if (namespace === undefined || !isLive(namespace)) return;
      for (const name of names) await ensure(key, name);
    },
  }));
}

/** Nothing can be created in a namespace that is being deleted. */
export function isLive(namespace: core.Namespace): boolean {
  return namespace.metadata.deletionTimestamp === undefined && namespace.status?.phase !== 'Terminating';
}
