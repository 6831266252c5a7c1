import type { discovery, KubeObject } from '#api';
import { lower } from '../wire/name.js';
import { addressOctets, dashedIp, octetsText } from './addresses.js';
import type { Interner } from './interner.js';

const SERVICE_NAME = 'kubernetes.io/service-name';
const IMPORT_NAME = 'multicluster.kubernetes.io/service-name';
const SOURCE_CLUSTER = 'multicluster.kubernetes.io/source-cluster';
const LAST_CHANGE = 'endpoints.kubernetes.io/last-change-trigger-time';
const READY = '\x01';
const NOT_READY = '\0';

export interface SlicePort {
  name: string;
  protocol: string;
  port: number;
}

/**
 * What answers need of an EndpointSlice, in a tenth of its size: a cluster has more endpoints than anything else. The
 * addresses are one string of rows, a flag and the octets of an address, one character each.
 */
export interface PackedSlice extends KubeObject {
  service: string;
  /** The ServiceImport that it belongs to, and the cluster that it came from; empty for a cluster's own. */
  imported: string;
  cluster: string;
  /** Octets of an address: 4 or 16; 0 for slices of host names, which have no rows. */
  width: number;
  ports: readonly SlicePort[];
  rows: string;
  /** Names by row, separated by spaces; empty when no row has one. */
  hostnames: string;
  podNames: string;
  zones: string;
  /** When the change was made that this slice shows, in milliseconds since the epoch; 0 when it does not say. */
  changedAt: number;
}

/** One address of a slice, as octets (a character each). */
export interface PackedEndpoint {
  octets: string;
  ready: boolean;
  /** The label that it is found under below its Service. */
  name: string;
  /** Its topology zone. */
  zone: string;
}

/** What is only kept for options that use it. */
export interface SliceDetail {
  /** The names of Pods (endpoint_pod_names). */
  podNames: boolean;
  /** Topology zones (zonal). */
  zones: boolean;
}

/** Packs a slice as it came from the API. */
export function packSlice(
  slice: discovery.EndpointSlice,
  detail: SliceDetail,
  interner: Interner,
): PackedSlice {
  const { name, namespace, resourceVersion, labels, annotations } = slice.metadata;
  const width = slice.addressType === 'IPv4' ? 4 : slice.addressType === 'IPv6' ? 16 : 0;
  const rows: string[] = [];
  const hostnames: string[] = [];
  const pods: string[] = [];
  const zones: string[] = [];
  for (const { addresses, conditions, hostname = '', targetRef, zone = '' } of slice.endpoints ?? []) {
    const pod = detail.podNames && targetRef?.kind === 'Pod' ? (targetRef.name ?? '') : '';
    for (const address of addresses) {
      const octets = addressOctets(address);
      if (octets?.length !== width) continue;
      rows.push(conditions?.ready === false ? NOT_READY : READY, octets);
      hostnames.push(hostname);
      pods.push(pod);
      zones.push(detail.zones ? zone : '');
    }
  }
  return {
    metadata: {
      name: name!,
      namespace: interner.text(namespace!),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    service: labels?.[SERVICE_NAME] ?? '',
    imported: labels?.[IMPORT_NAME] ?? '',
    cluster: labels?.[SOURCE_CLUSTER] ?? '',
    width,
    ports: interner.value(slicePorts(slice)),
    rows: rows.join(''),
    hostnames: joined(hostnames),
    podNames: joined(pods),
    zones: joined(zones),
    changedAt: Date.parse(annotations?.[LAST_CHANGE] ?? '') || 0,
  };
}

function slicePorts(slice: discovery.EndpointSlice): SlicePort[] {
  return (slice.ports ?? []).flatMap((p) =>
    p.port === undefined || p.port === null
      ? []
      : [{ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port }],
  );
}

function joined(names: string[]): string {
  return names.every((n) => n === '') ? '' : names.join(' ');
}

/** The endpoints of a slice; with `podNames`, those without a hostname are named after their Pods. */
export function endpointsOf(slice: PackedSlice, podNames = false): PackedEndpoint[] {
  const { rows, width } = slice;
  const hostnames = slice.hostnames.split(' ');
  const pods = podNames ? slice.podNames.split(' ') : [];
  const zones = slice.zones.split(' ');
  const endpoints: PackedEndpoint[] = [];
  for (let at = 0, row = 0; at < rows.length; at += width + 1, row++) {
    const octets = rows.slice(at + 1, at + 1 + width);
    const name = endpointName(hostnames[row] ?? '', pods[row] ?? '', octets);
    endpoints.push({ octets, ready: rows[at] === READY, name, zone: zones[row] ?? '' });
  }
  return endpoints;
}

/** Only the addresses. */
export function octetsOf({ rows, width }: PackedSlice): string[] {
  const all: string[] = [];
  for (let at = 1; at < rows.length; at += width + 1) all.push(rows.slice(at, at + width));
  return all;
}

/** Upstream's order: hostname, Pod (a label at most), address with dashes. */
function endpointName(hostname: string, pod: string, octets: string): string {
  if (hostname !== '') return lower(hostname);
  if (pod !== '' && pod.length <= 63) return lower(pod);
  return dashedIp(octetsText(octets));
}
