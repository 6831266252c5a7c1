import { readFileSync } from 'node:fs';
import { createMetrics, Group, type Logger, type LogLevel, type Startable, systemClock } from '#base';
import { type Client, createClientFromConfig, createEventRecorder, createInformerFactory } from '#client';
import { CLUSTER_COREFILE, createDnsServer } from '#dns';
import type { Programs } from '#host';
import { createNodeAgent } from '#node';
import { createProxy, loadProxyConfig } from '#proxy';
import { createApiRelay } from '../net/api-relay.js';
import { createConnectProxy } from '../net/connect-proxy.js';
import { waitForSocket } from '../net/wait-for-socket.js';
import { clusterCorefile } from './cluster-corefile.js';
import { alreadyStarted, closing, parallel } from './startables.js';

/** Everything that one node's process of `kubesvc up` is told; paths and addresses only, no secrets. */
export interface AgentConfig {
  name: string;
  ip: string;
  dataDir: string;
  logFile: string;
  logLevel: LogLevel;
  /** Unix socket of the API server, speaking TLS. */
  apiSocket: string;
  /** Unix socket on which this process opens the node's network to the API server and the host's loopback. */
  connectSocket: string;
  /** Where Pods find the API server in this node's network. */
  apiAddress: string;
  apiPort: number;
  caFile: string;
  /** Certificate and key files per identity. */
  credentials: Record<'node' | 'proxy' | 'dns', { certificate: string; key: string }>;
  /** Directories of the host that Pods must not see: keys, stored objects, sockets. They exist. */
  hiddenPaths: string[];
  dnsIp: string;
  clusterDomain: string;
  podCidr: string;
  serviceCidr: string;
  proxyMode: string;
  loadBalancing: string;
}

/** The processes of one node in one: node agent, service proxy and DNS, each with its own identity. */
export function createAgent(
  config: AgentConfig,
  deps: { logger: Logger; programs: Programs & Startable },
): Startable {
  const { logger, programs } = deps;
  const clients = {
    node: clientFor(config, 'node', `kubesvc-node/${config.name}`),
    proxy: clientFor(config, 'proxy', `kubesvc-proxy/${config.name}`),
    dns: clientFor(config, 'dns', `kubesvc-dns/${config.name}`),
  };
  return new Group([
    alreadyStarted(programs),
    closing(Object.values(clients)),
    waitForSocket(config.apiSocket),
    createApiRelay({ host: config.apiAddress, port: config.apiPort, socketPath: config.apiSocket }),
    createConnectProxy({ socketPath: config.connectSocket, logger }),
    parallel([
      nodePart(config, clients, programs, logger),
      proxyPart(config, clients.proxy, programs, logger.child({ part: 'proxy' })),
      dnsPart(config, clients.dns, logger.child({ part: 'dns' })),
    ]),
  ]);
}

function clientFor(config: AgentConfig, identity: 'node' | 'proxy' | 'dns', userAgent: string): Client {
  const { certificate, key } = config.credentials[identity];
  return createClientFromConfig(
    {
      server: 'https://localhost',
      socketPath: config.apiSocket,
      ca: readFileSync(config.caFile),
      cert: readFileSync(certificate),
      key: readFileSync(key),
      namespace: 'default',
    },
    userAgent,
  );
}

function nodePart(
  config: AgentConfig,
  clients: { node: Client; proxy: Client },
  programs: Programs,
  logger: Logger,
): Startable {
  const client = clients.node;
  const { certificate, key } = config.credentials.node;
  return createNodeAgent(
    {
      name: config.name,
      nodeIPs: [config.ip],
      dataDir: config.dataDir,
      hiddenPaths: config.hiddenPaths,
      clusterDNS: [config.dnsIp],
      clusterDomain: config.clusterDomain,
      server: {
        address: config.ip,
        certificate: readFileSync(certificate, 'utf8'),
        key: readFileSync(key, 'utf8'),
        clientCa: readFileSync(config.caFile, 'utf8'),
      },
    },
    {
      client,
      informers: createInformerFactory(client, { logger }),
      networkInformers: createInformerFactory(clients.proxy, { logger }),
      programs,
      logger,
      metrics: createMetrics(),
      clock: systemClock,
    },
  );
}

function proxyPart(config: AgentConfig, client: Client, programs: Programs, logger: Logger): Startable {
  const { config: proxyConfig } = loadProxyConfig(
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: config.proxyMode,
      clusterCIDR: config.podCidr,
      detectLocalMode: 'ClusterCIDR',
      loadBalancing: { algorithm: config.loadBalancing },
    }),
  );
  return createProxy(
    { config: proxyConfig, nodeName: config.name, families: ['IPv4'] },
    {
      client,
      informers: createInformerFactory(client, { logger }),
      programs,
      logger,
      metrics: createMetrics(),
      clock: systemClock,
      events: createEventRecorder(client, { component: 'kube-proxy', host: config.name, logger }),
    },
  );
}

/**
 * The cluster's Corefile is ConfigMap `coredns`, as in kubeadm's clusters. CoreDNS has a Pod's network to itself; here the server
 * listens on the node's address, which `kube-dns` points to, and what it serves over HTTP stands beside the kubelet's and the
 * proxy's ports: upstream's 8080 would be taken from hostNetwork Pods.
 */
function dnsPart(config: AgentConfig, client: Client, logger: Logger): Startable {
  const { ip } = config;
  return createDnsServer(
    {
      corefile: clusterCorefile(config.clusterDomain),
      corefileName: 'Corefile',
      configMap: CLUSTER_COREFILE,
      placement: { bind: [ip], health: `${ip}:10270`, ready: `${ip}:10271`, prometheus: `${ip}:10272` },
    },
    { informers: createInformerFactory(client, { logger }), logger, metrics: createMetrics() },
  );
}
