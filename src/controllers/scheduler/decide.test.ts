import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { node, type PodOptions, pod } from '../testing/objects.js';
import { ClusterState, podInfo } from './cluster-state.js';
import { decide } from './decide.js';

type Edit<T> = (object: T) => void;
function nodes(...edits: [string, Edit<core.Node>?][]): core.Node[] {
  return edits.map(([name, edit]) => {
    const made = node(name, { zone: `z-${name}` });
    edit?.(made);
    return made;
  });
}
function place(wanted: core.Pod, on: core.Node[], placed: core.Pod[] = []): string {
  const state = new ClusterState();
  for (const each of on) state.setNode(each);
  for (const each of placed) state.setPod(each);
  const decision = decide(
    podInfo(wanted),
    state.nodes(),
    () => ({ team: 'a' }),
    () => 0,
  );
  return decision.node ?? (decision as { message: string }).message;
}
const free = (options: PodOptions = {}) => pod('new', { nodeName: '', ...options });
const requests = (cpu: string, memory = '1Mi') => ({
  containers: [{ name: 'c', resources: { requests: { cpu, memory } } }],
});
const hostPort = (port: number, hostIP?: string) => ({
  containers: [
    {
      name: 'c',
      ports: [{ containerPort: 80, hostPort: port, protocol: 'TCP', ...(hostIP ? { hostIP } : {}) }],
    },
  ],
});
const anti = (app: string, topologyKey = 'kubernetes.io/hostname'): Partial<core.PodSpec> => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: { app } }, topologyKey },
      ],
    },
  },
});
const together = (app: string): Partial<core.PodSpec> => ({
  affinity: {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: { app } }, topologyKey: 'kubernetes.io/hostname' },
      ],
    },
  },
});
const fields = (name: string): Partial<core.PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
      },
    },
  },
});
const spread = (maxSkew: number): Partial<core.PodSpec> => ({
  topologySpreadConstraints: [
    {
      maxSkew,
      topologyKey: 'kubernetes.io/hostname',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'web' } },
    },
  ],
});
const tainted: Edit<core.Node> = (n) => {
  n.spec!.taints = [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }];
};
const cordoned: Edit<core.Node> = (n) => {
  n.spec!.unschedulable = true;
};
const small: Edit<core.Node> = (n) => {
  n.status!.allocatable = { cpu: '500m', memory: '1Gi', pods: '1' };
};

describe('scheduling decisions', () => {
  it.each<[string, core.Pod, core.Node[], core.Pod[], string]>([
    ['no nodes', free(), [], [], 'no nodes available to schedule pods'],
    [
      'nodeSelector',
      free({ spec: { nodeSelector: { disk: 'ssd' } } }),
      nodes(
        ['a'],
        [
          'b',
          (n) => {
            n.metadata.labels!['disk'] = 'ssd';
          },
        ],
      ),
      [],
      'b',
    ],
    ['matchFields', free({ spec: fields('b') }), nodes(['a'], ['b']), [], 'b'],
    [
      'matchFields of a missing node',
      free({ spec: fields('x') }),
      nodes(['a'], ['b']),
      [],
      "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
    ],
    [
      'a taint',
      free(),
      nodes(['a', tainted]),
      [],
      '0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: db}.',
    ],
    [
      'a tolerated taint',
      free({ spec: { tolerations: [{ key: 'dedicated', operator: 'Exists' }] } }),
      nodes(['a', tainted]),
      [],
      'a',
    ],
    ['a cordoned node', free(), nodes(['a', cordoned], ['b']), [], 'b'],
    [
      'too little CPU and too many Pods',
      free({ spec: requests('1') }),
      nodes(['a', small]),
      [pod('p', { nodeName: 'a' })],
      '0/1 nodes are available: 1 Insufficient cpu, 1 Too many pods.',
    ],
    [
      'CPU taken by others',
      free({ spec: requests('1500m') }),
      nodes(['a'], ['b']),
      [pod('p', { nodeName: 'a', spec: requests('1') })],
      'b',
    ],
    [
      'finished Pods, which take nothing',
      free({ spec: requests('2') }),
      nodes(['a']),
      [pod('p', { nodeName: 'a', phase: 'Succeeded', spec: requests('2') })],
      'a',
    ],
    [
      'a host port that is taken',
      free({ spec: hostPort(80) }),
      nodes(['a']),
      [pod('p', { nodeName: 'a', spec: hostPort(80) })],
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    ],
    [
      'a host port on another address',
      free({ spec: hostPort(80, '127.0.0.2') }),
      nodes(['a']),
      [pod('p', { nodeName: 'a', spec: hostPort(80, '127.0.0.1') })],
      'a',
    ],
    [
      'a host port on all addresses',
      free({ spec: hostPort(80, '0.0.0.0') }),
      nodes(['a']),
      [pod('p', { nodeName: 'a', spec: hostPort(80, '127.0.0.1') })],
      "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
    ],
    ['anti-affinity', free({ spec: anti('web') }), nodes(['a'], ['b']), [pod('p', { nodeName: 'a' })], 'b'],
    [
      'anti-affinity that nothing satisfies',
      free({ spec: anti('web') }),
      nodes(['a']),
      [pod('p', { nodeName: 'a' })],
      "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
    ],
    [
      'anti-affinity of a running Pod',
      free(),
      nodes(['a']),
      [pod('p', { nodeName: 'a', labels: { app: 'x' }, spec: anti('web') })],
      "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
    ],
    [
      'affinity to a running Pod',
      free({ spec: together('db') }),
      nodes(['a'], ['b']),
      [pod('p', { nodeName: 'b', labels: { app: 'db' } })],
      'b',
    ],
    [
      'affinity to a Pod that is nowhere',
      free({ spec: together('db') }),
      nodes(['a']),
      [],
      "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.",
    ],
    ['affinity to itself as the first of its group', free({ spec: together('web') }), nodes(['a']), [], 'a'],
    [
      'a spread constraint',
      free({ spec: spread(1) }),
      nodes(['a'], ['b']),
      [pod('p', { nodeName: 'a' })],
      'b',
    ],
    [
      'a spread constraint that nothing satisfies',
      free({ spec: { ...spread(1), nodeSelector: { x: 'y' } } }),
      nodes(['a']),
      [],
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    ],
  ])('respects %s', (_, wanted, on, placed, expected) => {
    expect(place(wanted, on, placed)).toBe(expected);
  });

  it('spreads Pods of one owner over nodes', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: 'rs', controller: true };
    const state = new ClusterState();
    for (const each of nodes(['a'], ['b'], ['c'])) state.setNode(each);
    const used: string[] = [];
    for (let i = 0; i < 9; i++) {
      const next = pod(`p${i}`, { nodeName: '' });
      next.metadata.ownerReferences = [owner];
      const info = podInfo(next);
      const decision = decide(info, state.nodes(), () => undefined);
      state.assume(info, decision.node!);
      used.push(decision.node!);
    }
    expect(['a', 'b', 'c'].map((n) => used.filter((u) => u === n).length)).toEqual([3, 3, 3]);
  });

  it('gives room back when Pods finish, move out or change size, and not when they only report', () => {
    const state = new ClusterState();
    for (const each of nodes(['a'])) state.setNode(each);
    const taken = () => state.nodes()[0]!.requested.get('cpu') ?? 0;
    const at = (generation: number, cpu: string, phase = 'Running') => {
      const made = pod('p', { nodeName: 'a', phase, spec: requests(cpu) });
      made.metadata.generation = generation;
      return made;
    };
    state.setPod(at(1, '1'));
    state.setPod({ ...at(1, '1'), status: { phase: 'Running', podIP: '10.0.0.1' } });
    expect([taken(), state.nodes()[0]!.pods.get('default/p')!.pod.status!.podIP]).toEqual([1000, '10.0.0.1']);
    state.setPod(at(2, '1500m'));
    expect(taken()).toBe(1500);
    state.setPod(at(2, '1500m', 'Succeeded'));
    expect([taken(), state.nodes()[0]!.pods.size]).toEqual([0, 0]);
  });

  it('prefers nodes that have what the Pod prefers', () => {
    const preferred: Partial<core.PodSpec> = {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 50, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } },
          ],
        },
      },
    };
    const on = nodes(
      ['a'],
      [
        'b',
        (n) => {
          n.metadata.labels!['disk'] = 'ssd';
        },
      ],
      ['c'],
    );
    expect(place(free({ spec: preferred }), on)).toBe('b');
  });
});

describe('less common terms', () => {
  const [a] = nodes(['a']);
  const term = (more: Partial<core.PodAffinityTerm>): Partial<core.PodSpec> => ({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname', ...more },
        ],
      },
    },
  });
  const constraint = (more: Partial<core.TopologySpreadConstraint>): Partial<core.PodSpec> => ({
    topologySpreadConstraints: [{ ...spread(1).topologySpreadConstraints![0]!, ...more }],
  });
  const refusedByAffinity = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.";
  const refusedBySpread = "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.";
  const version = (value: string) => ({ app: 'web', version: value });
  const on = (name: string, options: PodOptions = {}) => pod(`on-${name}`, { nodeName: name, ...options });

  it.each<[string, PodOptions, PodOptions, string]>([
    [
      'namespaces that a selector names',
      { spec: term({ namespaceSelector: { matchLabels: { team: 'a' } } }) },
      { namespace: 'other' },
      refusedByAffinity,
    ],
    [
      'namespaces that a selector leaves out',
      { spec: term({ namespaceSelector: { matchLabels: { team: 'b' } } }) },
      { namespace: 'other' },
      'a',
    ],
    [
      'every namespace by an empty selector',
      { spec: term({ namespaceSelector: {} }) },
      { namespace: 'other' },
      refusedByAffinity,
    ],
    [
      'namespaces by name',
      { spec: term({ namespaces: ['other'] }) },
      { namespace: 'other' },
      refusedByAffinity,
    ],
    ['its own namespace only', { spec: term({}) }, { namespace: 'other' }, 'a'],
    [
      'matchLabelKeys of its own value',
      { labels: version('1'), spec: term({ matchLabelKeys: ['version'] }) },
      { labels: version('1') },
      refusedByAffinity,
    ],
    [
      'matchLabelKeys of another value',
      { labels: version('2'), spec: term({ matchLabelKeys: ['version'] }) },
      { labels: version('1') },
      'a',
    ],
    [
      'mismatchLabelKeys of another value',
      { labels: version('2'), spec: term({ mismatchLabelKeys: ['version'] }) },
      { labels: version('1') },
      refusedByAffinity,
    ],
    [
      'mismatchLabelKeys of its own value',
      { labels: version('1'), spec: term({ mismatchLabelKeys: ['version'] }) },
      { labels: version('1') },
      'a',
    ],
    ['fewer domains than minDomains', { spec: constraint({ minDomains: 2 }) }, {}, refusedBySpread],
    ['as many domains as minDomains', { spec: constraint({ minDomains: 1 }) }, {}, 'a'],
    [
      'matchLabelKeys of a spread',
      { labels: version('2'), spec: constraint({ minDomains: 2, matchLabelKeys: ['version'] }) },
      { labels: version('1') },
      'a',
    ],
  ])('of affinities and spread constraints: %s', (_what, wanted, placed, expected) => {
    expect(place(free(wanted), [a!], [on('a', placed)])).toBe(expected);
  });

  it('of spread constraints count the nodes that their policies say', () => {
    const disks: Edit<core.Node> = (n) => {
      n.metadata.labels!['disk'] = 'ssd';
    };
    const selected = { nodeSelector: { disk: 'ssd' } };
    const both = nodes(['a', disks], ['b', tainted]);
    const wanted = (more: Partial<core.TopologySpreadConstraint>, spec: Partial<core.PodSpec> = {}) =>
      place(free({ spec: { ...constraint(more), ...spec } }), both, [on('a')]);
    // The tainted node is empty and counts, unless taints are honoured.
    expect(wanted({})).toContain('0/2 nodes are available');
    expect(wanted({ nodeTaintsPolicy: 'Honor' })).toBe('a');
    // The node that is not selected counts only when affinity is ignored.
    expect(wanted({}, selected)).toBe('a');
    expect(wanted({ nodeAffinityPolicy: 'Ignore' }, selected)).toContain('0/2 nodes are available');
  });
});
