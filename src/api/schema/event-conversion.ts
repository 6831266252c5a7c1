import type { core, events } from '../types/index.js';

const RENAMED: ReadonlyArray<readonly [core: string, events: string]> = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

/** A core Event as the events.k8s.io kind shows it (upstream: pkg/apis/events/v1/conversion.go). The input is not changed. */
export function eventFromCore(event: core.Event): events.Event {
  return renamed(event, 'events.k8s.io/v1', 0) as unknown as events.Event;
}

/** An events.k8s.io Event as the core kind that is stored. The input is not changed. */
export function eventToCore(event: events.Event): core.Event {
  return renamed(event, 'v1', 1) as unknown as core.Event;
}

function renamed(event: object, apiVersion: string, from: 0 | 1): Record<string, unknown> {
  const names = new Map(RENAMED.map((pair) => [pair[from], pair[1 - from]!]));
  const result: Record<string, unknown> = { kind: 'Event', apiVersion };
  for (const [name, value] of Object.entries(event)) {
    if (name !== 'apiVersion' && name !== 'kind') result[names.get(name) ?? name] = value;
  }
  return result;
}
