import type { IncomingMessage } from 'node:http';
import type { core } from '#api';
import type { Clock, Logger, Metrics } from '#base';
import type { Client, EventRecorder, InformerFactory } from '#client';
import type { Programs } from '#host';
import type { PodRuntime } from './runtime.js';

/** Who calls the agent's server, from the verified client certificate. */
export interface ServerCaller {
  commonName: string;
  organizations: string[];
}

/** What a call to the agent's server is about: upstream's node authorization attributes. */
export interface ServerAccess {
  verb: string;
  /** Subresource of `nodes`: proxy, stats, log, metrics, healthz, pods. */
  subresource: string;
  request: IncomingMessage;
}

export interface NodeServerOptions {
  /** Default 10250. */
  port?: number;
  /** Default: all addresses. */
  address?: string;
  /** PEM serving certificate and key. */
  certificate: string;
  key: string;
  /** PEM authority that client certificates must be signed by. */
  clientCa: string;
  /**
   * Decides on an authenticated caller. Default: members of `system:masters`, and the API server's client
   * certificate (`kube-apiserver-kubelet-client`, or a member of `kubeadm:cluster-admins`).
   */
  authorize?: (caller: ServerCaller, access: ServerAccess) => boolean | Promise<boolean>;
}

export interface NodeOptions {
  name: string;
  /** Addresses of this node inside the cluster's network, IPv4 and/or IPv6; the first is the primary. */
  nodeIPs: string[];
  /** Default: the name. */
  hostname?: string;
  /** Owned by the agent: logs, volumes. Created with mode 0700, and hidden from containers. */
  dataDir: string;
  /** Further directories that containers must not see, such as the cluster's keys. They must exist. */
  hiddenPaths?: string[];
  labels?: Record<string, string>;
  /** `topology.kubernetes.io/zone` and `region`. */
  zone?: string;
  region?: string;
  taints?: core.Taint[];
  /** Address of the cluster DNS Service; pods with dnsPolicy ClusterFirst use it. */
  clusterDNS: string[];
  /** Default `cluster.local`. */
  clusterDomain?: string;
  /** resolv.conf that `Default` pods and the fallback search path come from; default `/etc/resolv.conf`. */
  resolvConf?: string;
  /** Default 110. */
  maxPods?: number;
  /** Wait for `spec.podCIDRs` instead (the default) or use these. */
  podCIDRs?: string[];
  bridge?: string;
  mtu?: number;
  server?: NodeServerOptions;
  /** Container logs are rotated at this size; default 10 MiB and 5 files, as the kubelet. */
  containerLogMaxBytes?: number;
  containerLogMaxFiles?: number;
  /** Seconds between Lease renewals; default 10, and the Lease lasts four times as long. */
  leaseIntervalSeconds?: number;
  /** Default: a Node status write every five minutes even without a change. */
  statusReportSeconds?: number;
}

export interface NodeDeps {
  client: Client;
  informers: InformerFactory;
  /** Sees all Nodes, for the routes between them; default `informers`. A CNI plugin's identity, not the kubelet's. */
  networkInformers?: InformerFactory;
  programs: Programs;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  /** Default: one that writes through `client`. */
  events?: EventRecorder;
  /** Default: pods as plain processes. */
  runtime?: PodRuntime;
}
