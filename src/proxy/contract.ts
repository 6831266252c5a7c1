import type { Cidr, Family } from './state/addresses.js';
import type { DesiredService, Target } from './state/desired.js';
import type { Protocol } from './state/service-port.js';

export type ProxyMode = 'nftables' | 'iptables' | 'ipvs' | 'userspace';

/** How traffic from pods on this node is told from other traffic (upstream's local detectors). */
export type LocalDetector =
  | { kind: 'cidr'; cidrs: readonly Cidr[] }
  | { kind: 'bridge'; name: string }
  | { kind: 'prefix'; prefix: string };

/** What rules need to know about the node, besides Services. Changing any of it means a full sync. */
export interface NodeSettings {
  readonly family: Family;
  /** Addresses that answer NodePorts, or 'all' local addresses (except loopback). */
  readonly nodePortAddresses: readonly string[] | 'all';
  /** The node's own primary address in the family, if it has one. */
  readonly nodeIP: string | undefined;
  readonly serviceCIDRs: readonly string[];
  /** Undefined: no detector; then pods cannot be told from outside traffic. */
  readonly localDetector: LocalDetector | undefined;
  readonly masqueradeAll: boolean;
  /** The mark's single bit, e.g. 0x4000. */
  readonly masqueradeMark: number;
  /** iptables mode, IPv4: NodePorts answer on loopback addresses too, which needs `route_localnet`. */
  readonly localhostNodePorts: boolean;
  /** iptables mode: packets that conntrack calls invalid are not forwarded (upstream: unless `tcpBeLiberal`). */
  readonly dropInvalid: boolean;
}

/** What one Service (`namespace/name`) shall lead to from now on; undefined: nothing in this family. */
export interface ServiceChange {
  readonly key: string;
  readonly desired: DesiredService | undefined;
}

/** Packets that rules of ours have counted since the last reading. */
export interface PacketCounts {
  /** Not forwarded, since conntrack calls them invalid. */
  invalidDropped: number;
  /** First packets of connections to NodePorts on loopback addresses. */
  localhostAccepted: number;
}

/** Rules of ours in one table of the kernel. */
export interface RuleCount {
  readonly table: string;
  readonly total: number;
  /** Written by the last sync. */
  readonly last: number;
}

/** What a sync did, for logs and metrics. */
export interface SyncReport {
  full: boolean;
  /** Rules, elements and objects written or deleted. */
  operations: number;
}

/** How finely connections are counted. */
export type CountDetail = 'service' | 'endpoint';

/** Connections (UDP: flows) that a service port, or one endpoint of it, has got from this node. Grows; may start over. */
export interface ConnectionCount {
  /** `namespace/name`. */
  readonly service: string;
  readonly portName: string;
  readonly protocol: Protocol;
  /** Undefined: all endpoints together. */
  readonly endpoint: Target | undefined;
  readonly connections: number;
  /** Those of them whose client ClientIP affinity had no room to remember; absent means none or unknown. */
  readonly unremembered?: number;
}

/** Where a mode with sockets listens for one address of a service port. */
export interface ListenerStatus {
  readonly service: string;
  readonly portName: string;
  readonly protocol: Protocol;
  /** What the Service says. */
  readonly address: string;
  readonly port: number;
  /** What is bound: the same, or where the address is mapped to. Absent while nothing is bound. */
  readonly listenAddress?: string;
  readonly listenPort?: number;
  /** Why nothing is bound. */
  readonly error?: string;
}

/** The node lacks what the mode needs; the message says what. */
export class ModeUnavailableError extends Error {
  constructor(mode: ProxyMode, reason: string) {
    super(`proxy mode "${mode}" cannot work here: ${reason}`);
    this.name = 'ModeUnavailableError';
  }
}

/**
 * One rule language in one family. Calls never overlap. A rejected `apply` leaves the kernel as it was
 * (atomic), but the proxier's memory unsure: the caller must call `resync` next.
 */
export interface Proxier {
  readonly mode: ProxyMode;
  readonly family: Family;
  /** Rejects with ModeUnavailableError when the mode cannot work here, so that the process ends instead of retrying. */
  preflight(): Promise<void>;
  /**
   * Makes the kernel equal to this state whatever it held before; unchanged affinity and connections survive. Services
   * are computed as they are taken: a proxier takes them `paced`.
   */
  resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport>;
  /** Applies changes on top of the last successful sync; cost depends only on the changed Services. */
  apply(changes: Iterable<ServiceChange>): Promise<SyncReport>;
  /** Deletes what earlier syncs emptied; called when nothing else is to do. */
  tidy?(): Promise<void>;
  readonly needsTidying?: boolean;
  /** How long to wait for that; default: a moment. Asked again after each `tidy` that left something. */
  readonly tidyAfterMs?: number;
  /** iptables mode: how many rules there are; costs a walk through our memory of them. */
  ruleCounts?(): RuleCount[];
  /** Packets counted since the last call. */
  packetCounts?(): Promise<PacketCounts>;
  /** Calls back when somebody else changed our rules. Returns the stopper. */
  watchForeignChanges?(onChange: (what: string) => void): Promise<() => Promise<void>>;
  /** Closes sockets and ends programs of this proxier. Rules in the kernel stay. */
  stop?(): Promise<void>;
  /** Modes with sockets: what is bound where. */
  listeners?(): Iterable<ListenerStatus>;
  /** Connections so far. Reads the kernel where it counts; may run beside syncs, but not beside itself. */
  connectionCounts?(detail: CountDetail): Promise<ConnectionCount[]>;
}
