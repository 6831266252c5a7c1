import { describe, expect, it } from 'vitest';
import { Resources } from '#client';
import { NftPrograms } from './testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './testing/objects.js';
import { proxyFixture } from './testing/proxy-fixture.js';

describe('createProxy', () => {
  it('starts with the whole cluster in one load and follows it one change at a time', async () => {
    const { api, proxy, synced, elements, metrics } = proxyFixture();
    api.seed(Resources.services, makeService('a', '172.30.0.1'));
    api.seed(Resources.endpointSlices, makeSlice('a', [{ ip: '10.0.0.1' }]));
    await proxy.start();
    try {
      expect(elements('endpoints-tcp')).toEqual([['172.30.0.1 . 80 . 0', '10.0.0.1 . 80']]);
      await synced(() => api.seed(Resources.endpointSlices, makeSlice('a', [{ ip: '10.0.0.9' }])));
      expect(elements('endpoints-tcp')).toEqual([['172.30.0.1 . 80 . 0', '10.0.0.9 . 80']]);
      await synced(() => api.remove(Resources.services, 'a', 'ns'));
      expect(elements('service-ips')).toEqual([]);
      const { body } = await metrics.scrape();
      expect(body).toContain('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}');
      expect(body).toContain('kubeproxy_sync_proxy_rules_endpoint_changes_pending{ip_family="IPv4"} 0');
    } finally {
      await proxy.stop();
    }
  });

  it('follows a Service whose slices move to it by label, and drops it when another proxy takes it', async () => {
    const { api, proxy, synced, elements } = proxyFixture();
    api.seed(Resources.services, makeService('a', '172.30.0.1'), makeService('b', '172.30.0.2'));
    api.seed(Resources.endpointSlices, makeSlice('a', [{ ip: '10.0.0.1' }]));
    await proxy.start();
    try {
      const moved = makeSlice('b', [{ ip: '10.0.0.1' }]);
      moved.metadata.name = 'a-1';
      await synced(() => api.seed(Resources.endpointSlices, moved));
      expect(elements('endpoints-tcp').map(([key]) => key)).toEqual(['172.30.0.2 . 80 . 0']);
      const labelled = makeService('b', '172.30.0.2');
      labelled.metadata.labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
      await synced(() => api.seed(Resources.services, labelled));
      expect(elements('endpoints-tcp')).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  it('writes everything anew when the node moves to another zone', async () => {
    const { api, proxy, synced, elements } = proxyFixture();
    const node = (zone: string) => ({
      metadata: { name: NODE_NAME, labels: { 'topology.kubernetes.io/zone': zone } },
      status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
    });
    api.seed(Resources.nodes, node('z1'));
    api.seed(Resources.services, makeService('a', '172.30.0.1'));
    api.seed(
      Resources.endpointSlices,
      makeSlice('a', [
        { ip: '10.0.0.1', node: NODE_NAME, zones: ['z1'] },
        { ip: '10.0.0.2', node: OTHER_NODE, zones: ['z2'] },
      ]),
    );
    await proxy.start();
    try {
      expect(elements('endpoints-tcp').map(([, value]) => value)).toEqual(['10.0.0.1 . 80']);
      await synced(
        () => api.seed(Resources.nodes, node('z2')),
        (event) => event.full,
      );
      expect(elements('endpoints-tcp').map(([, value]) => value)).toEqual(['10.0.0.2 . 80']);
    } finally {
      await proxy.stop();
    }
  });

  it('refuses to start without a usable nft, and says why', async () => {
    const programs = new NftPrograms();
    const run = programs.onRun!;
    programs.onRun = (call) =>
      call.args[0] === '--version' ? { stdout: 'nftables v0.9.8 (E.D.S.)' } : run(call);
    await expect(proxyFixture({ programs }).proxy.start()).rejects.toThrow(
      /nft.*0\.9\.8.*older than v1\.0\.6/,
    );
    expect(programs.scripts).toEqual([]);
  });
});
