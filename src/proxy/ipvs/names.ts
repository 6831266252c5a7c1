import type { Family } from '../state/addresses.js';
import type { Protocol } from '../state/service-port.js';

/** The device that holds every virtual address, so that the node takes packets to them for its own. */
export const DEVICE = 'kube-ipvs0';

/** Fixed chains, under upstream's names: operators look for them, and `kube-proxy --cleanup` removes them. */
export const CHAIN = {
  services: 'KUBE-SERVICES',
  postrouting: 'KUBE-POSTROUTING',
  nodePort: 'KUBE-NODE-PORT',
  loadBalancer: 'KUBE-LOAD-BALANCER',
  markMasquerade: 'KUBE-MARK-MASQ',
  forward: 'KUBE-FORWARD',
  firewall: 'KUBE-PROXY-FIREWALL',
  sourceRanges: 'KUBE-SOURCE-RANGES-FIREWALL',
  filter: 'KUBE-IPVS-FILTER',
  outFilter: 'KUBE-IPVS-OUT-FILTER',
} as const;

type SetType = 'hash:ip' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port';

interface SetInfo {
  readonly type: SetType;
  /** Upstream's comment on the rules that use it. */
  readonly comment: string;
}

/** Every set, by upstream's name for IPv4. */
export const SETS = {
  'KUBE-LOOP-BACK': {
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
  },
  'KUBE-CLUSTER-IP': {
    type: 'hash:ip,port',
    comment: 'Kubernetes service cluster ip + port for masquerade purpose',
  },
  'KUBE-EXTERNAL-IP': {
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port for masquerade and filter purpose',
  },
  'KUBE-EXTERNAL-IP-LOCAL': {
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port with externalTrafficPolicy=local',
  },
  'KUBE-LOAD-BALANCER': { type: 'hash:ip,port', comment: 'Kubernetes service lb portal' },
  'KUBE-LOAD-BALANCER-FW': {
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port for load balancer with sourceRange',
  },
  'KUBE-LOAD-BALANCER-LOCAL': {
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
  },
  'KUBE-LOAD-BALANCER-SOURCE-IP': {
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
  },
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': {
    type: 'hash:ip,port,net',
    comment: 'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
  },
  'KUBE-NODE-PORT-TCP': {
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port for masquerade purpose',
  },
  'KUBE-NODE-PORT-LOCAL-TCP': {
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port with externalTrafficPolicy=local',
  },
  'KUBE-NODE-PORT-UDP': {
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port for masquerade purpose',
  },
  'KUBE-NODE-PORT-LOCAL-UDP': {
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port with externalTrafficPolicy=local',
  },
  'KUBE-NODE-PORT-SCTP-HASH': {
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
  },
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': {
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
  },
  'KUBE-HEALTH-CHECK-NODE-PORT': { type: 'bitmap:port', comment: 'Kubernetes health check node port' },
  'KUBE-IPVS-IPS': { type: 'hash:ip', comment: 'Addresses on the ipvs interface' },
} as const satisfies Record<string, SetInfo>;

export type SetName = keyof typeof SETS;
export const setNames = Object.keys(SETS) as SetName[];

/** The kernel takes names of up to this many characters; upstream cuts longer ones. */
const MAX_NAME = 31;
/** Upstream's 65,536 entries are too few for 50,000 Services of two ports each. */
const MAX_ENTRIES = 1_048_576;

/** A set's name in the kernel: both families' sets live side by side. */
export function setName(name: SetName, family: Family): string {
  return family === 'IPv4' ? name : name.replace('KUBE-', 'KUBE-6-').slice(0, MAX_NAME);
}

/** The command that creates the set. */
export function createSet(name: SetName, family: Family): string {
  const { type } = SETS[name];
  if (type === 'bitmap:port') return `create ${setName(name, family)} ${type} range 0-65535`;
  const inet = family === 'IPv4' ? 'inet' : 'inet6';
  return `create ${setName(name, family)} ${type} family ${inet} hashsize 1024 maxelem ${MAX_ENTRIES}`;
}

/** Which sets hold NodePorts of a protocol: those to masquerade, and those that keep the client's address. */
export function nodePortSets(protocol: Protocol): { all: SetName; local: SetName } {
  if (protocol === 'SCTP') {
    return { all: 'KUBE-NODE-PORT-SCTP-HASH', local: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH' };
  }
  return { all: `KUBE-NODE-PORT-${protocol}`, local: `KUBE-NODE-PORT-LOCAL-${protocol}` };
}
