import type { core } from '#api';
import { type Informer, type InformerFactory, Resources } from '#client';

/** A key of a ConfigMap that holds a Corefile. */
export interface ConfigMapKey {
  namespace: string;
  name: string;
  key: string;
}

/** Where Kubernetes keeps the cluster's Corefile (kubeadm, cluster/addons/dns). */
export const CLUSTER_COREFILE: ConfigMapKey = { namespace: 'kube-system', name: 'coredns', key: 'Corefile' };

/** Tells of the text of a ConfigMap's key now and whenever it changes; undefined when there is none. Returns the end of it. */
export function watchConfigMap(
  informers: InformerFactory,
  { namespace, name, key }: ConfigMapKey,
  changed: (text: string | undefined) => void,
): () => void {
  const informer: Informer<core.ConfigMap> = informers.informer(Resources.configMaps, {
    namespace,
    fieldSelector: `metadata.name=${name}`,
  });
  const tell = (map: core.ConfigMap) => changed(map.data?.[key]);
  return informer.on({ add: tell, update: tell, delete: () => changed(undefined) });
}
