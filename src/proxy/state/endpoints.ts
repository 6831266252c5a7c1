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
  const byPort = new Map<string, Map<string, Endpoint>>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    const weight = sliceWeight(slice);
    for (const port of slice.ports ?? []) {
      if (port.port === undefined || port.port === null || port.port === 0) continue;
      const key = portKey(port.name ?? undefined, port.protocol);
      const merged = byPort.get(key) ?? new Map<string, Endpoint>();
      byPort.set(key, merged);
      for (const source of slice.endpoints ?? []) {
        // Only the first address counts; the API defines the others as equivalent.
        const first = source.addresses[0];
        const ip = first === undefined ? undefined : canonicalAddress(first, family);
        if (ip === undefined) continue;
        const endpoint = toEndpoint(source, ip, port.port, nodeName, weight);
        const target = `${ip} ${port.port}`;
        const current = merged.get(target);
        if (current === undefined || better(endpoint, current)) merged.set(target, endpoint);
      }
    }
  }
  return new Map([...byPort].map(([key, merged]) => [key, sorted(merged)]));
}

function sorted(merged: Map<string, Endpoint>): Endpoint[] {
  return [...merged.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}
