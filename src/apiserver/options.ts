/**
 * What an API server is started with. Names follow kube-apiserver's flags; certificates and keys are PEM texts,
 * because reading files is the composition's business.
 */
export interface ApiServerOptions {
  /** --bind-address. */
  bindAddress?: string;
  /** --secure-port; 0 picks a free one, undefined serves no TCP. */
  securePort?: number;
  /** The same TLS server on a unix socket, for callers in other network namespaces. */
  unixSocket?: string;
  /** --tls-cert-file and --tls-private-key-file. */
  tlsCert: string;
  tlsPrivateKey: string;
  /** --client-ca-file. */
  clientCA?: string;
  /** --token-auth-file: a path, read at start. */
  tokenAuthFile?: string;
  /** --advertise-address: where default/kubernetes points to; absent: an address of the machine. */
  advertiseAddress?: string;
  /** The port that default/kubernetes points to; absent: the bound one. */
  advertisePort?: number;
  /** --service-cluster-ip-range, one or two. */
  serviceClusterIPRange: string[];
  /** --service-node-port-range. */
  serviceNodePortRange?: string;
  /** --service-account-issuer; the first one issues. */
  serviceAccountIssuers: string[];
  /** --service-account-signing-key-file. */
  serviceAccountSigningKey?: string;
  /** --service-account-key-file, repeated. */
  serviceAccountKeys?: string[];
  /** --api-audiences. */
  apiAudiences?: string[];
  /** --kubelet-client-certificate, --kubelet-client-key and --kubelet-certificate-authority: towards node agents. */
  kubeletClientCertificate?: string;
  kubeletClientKey?: string;
  kubeletCertificateAuthority?: string;
  /** Several API servers use the store (etcd): default/kubernetes lists those that are alive. */
  sharedStore?: boolean;
  /** --max-requests-inflight; 0 is no limit. */
  maxRequestsInflight?: number;
  /** --max-mutating-requests-inflight; 0 is no limit. */
  maxMutatingRequestsInflight?: number;
  /** --request-timeout, milliseconds. */
  requestTimeoutMs?: number;
  /** How long requests may go on running at stop, milliseconds. */
  drainMs?: number;
  /** --etcd-compaction-interval: superseded revisions older than this are forgotten, milliseconds; 0 never. */
  compactionIntervalMs?: number;
}
