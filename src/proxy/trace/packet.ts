import type { Family } from '../state/addresses.js';

/** The first packet of a connection, as the rules see it. */
export interface Packet {
  readonly family: Family;
  readonly source: string;
  readonly destination: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly destinationPort: number;
  /** The interface that it came in by; empty for packets that the node itself sends. */
  readonly inputInterface: string;
  readonly mark: number;
  readonly masqueraded: boolean;
  /** The virtual server that took it, in ipvs mode. */
  readonly virtual?: { readonly address: string; readonly port: number };
}

/** The node whose rules are traced. */
export interface TraceNode {
  isLocal(address: string): boolean;
  /** Whether the packet's fields (`src` or `dst`, by position: address, port, address) are in an ipset. */
  inSet?(set: string, fields: readonly string[], packet: Packet): boolean;
}

export type FinalVerdict = 'ACCEPT' | 'DROP' | 'REJECT';

/** One way in which a packet can go. */
export interface Outcome {
  verdict: FinalVerdict;
  packet: Packet;
  /** Rules met on the way that matched, as `chain: rule`. */
  path: string[];
}
