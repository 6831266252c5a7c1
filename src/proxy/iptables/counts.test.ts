import { describe, expect, it } from 'vitest';
import { TestCluster } from '../testing/cluster.js';
import { desiredOf, testSettings } from '../testing/flows.js';
import { makeService, makeSlice } from '../testing/objects.js';
import { parseCounts } from './counts.js';
import { serviceRules } from './service-rules.js';

describe('parseCounts', () => {
  it('counts per endpoint and per Service what the DNAT rules of our chains have seen', async () => {
    const cluster = new TestCluster().add(
      makeService('web', '172.30.0.1'),
      makeSlice('web', [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]),
    );
    const [service] = [...(await desiredOf(cluster)).values()];
    const { endpoints } = serviceRules(service!, testSettings());
    const [first, second] = [...endpoints.keys()];
    const saved = `*nat
:KSVC-SERVICES - [0:0]
:${first} - [0:0]
[9:540] -A KSVC-SERVICES -d 172.30.0.1/32 -p tcp -m tcp --dport 80 -j KSVC-SVC-X
[1:60] -A ${first} -s 10.0.0.1/32 -j KSVC-MARK-MASQ
[5:300] -A ${first} -p tcp -m tcp -j DNAT --to-destination 10.0.0.1:80
[4:240] -A ${second} -p tcp -m tcp -j DNAT --to-destination 10.0.0.2:80
[8:480] -A KUBE-SEP-X -p tcp -m tcp -j DNAT --to-destination 10.0.0.2:80
COMMIT
`;
    const read = (detail: 'endpoint' | 'service') =>
      parseCounts(saved, (chain) => endpoints.get(chain), detail).map(
        ({ endpoint, connections }) => `${endpoint?.ip ?? 'all'} ${connections}`,
      );
    expect(read('endpoint')).toEqual(['10.0.0.1 5', '10.0.0.2 4']);
    expect(read('service')).toEqual(['all 9']);
  });
});
