import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { type Cidr, cidrAddress, cidrSize, cidrsOverlap, parseCidr } from '#base';

/** A setting that cannot be used; printed without a stack, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** What `kubesvc up` was asked for, checked and completed. */
export interface ClusterSettings {
  dataDir: string;
  nodes: number;
  serviceCidr: Cidr;
  podCidr: Cidr;
  nodeCidr: Cidr;
  /** Addresses of Services of type LoadBalancer. */
  loadBalancerCidr: Cidr;
  proxyMode: string;
  /** Port of the API server on the host's loopback; 0 picks a free one. */
  port: number;
  /** First address of the Service CIDR: the Service `kubernetes`. */
  kubernetesIp: string;
  /** Tenth address of the Service CIDR: the Service `kube-dns`. */
  dnsIp: string;
  /** Where the API server is reachable inside every node's network. */
  apiAddress: string;
  clusterDomain: string;
}

const MAX_NODES = 100;
/** Unix socket paths are limited to 107 bytes; the longest name below the run directory is about 20. */
const MAX_RUN_DIR = 80;

export interface RawSettings {
  dataDir?: string;
  nodes: string;
  serviceCidr: string;
  podCidr: string;
  nodeCidr: string;
  loadBalancerCidr: string;
  proxyMode: string;
  port: string;
}

/** The default data directory: `$KUBESVC_DATA_DIR`, else `$XDG_DATA_HOME/kubesvc`, else `~/.local/share/kubesvc`. */
export function defaultDataDir(): string {
  const own = process.env['KUBESVC_DATA_DIR'];
  if (own !== undefined && own !== '') return resolve(own);
  const base = process.env['XDG_DATA_HOME'];
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.local', 'share'), 'kubesvc');
}

/** Checks and completes; throws UsageError naming the flag. */
export function clusterSettings(raw: RawSettings): ClusterSettings {
  const serviceCidr = network('--service-cidr', raw.serviceCidr, 16n);
  const podCidr = network('--pod-cidr', raw.podCidr, 256n);
  const nodeCidr = network('--node-cidr', raw.nodeCidr, 512n);
  const loadBalancerCidr = network('--load-balancer-cidr', raw.loadBalancerCidr, 1n);
  const named: [string, Cidr][] = [
    ['--service-cidr', serviceCidr],
    ['--pod-cidr', podCidr],
    ['--node-cidr', nodeCidr],
    ['--load-balancer-cidr', loadBalancerCidr],
  ];
  for (const [i, [a, first]] of named.entries()) {
    for (const [b, second] of named.slice(i + 1)) {
      if (cidrsOverlap(first, second))
        throw new UsageError(`${a} ${first.text} overlaps ${b} ${second.text}`);
    }
  }
  const nodes = integer('--nodes', raw.nodes, 1, MAX_NODES);
  if (cidrSize(podCidr) / 256n < BigInt(nodes))
    throw new UsageError(`--pod-cidr ${podCidr.text} has no /24 for each of ${nodes} nodes`);
  return {
    dataDir: resolve(raw.dataDir ?? defaultDataDir()),
    nodes,
    serviceCidr,
    podCidr,
    nodeCidr,
    loadBalancerCidr,
    proxyMode: raw.proxyMode,
    port: integer('--port', raw.port, 0, 65535),
    kubernetesIp: cidrAddress(serviceCidr, 1),
    dnsIp: cidrAddress(serviceCidr, 10),
    apiAddress: cidrAddress(nodeCidr, cidrSize(nodeCidr) - 2n),
    clusterDomain: 'cluster.local',
  };
}

function network(flag: string, text: string, atLeast: bigint): Cidr {
  const cidr = parseCidr(text);
  if (cidr === undefined)
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a CIDR such as 10.96.0.0/16`);
  if (cidr.family !== 4) throw new UsageError(`${flag}: the nodes' network of \`kubesvc up\` is IPv4`);
  if (cidrSize(cidr) < atLeast)
    throw new UsageError(`${flag}: ${cidr.text} is too small (at least ${atLeast} addresses)`);
  return cidr;
}

function integer(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a number between ${least} and ${most}`);
  }
  return value;
}

/** Name, number and addresses of a node. */
export interface NodeSettings {
  name: string;
  index: number;
  ip: string;
}

export function nodeSettings(settings: ClusterSettings): NodeSettings[] {
  return Array.from({ length: settings.nodes }, (_, i) => ({
    name: `node-${i + 1}`,
    index: i + 1,
    ip: cidrAddress(settings.nodeCidr, 11 + i),
  }));
}

/** The files of a cluster below its data directory. */
export interface ClusterPaths {
  dataDir: string;
  pki: string;
  store: string;
  logs: string;
  run: string;
  kubeconfig: string;
  state: string;
  apiSocket: string;
  nodeDir(name: string): string;
  nodeSocket(name: string): string;
}

export function clusterPaths(dataDir: string): ClusterPaths {
  const run = join(dataDir, 'run');
  if (Buffer.byteLength(run) > MAX_RUN_DIR) {
    throw new UsageError(
      `--data-dir ${dataDir} is too long for unix sockets (at most ${MAX_RUN_DIR - 4} bytes)`,
    );
  }
  return {
    dataDir,
    pki: join(dataDir, 'pki'),
    store: join(dataDir, 'store'),
    logs: join(dataDir, 'logs'),
    run,
    kubeconfig: join(dataDir, 'kubeconfig'),
    state: join(run, 'up.json'),
    apiSocket: join(run, 'api.sock'),
    nodeDir: (name) => join(dataDir, 'nodes', name),
    nodeSocket: (name) => join(run, `${name}.sock`),
  };
}

/** Creates the directories, readable only by their owner. */
export function makeDirectories(paths: ClusterPaths): void {
  for (const directory of [paths.dataDir, paths.pki, paths.store, paths.logs, paths.run]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
}
