import { readFileSync } from 'node:fs';
import { type ClientConfig, loadKubeconfig } from '#client';

/** An API server that a Corefile names: by `kubeconfig FILE [CONTEXT]`, or by `endpoint URL` and `tls CERT KEY CACERT`. */
export interface ClusterAddress {
  kubeconfig?: { path: string; context?: string };
  endpoint?: { url: string; tls?: { cert: string; key: string; ca: string } };
  /** `apiserver_qps` and `apiserver_burst`. */
  limit?: { qps: number; burst: number };
}

/** How to reach it; files are read now. */
export function clusterConfig({ kubeconfig, endpoint }: ClusterAddress): ClientConfig {
  if (kubeconfig !== undefined) return loadKubeconfig(kubeconfig.path, kubeconfig.context);
  const server = { server: endpoint!.url, namespace: 'default' };
  if (endpoint?.tls === undefined) return server;
  const { cert, key, ca } = endpoint.tls;
  return { ...server, cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
}
