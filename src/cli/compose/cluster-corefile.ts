/**
 * The Corefile of a new cluster: kubeadm's, without lameduck, because the servers of a node stop with the node, and without an
 * upstream, because a cluster has no way out.
 */
export function clusterCorefile(clusterDomain: string): string {
  return `.:53 {
    errors
    health
    ready
    kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    reload
    loadbalance
}
`;
}
