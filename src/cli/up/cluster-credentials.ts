import { readFileSync } from 'node:fs';
import type { KeyPair } from '#base';
import type { AgentConfig } from '../compose/agent.js';
import { Credentials, type KeyPairFiles } from './credentials.js';
import type { ClusterSettings, NodeSettings } from './settings.js';

/** The certificates and keys of a control plane, loaded or made. */
export interface ClusterCredentials {
  pki: Credentials;
  ca: string;
  caFile: string;
  serving: KeyPair;
  admin: KeyPair;
  kubelet: KeyPair;
  serviceAccountKey: string;
}

/** Loads what the directory has of a control plane's credentials and makes the rest. */
export async function openClusterCredentials(
  directory: string,
  { kubernetesIp, apiAddress, clusterDomain }: ClusterSettings,
): Promise<ClusterCredentials> {
  const pki = await Credentials.open(directory);
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
  ];
  const serving = pki.ensure('apiserver', {
    commonName: 'kube-apiserver',
    dnsNames: ['localhost', ...names],
    ipAddresses: ['127.0.0.1', '::1', kubernetesIp, apiAddress],
    usages: ['server'],
  });
  const admin = pki.ensure('admin', {
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  const kubelet = pki.ensure('apiserver-kubelet-client', {
    commonName: 'kube-apiserver-kubelet-client',
    organizations: ['system:masters'],
    usages: ['client'],
  });
  return {
    pki,
    ca: pki.ca,
    caFile: pki.caFile,
    serving: (await serving).pair,
    admin: (await admin).pair,
    kubelet: (await kubelet).pair,
    serviceAccountKey: readFileSync(pki.serviceAccountKey(), 'utf8'),
  };
}

/** What one node's agent, proxy and DNS identify themselves with; proxy and DNS are the same on every node. */
export async function nodeCredentials(
  pki: Credentials,
  node: NodeSettings,
): Promise<AgentConfig['credentials']> {
  const [own, proxy, dns] = await Promise.all([
    pki.ensure(node.name, {
      commonName: `system:node:${node.name}`,
      organizations: ['system:nodes'],
      dnsNames: [node.name],
      ipAddresses: [node.ip],
      usages: ['client', 'server'],
    }),
    pki.ensure('kube-proxy', { commonName: 'system:kube-proxy', usages: ['client'] }),
    pki.ensure('kube-dns', {
      commonName: 'system:serviceaccount:kube-system:coredns',
      organizations: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
      usages: ['client'],
    }),
  ]);
  return { node: files(own), proxy: files(proxy), dns: files(dns) };
}

/** Paths only: the keys themselves stay in their files. */
function files({ certificate, key }: KeyPairFiles): KeyPairFiles {
  return { certificate, key };
}
