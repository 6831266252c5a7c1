import { describe, expect, it } from 'vitest';
import type { core } from '../types/index.js';
import { eventFromCore, eventToCore, message, pruneAndCheck } from './index.js';

const event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'n' },
  involvedObject: { kind: 'Pod', name: 'p' },
  reason: 'Started',
  message: 'it runs',
  source: { component: 'kubelet' },
  firstTimestamp: '2024-01-02T03:04:05Z',
  lastTimestamp: '2024-01-02T03:04:06Z',
  count: 2,
  type: 'Normal',
  eventTime: '2024-01-02T03:04:05.000000Z',
  reportingComponent: 'kubelet',
  reportingInstance: 'n1',
} satisfies core.Event;

describe('Event conversion', () => {
  it('shows a core Event as events.k8s.io does', () => {
    expect(eventFromCore(event)).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'n' },
      regarding: { kind: 'Pod', name: 'p' },
      reason: 'Started',
      note: 'it runs',
      deprecatedSource: { component: 'kubelet' },
      deprecatedFirstTimestamp: '2024-01-02T03:04:05Z',
      deprecatedLastTimestamp: '2024-01-02T03:04:06Z',
      deprecatedCount: 2,
      type: 'Normal',
      eventTime: '2024-01-02T03:04:05.000000Z',
      reportingController: 'kubelet',
      reportingInstance: 'n1',
    });
  });

  it('loses nothing there and back, and both forms fit their schemas', () => {
    expect(eventToCore(eventFromCore(event))).toEqual(event);
    expect(pruneAndCheck(eventFromCore(event), message('events.v1.Event')).unknown).toEqual([]);
    expect(pruneAndCheck(event, message('core.v1.Event')).unknown).toEqual([]);
  });
});
