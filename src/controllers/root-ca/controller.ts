import { type core, isAlreadyExists } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import { semanticEqual } from '../common/equal.js';
import { isNamespaceTerminating } from '../common/errors.js';
import { createLoop } from '../common/loop.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';

export interface RootCaOptions {
  /** PEM bundle with which Pods verify the API server. */
  rootCa: string;
}

const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
const DESCRIPTION_TEXT =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Publishes the ConfigMap kube-root-ca.crt in every live namespace (root-ca-certificate-publisher-controller). */
export function createRootCaController(options: RootCaOptions, deps: ControllerDeps): Startable {
  const namespaces = trimmedInformer(deps.informers, Resources.namespaces);
  const maps = deps.informers.informer(Resources.configMaps, { fieldSelector: `metadata.name=${NAME}` });
  const client = deps.client.resource(Resources.configMaps);
  const data = { 'ca.crt': options.rootCa };

  async function create(namespace: string): Promise<void> {
    const metadata = { name: NAME, namespace, annotations: { [DESCRIPTION]: DESCRIPTION_TEXT } };
    try {
      await client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
    } catch (error) {
      if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
    }
  }

  async function repair(map: core.ConfigMap): Promise<void> {
    const annotations = map.metadata.annotations ?? {};
    if (semanticEqual(map.data, data) && (annotations[DESCRIPTION] ?? '') !== '') return;
    const metadata = { ...map.metadata, annotations: { ...annotations, [DESCRIPTION]: DESCRIPTION_TEXT } };
    await client.update({ ...map, metadata, data });
  }

  return createLoop(deps, 'root_ca_cert_publisher', () => ({
    workers: 2,
    caches: [namespaces, maps],
    subscribe: (queue) => [
      namespaces.on({
        add: ({ metadata }) => queue.add(metadata.name!),
        update: ({ metadata }) => queue.add(metadata.name!),
      }),
      maps.on({
        update: ({ metadata }) => queue.add(metadata.namespace!),
        delete: ({ metadata }) => queue.add(metadata.namespace!),
      }),
    ],
    async sync(key) {
      const namespace = namespaces.get(key);
      // Unlike ServiceAccounts, upstream looks at the phase alone here.
      if (namespace === undefined || namespace.status?.phase === 'Terminating') return;
      const map = maps.get(`${key}/${NAME}`);
      await (map === undefined ? create(key) : repair(map));
    },
  }));
}
