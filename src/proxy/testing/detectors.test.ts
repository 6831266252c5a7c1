import { describe, expect, it } from 'vitest';
import type { LocalDetector } from '../contract.js';
import { parseCidr } from '../state/addresses.js';
import { TestCluster } from './cluster.js';
import { rulesFor, summarize, testSettings } from './flows.js';
import { makeService, makeSlice, NODE_NAME } from './objects.js';

const detectors: Record<string, LocalDetector> = {
  'CIDR 10.0.0.0/8': { kind: 'cidr', cidrs: [parseCidr('10.0.0.0/8')!] },
  'bridge cbr0': { kind: 'bridge', name: 'cbr0' },
  'prefix veth': { kind: 'prefix', prefix: 'veth' },
};
const runs = (['nftables', 'iptables'] as const).flatMap((mode) =>
  Object.entries(detectors).map(([name, localDetector]) => ({ mode, name, localDetector })),
);

/** Only connections of this node's Pods keep their source on the way to a cluster IP. */
describe.each(runs)('the local detector $name ($mode)', ({ mode, name, localDetector }) => {
  const cluster = new TestCluster().add(
    makeService('web', '172.30.0.41'),
    makeSlice('web', [{ ip: '10.180.0.1', node: NODE_NAME }]),
  );
  const inside = name.startsWith('bridge') ? 'cbr0' : 'veth12';

  it.each([
    ['tells a Pod of this node', '10.0.0.2', inside, false],
    ['from somebody outside', '203.0.113.2', 'eth0', true],
  ])('%s', async (_, source, inputInterface, masq) => {
    const trace = await rulesFor(mode, cluster, testSettings({ localDetector }));
    const packet = {
      family: 'IPv4' as const,
      source,
      destination: '172.30.0.41',
      protocol: 'tcp' as const,
      destinationPort: 80,
      inputInterface,
      mark: 0,
      masqueraded: false,
    };
    expect(summarize(trace(packet, { isLocal: () => false }), packet)).toEqual({
      output: '10.180.0.1:80',
      masq,
    });
  });
});
