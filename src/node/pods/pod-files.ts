import { readFileSync } from 'node:fs';
import type { core } from '#api';
import { hostsFile, podHostname } from '../env/identity.js';
import { type DnsContext, podResolvConf } from '../env/resolv-conf.js';
import type { PodVolumes } from '../volumes/pod-volumes.js';

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes /etc/hosts, /etc/hostname and /etc/resolv.conf of a pod; returns where containers see them. */
export function writePodFiles(
  pod: core.Pod,
  podIPs: string[],
  hostname: string,
  dns: DnsContext,
  volumes: PodVolumes,
): { path: string; source: string }[] {
  const hostNetwork = pod.spec?.hostNetwork === true;
  const nodeHosts = hostNetwork ? (readOr('/etc/hosts') ?? '127.0.0.1\tlocalhost\n') : undefined;
  const name = hostNetwork ? hostname : podHostname(pod, dns.clusterDomain).hostname;
  return [
    {
      path: '/etc/hosts',
      source: volumes.file('hosts', hostsFile(pod, podIPs, dns.clusterDomain, nodeHosts)),
    },
    { path: '/etc/hostname', source: volumes.file('hostname', `${name}\n`) },
    { path: '/etc/resolv.conf', source: volumes.file('resolv.conf', podResolvConf(pod, dns)) },
  ];
}
