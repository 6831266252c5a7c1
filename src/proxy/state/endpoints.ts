import type { discovery } from '#api';
import { canonicalAddress, type Family } from './addresses.js';
import { WEIGHT_ANNOTATION } from './service-port.js';

/** Where a connection ends: an endpoint's address and port. */
export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** One address and port behind a service port, with the conditions that decide whether it is used. */
export interface Endpoint {
  /** Kept for as long as rules lead there; the rest of the endpoint is not. */
  readonly target: Target;
  readonly isLocal: boolean;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeHints: readonly string[];
  readonly zoneHints: readonly string[];
  readonly weight: number;
}

const MAX_WEIGHT = 100;
const NONE: readonly string[] = [];

function sliceWeight(slice: discovery.EndpointSlice): number {
  const text = slice.metadata.annotations?.[WEIGHT_ANNOTATION];
  const weight = text === undefined ? 1 : Number(text);
  return Number.isInteger(weight) && weight >= 1 && weight <= MAX_WEIGHT ? weight : 1;
}

/** Which of two descriptions of one address wins: local, then ready, then not terminating (as upstream merges). */
function better(candidate: Endpoint, current: Endpoint): boolean {
  if (candidate.isLocal !== current.isLocal) return candidate.isLocal;
  if (candidate.ready !== current.ready) return candidate.ready;
  if (candidate.serving !== current.serving) return candidate.serving;
  return !candidate.terminating && current.terminating;
}

function toEndpoint(
  source: discovery.Endpoint,
  ip: string,
  port: number,
  nodeName: string,
  weight: number,
): Endpoint {
  const conditions = source.conditions ?? {};
  return {
    target: { ip, port },
    isLocal: source.nodeName !== undefined && source.nodeName === nodeName,
    // An absent condition counts as true (terminating: false); the API says so.
    ready: conditions.ready ?? true,
    serving: conditions.serving ?? true,
    terminating: conditions.terminating ?? false,
    nodeHints: source.hints?.forNodes?.map((hint) => hint.name) ?? NONE,
    zoneHints: source.hints?.forZones?.map((hint) => hint.name) ?? NONE,
    weight,
  };
}

/** Key of a slice port: the name and protocol by which a service port finds it. */
export function portKey(name: string | undefined, protocol: string | undefined): string {
  return `${name ?? ''}/${protocol ?? 'TCP'}`;
}

/**
 * Merges a Service's slices of one family into endpoints per slice port, sorted by address so that the result
 * does not depend on slice order. Ports without a number and addresses of the other family are skipped.
 */
export function mergeSlices(
  slices: Iterable<discovery.EndpointSlice>,
  family: Family,
  nodeName: string,
): Map<string, Endpoint[]> {
  const byPort = new Map<string, Endpoint[]>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const weight = sliceWeight(slice);
    for (const port of slice.ports ?? []) {
      if (port.port === undefined || port.port === null || port.port === 0) continue;
      const key = portKey(port.name ?? undefined, port.protocol);
      const found = byPort.get(key) ?? [];
      byPort.set(key, found);
      for (const source of slice.endpoints ?? []) {
        // Only the first address counts; the API defines the others as equivalent.
        const first = source.addresses[0];
        const ip = first === undefined ? undefined : canonicalAddress(first, family);
        if (ip === undefined) continue;
        found.push(toEndpoint(source, ip, port.port, nodeName, weight));
      }
    }
  }
  for (const [key, found] of byPort) byPort.set(key, distinct(found));
  return byPort;
}

/** Sorts by address and port; of several descriptions of one address the best stays. */
function distinct(found: Endpoint[]): Endpoint[] {
  found.sort((a, b) => compare(a.target, b.target));
  return found.filter((endpoint, i) => {
    const next = found[i + 1];
    if (next === undefined || compare(endpoint.target, next.target) !== 0) return true;
    // The one that goes on is compared with what follows.
    if (!better(next, endpoint)) found[i + 1] = endpoint;
    return false;
  });
}

function compare(a: Target, b: Target): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return a.port - b.port;
}
