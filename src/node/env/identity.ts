import type { core } from '#api';

const MAX_LABEL = 63;

/** The pod's hostname and, for a pod with a subdomain, its domain (kubelet_pods.go GeneratePodHostNameAndDomain). */
export function podHostname(pod: core.Pod, clusterDomain: string): { hostname: string; domain: string } {
  const spec = pod.spec;
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride, domain: '' };
  const hostname = (spec?.hostname || pod.metadata.name!).slice(0, MAX_LABEL).replace(/[-.]+$/, '');
  const domain = spec?.subdomain ? `${spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '';
  return { hostname, domain };
}

/** What gethostname(2) answers: the FQDN with `setHostnameAsFQDN`. */
export function utsName(pod: core.Pod, clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  return pod.spec?.setHostnameAsFQDN === true && domain !== '' ? `${hostname}.${domain}` : hostname;
}

const HEAD = [
  '# Kubernetes-managed hosts file.',
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'fe00::\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
];

/** The text of a pod's /etc/hosts (kubelet_pods.go managedHostsFileContent, nodeHostsFileContent). */
export function hostsFile(
  pod: core.Pod,
  podIPs: string[],
  clusterDomain: string,
  nodeHosts: string | undefined,
): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  const head =
    nodeHosts === undefined
      ? `${[...HEAD, ...podIPs.map((ip) => `${ip}\t${names}`)].join('\n')}\n`
      : `# Kubernetes-managed hosts file (host network).\n${nodeHosts}`;
  const aliases = (pod.spec?.hostAliases ?? []).map(
    ({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`,
  );
  return aliases.length === 0 ? head : `${head}\n# Entries added by HostAliases.\n${aliases.join('\n')}\n`;
}
