import { describe, expect, it } from 'vitest';
import { container, edit, pod, update } from './testing/judge.js';

type Changes = Record<string, unknown>;

const sized = (requests: object, limits: object = {}): object => ({
  ...container,
  resources: { requests, limits },
});
const small = sized({ cpu: '100m', memory: '64Mi' });
const large = sized({ cpu: '200m', memory: '128Mi' });
const containers = (...list: object[]): Changes => ({ 'spec.containers': list });
const before: Changes = { ...containers(small), 'status.qosClass': 'Burstable' };

describe('Pod, on resize', () => {
  it.each<[string, Changes, Changes]>([
    ['other requests of cpu and memory', before, containers(large)],
    [
      'a smaller memory limit',
      containers(sized({ cpu: '1' }, { memory: '2Gi' })),
      containers(sized({ cpu: '1' }, { memory: '1Gi' })),
    ],
    ['an additional limit', before, containers(sized({ cpu: '100m', memory: '64Mi' }, { cpu: '1' }))],
    [
      'another resize policy',
      before,
      containers({ ...small, resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }),
    ],
    [
      'a sidecar',
      { ...before, 'spec.initContainers': [{ ...small, name: 's', restartPolicy: 'Always' }] },
      { ...before, 'spec.initContainers': [{ ...large, name: 's', restartPolicy: 'Always' }] },
    ],
    [
      'a Pod whose node reports resources',
      { ...before, 'status.containerStatuses': [{ name: 'c', state: { running: {} }, resources: {} }] },
      containers(large),
    ],
  ])('accepts %s', (_, old, now) => {
    expect(update('core.v1.Pod', edit(pod, now), edit(pod, old), 'resize')).toEqual([]);
  });

  it.each<[string, Changes, Changes, string]>([
    [
      'another QoS class',
      { 'status.qosClass': 'BestEffort' },
      containers(small),
      'Pod QOS Class may not change as a result of resizing',
    ],
    [
      'a request less',
      before,
      containers(sized({ cpu: '100m' })),
      'spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed',
    ],
    [
      'a limit less',
      containers(sized({ cpu: '1' }, { cpu: '2' })),
      containers(sized({ cpu: '1' })),
      'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
    ],
    [
      'other resources than cpu and memory',
      before,
      containers(sized({ cpu: '100m', memory: '64Mi', 'ephemeral-storage': '1Gi' })),
      'spec: Forbidden: only cpu and memory resources are mutable',
    ],
    [
      'one more container',
      before,
      containers(small, { ...small, name: 'd' }),
      'spec.containers: Forbidden: containers may not be added or removed on resize',
    ],
    [
      'a renamed container',
      before,
      containers({ ...small, name: 'd' }),
      'spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize',
    ],
    [
      'an init container',
      { ...before, 'spec.initContainers': [{ ...small, name: 'i' }] },
      { ...before, 'spec.initContainers': [{ ...large, name: 'i' }] },
      'spec: Forbidden: resources for non-sidecar init containers are immutable',
    ],
    [
      'static Pods',
      { ...before, 'spec.nodeName': 'n', 'metadata.annotations': { 'kubernetes.io/config.mirror': 'x' } },
      containers(large),
      'Forbidden: static pods cannot be resized',
    ],
    [
      'Windows Pods',
      { ...before, 'spec.os': { name: 'windows' } },
      containers(large),
      'Forbidden: windows pods cannot be resized',
    ],
    [
      'Pods with resources of their own',
      { ...before, 'spec.resources': { requests: { cpu: '1' } } },
      containers(large),
      'Forbidden: pods with pod-level resources cannot be resized',
    ],
    [
      'a Pod whose node reports none',
      { ...before, 'status.containerStatuses': [{ name: 'c', state: { running: {} } }] },
      containers(large),
      'spec: Forbidden: Pod running on node without support for resize',
    ],
  ])('refuses %s', (_, old, now, expected) => {
    expect(update('core.v1.Pod', edit(pod, now), edit(pod, old), 'resize').join('\n')).toContain(expected);
  });
});
