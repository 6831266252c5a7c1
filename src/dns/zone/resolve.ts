import { Rcode, Type } from '../wire/constants.js';
import type { Name } from '../wire/name.js';
import type { Answer, RecordData, ResourceRecord } from '../wire/record.js';
import type { ClusterZone } from './cluster-zone.js';
import type { Addresses, NameNode } from './node.js';

const MAX_CHASE = 10;
const SOA_REFRESH = 7200;
const SOA_RETRY = 1800;
const SOA_EXPIRE = 86_400;
const SOA_MAX_TTL = 300;

export interface ResolveOptions {
  /** TTL of records in seconds (plugin default 5, shipped Corefile 30). */
  ttl: number;
  /** False until everything has been listed: then absence is SERVFAIL, not NXDOMAIN. */
  synced: boolean;
  serial: number;
}

/** The answer from the cluster's zones; `chase` names an external target that the caller has still to resolve. */
export interface ZoneAnswer extends Answer {
  chase?: Name;
  /** The name is in the zone but not known: what `fallthrough` looks at. */
  nxdomain?: boolean;
}

/**
 * Answers a question from the cluster's zones. `labels` are lower-case; `asked` keeps the client's case for the
 * owner names of the answer (0x20).
 */
export function resolve(
  zones: ClusterZone,
  labels: Name,
  asked: Name,
  type: number,
  zone: Name,
  options: ResolveOptions,
): ZoneAnswer {
  const node = zones.find(labels, zone);
  if (node === undefined) return absent(zone, options);
  const out: ZoneAnswer = {
    rcode: Rcode.NOERROR,
    authoritative: true,
    answers: [],
    authority: [],
    additional: [],
  };
  if (node.apex === true) apexRecords(zones, zone, asked, type, options, out);
  if (node.cname !== undefined) follow(zones, node.cname, asked, type, options, out);
  else addRecords(node, asked, type, options.ttl, out);
  if (out.answers.length === 0 && out.chase === undefined) out.authority.push(soa(zone, zone, options));
  return out;
}

function absent(zone: Name, options: ResolveOptions): ZoneAnswer {
  return {
    rcode: options.synced ? Rcode.NXDOMAIN : Rcode.SERVFAIL,
    authoritative: true,
    answers: [],
    authority: [soa(zone, zone, options)],
    additional: [],
    nxdomain: options.synced,
  };
}

/** The zone's SOA with `owner` as its name (the client's case at the apex). */
export function soa(zone: Name, owner: Name, options: ResolveOptions): ResourceRecord {
  return {
    name: owner,
    ttl: Math.min(options.ttl, SOA_MAX_TTL),
    data: {
      type: 'SOA',
      mname: ['ns', 'dns', ...zone],
      rname: ['hostmaster', ...zone],
      serial: options.serial >>> 0,
      refresh: SOA_REFRESH,
      retry: SOA_RETRY,
      expire: SOA_EXPIRE,
      minimum: options.ttl,
    },
  };
}

function apexRecords(
  zones: ClusterZone,
  zone: Name,
  asked: Name,
  type: number,
  options: ResolveOptions,
  out: ZoneAnswer,
): void {
  if (type === Type.SOA) out.answers.push(soa(zone, asked, options));
  if (type !== Type.NS) return;
  for (const server of zones.nameServers(zone)) {
    out.answers.push({ name: asked, ttl: options.ttl, data: { type: 'NS', target: server.name } });
    out.additional.push(...addressRecords(server.name, server.addresses, options.ttl));
  }
}

/** CNAMEs inside the zones are followed here; one that leaves them becomes `chase`. */
function follow(
  zones: ClusterZone,
  first: Name,
  asked: Name,
  type: number,
  options: ResolveOptions,
  out: ZoneAnswer,
): void {
  let owner = asked;
  let target: Name | undefined = first;
  for (let hops = 0; target !== undefined && hops < MAX_CHASE; hops++) {
    out.answers.push({ name: owner, ttl: options.ttl, data: { type: 'CNAME', target } });
    if (type === Type.CNAME) return;
    const zone = zones.zoneOf(target);
    if (zone === undefined) {
      out.chase = target;
      return;
    }
    const node: NameNode | undefined = zones.find(target, zone);
    if (node === undefined) {
      // The alias exists; its target does not (RFC 2308 2.1: the rcode is the target's).
      out.rcode = options.synced ? Rcode.NXDOMAIN : Rcode.SERVFAIL;
      out.authority.push(soa(zone, zone, options));
      return;
    }
    if (node.cname === undefined) {
      addRecords(node, target, type, options.ttl, out);
      if (out.answers.length === hops + 1) out.authority.push(soa(zone, zone, options));
    }
    owner = target;
    target = node.cname;
  }
}

function addRecords(node: NameNode, owner: Name, type: number, ttl: number, out: ZoneAnswer): void {
  const add = (data: RecordData, seconds = ttl) => out.answers.push({ name: owner, ttl: seconds, data });
  if (type === Type.A) for (const address of node.addresses?.A ?? []) add({ type: 'A', address });
  if (type === Type.AAAA) for (const address of node.addresses?.AAAA ?? []) add({ type: 'AAAA', address });
  if (type === Type.TXT && node.txt !== undefined)
    add({ type: 'TXT', strings: node.txt.strings }, node.txt.ttl);
  if (type === Type.PTR) for (const target of node.ptr ?? []) add({ type: 'PTR', target });
  if (type === Type.SRV) addSrv(node, owner, ttl, out);
}

function addSrv(node: NameNode, owner: Name, ttl: number, out: ZoneAnswer): void {
  const glued = new Set<string>();
  for (const { target, port, weight, addresses } of node.srv ?? []) {
    out.answers.push({ name: owner, ttl, data: { type: 'SRV', priority: 0, weight, port, target } });
    const key = target.join('.');
    if (glued.has(key)) continue;
    glued.add(key);
    out.additional.push(...addressRecords(target, addresses, ttl));
  }
}

function addressRecords(name: Name, addresses: Addresses, ttl: number): ResourceRecord[] {
  return [
    ...addresses.A.map((address) => ({ name, ttl, data: { type: 'A' as const, address } })),
    ...addresses.AAAA.map((address) => ({ name, ttl, data: { type: 'AAAA' as const, address } })),
  ];
}
