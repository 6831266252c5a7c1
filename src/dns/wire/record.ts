import type { Name } from './name.js';

/** Resource record data by type; addresses are 4 or 16 octets. */
export type RecordData =
  | { type: 'A' | 'AAAA'; address: Buffer }
  | { type: 'CNAME' | 'NS' | 'PTR'; target: Name }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: Name }
  | { type: 'TXT'; strings: string[] }
  | { type: 'HINFO'; cpu: string; os: string }
  | { type: 'MX'; preference: number; target: Name }
  /** Any other type, as it came (such data has no compressed names, RFC 3597 section 4). */
  | { type: 'RAW'; code: number; bytes: Buffer }
  | {
      type: 'SOA';
      mname: Name;
      rname: Name;
      serial: number;
      refresh: number;
      retry: number;
      expire: number;
      minimum: number;
    };

/** One record of class IN. `ttl` is in seconds. */
export interface ResourceRecord {
  name: Name;
  ttl: number;
  data: RecordData;
}

/** Sections of an answer before it is written. */
export interface Answer {
  rcode: number;
  authoritative: boolean;
  answers: ResourceRecord[];
  authority: ResourceRecord[];
  additional: ResourceRecord[];
  /** Set TC although everything fits: an upstream's part was cut. */
  truncated?: boolean;
  /** Recursion was available (answers that a forwarder had a part in). */
  recursionAvailable?: boolean;
}
