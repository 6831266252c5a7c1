import { describe, expect, it } from 'vitest';
import type { NodeSettings } from '../contract.js';
import { TestCluster } from './cluster.js';
import {
  EXTERNAL_CLIENT,
  NODE_IP,
  rulesFor,
  runFlow,
  type TracedMode,
  testSettings,
  tracedModes,
} from './flows.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './objects.js';

/**
 * The core oracle: who comes (pod, node, outside) × what is asked for (cluster IP, NodePort, load balancer IP) ×
 * the Service's policy, under every combination of detector and masqueradeAll. Expected: endpoints reached and
 * whether the source is hidden.
 */
const LOCAL = '10.180.0.1:80';
const BOTH = '10.180.0.1:80, 10.180.1.1:80';
const SOURCES = { pod: '10.0.0.2', node: NODE_IP, outside: EXTERNAL_CLIENT };

const policies = [
  { policy: 'plain', n: 1, spec: {} },
  { policy: 'externalTrafficPolicy', n: 2, spec: { externalTrafficPolicy: 'Local' } },
  { policy: 'internalTrafficPolicy', n: 3, spec: { internalTrafficPolicy: 'Local' } },
] as const;
type Source = keyof typeof SOURCES;
type Policy = (typeof policies)[number]['policy'];

const cluster = new TestCluster();
for (const { n, policy, spec } of policies) {
  const name = policy.toLowerCase();
  cluster.add(
    makeService(
      name,
      `172.30.1.${n}`,
      { type: 'LoadBalancer', ports: [{ name: 'p80', port: 80, nodePort: 3000 + n }], ...spec },
      [`5.6.7.${n}`],
    ),
    makeSlice(name, [
      { ip: '10.180.0.1', node: NODE_NAME },
      { ip: '10.180.1.1', node: OTHER_NODE },
    ]),
  );
}

interface Mode {
  title: string;
  settings: Partial<NodeSettings>;
  hasDetector: boolean;
  all: boolean;
}
const modes: Mode[] = [
  { title: 'base', settings: {}, hasDetector: true, all: false },
  { title: 'no local detector', settings: { localDetector: undefined }, hasDetector: false, all: false },
  { title: 'masqueradeAll', settings: { masqueradeAll: true }, hasDetector: true, all: true },
  {
    title: 'masqueradeAll without a detector',
    settings: { masqueradeAll: true, localDetector: undefined },
    hasDetector: false,
    all: true,
  },
];

/** Upstream's table in words. */
function expected(mode: Mode, source: Source, target: string, policy: Policy, language: TracedMode) {
  if (target === 'cluster IP') {
    const output = policy === 'internalTrafficPolicy' ? LOCAL : BOTH;
    return { output, masq: mode.all || (mode.hasDetector && source !== 'pod') };
  }
  if (policy !== 'externalTrafficPolicy') return { output: BOTH, masq: true };
  // The kernel's balancer does not tell Pods and the node from the outside: nobody gets the short cut.
  if (language === 'ipvs') return { output: LOCAL, masq: false };
  if (source === 'node') return { output: BOTH, masq: true };
  if (source === 'pod' && mode.hasDetector) return { output: BOTH, masq: false };
  return { output: LOCAL, masq: false };
}

const languages = tracedModes;
const combinations = modes.flatMap((mode) => languages.map((language) => ({ ...mode, mode, language })));

describe.each(combinations)('masquerading, $title ($language)', ({ mode, language }) => {
  const cases = policies.flatMap(({ policy, n }) =>
    (Object.keys(SOURCES) as Source[]).flatMap((source) =>
      [
        { target: 'cluster IP', destination: `172.30.1.${n}`, port: 80 },
        { target: 'NodePort', destination: NODE_IP, port: 3000 + n },
        { target: 'load balancer IP', destination: `5.6.7.${n}`, port: 80 },
      ].map((socket) => ({ policy, source, ...socket })),
    ),
  );

  it.each(cases)('$source to $target, $policy', async ({ source, policy, target, destination, port }) => {
    const rules = await rulesFor(language, cluster, testSettings(mode.settings));
    const flow = { name: '', source: SOURCES[source], destination, port, output: '' };
    expect(runFlow(rules, flow)).toEqual(expected(mode, source, target, policy, language));
  });
});
