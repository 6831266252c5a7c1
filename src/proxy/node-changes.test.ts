import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock, type Startable, silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createProxyInformers } from './informers.js';
import { NftPrograms } from './testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME, OTHER_NODE } from './testing/objects.js';
import { type ProxyFixtureOptions, proxyFixture } from './testing/proxy-fixture.js';

/** A busy machine may take its time. */
const PATIENCE = { timeout: 15_000 };

const isFull = ({ full }: { full: boolean }) => full;

describe('a running proxy', () => {
  let running: Startable | undefined;

  afterEach(() => running?.stop());

  async function started(
    options: ProxyFixtureOptions = {},
    seed: (made: ReturnType<typeof proxyFixture>) => void = () => {},
  ) {
    const made = proxyFixture(options);
    seed(made);
    running = made.proxy;
    await made.proxy.start();
    return made;
  }

  const keys = (elements: [string, string][]) => elements.map(([key]) => key).sort();

  it('says Starting on its Node, as kube-proxy', async () => {
    const { recorded } = await started();
    expect(recorded).toEqual([
      {
        object: { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME, uid: NODE_NAME } },
        type: 'Normal',
        reason: 'Starting',
        message: '',
      },
    ]);
  });

  it('notices a new address of the node that NodePorts shall answer on', async () => {
    const own = ['192.168.0.2'];
    const clock = new FakeClock(Date.now());
    const config = { nodePortAddresses: ['192.168.0.0/16'] };
    const { elements, synced } = await started({ config, clock, localAddresses: () => own });
    expect(keys(elements('nodeport-ips'))).toEqual(['192.168.0.2']);
    await synced(() => {
      own.push('192.168.7.7');
      clock.advance(5000);
    }, isFull);
    expect(keys(elements('nodeport-ips'))).toEqual(['192.168.0.2', '192.168.7.7']);
  });

  it('follows the node’s own address', async () => {
    const { api, elements, synced } = await started();
    const status = { addresses: [{ type: 'InternalIP', address: '192.168.0.3' }] };
    await synced(() => api.seed(Resources.nodes, { metadata: { name: NODE_NAME }, status }), isFull);
    expect(keys(elements('nodeport-ips'))).toEqual(['192.168.0.3']);
  });

  it('puts ServiceCIDRs in force as they come and go', async () => {
    const { api, elements, synced } = await started();
    const cidr = { metadata: { name: 'more' }, spec: { cidrs: ['10.200.0.0/16', 'fd00:200::/112'] } };
    await synced(() => api.seed(Resources.serviceCIDRs, cidr), isFull);
    expect(keys(elements('service-cidrs'))).toEqual(['10.200.0.0/16']);
    await synced(() => api.remove(Resources.serviceCIDRs, 'more'), isFull);
    expect(elements('service-cidrs')).toEqual([]);
  });

  it('does not even read headless Services, their slices, or other nodes', () => {
    const selectors: string[] = [];
    const factory = createInformerFactory(new FakeClient(), { logger: silentLogger });
    const informer: typeof factory.informer = (resource, options = {}) => {
      selectors.push(`${resource.resource} ${options.labelSelector ?? ''} ${options.fieldSelector ?? ''}`);
      return factory.informer(resource, options);
    };
    createProxyInformers({ ...factory, informer }, NODE_NAME, {});
    expect(selectors).toEqual([
      'services !service.kubernetes.io/service-proxy-name spec.clusterIP!=None',
      'endpointslices !service.kubernetes.io/headless ',
      `nodes  metadata.name=${NODE_NAME}`,
    ]);
  });

  it.each([
    [true, ['172.30.0.1 . tcp . 80', '198.51.100.7 . tcp . 80']],
    [false, ['172.30.0.1 . tcp . 80']],
  ])('serves external IPs with AllowServiceExternalIPs=%s accordingly', async (gate, addresses) => {
    const config = { featureGates: { AllowServiceExternalIPs: gate } };
    const { elements } = await started({ config }, ({ api }) => {
      api.seed(Resources.services, makeService('web', '172.30.0.1', { externalIPs: ['198.51.100.7'] }));
      api.seed(Resources.endpointSlices, makeSlice('web', [{ ip: '10.0.0.1' }]));
    });
    expect(keys(elements('service-ips'))).toEqual(addresses);
  });

  it('counts deletions of unused objects that fail', async () => {
    const clock = new FakeClock(Date.now());
    const { api, metrics, synced, programs } = await started({ clock }, ({ api: to }) => {
      to.seed(Resources.services, makeService('web', '172.30.0.1', { sessionAffinity: 'ClientIP' }));
      to.seed(Resources.endpointSlices, makeSlice('web', [{ ip: '10.0.0.1' }]));
    });
    await synced(() => api.remove(Resources.services, 'web', 'ns'));
    programs.refusal = 'Error: Device or resource busy';
    const failures = async () => {
      clock.advance(1500);
      const { body } = await metrics.scrape();
      return Number(/nftables_cleanup_failures_total\{.*\} (\d+)/.exec(body)?.[1] ?? 0);
    };
    await expect.poll(failures, PATIENCE).toBeGreaterThan(0);
  });

  it('measures how UDP flows are cleaned up', async () => {
    const programs = new NftPrograms();
    const run = programs.onRun!;
    const flow =
      'udp 17 99 src=10.9.9.9 dst=172.30.0.1 sport=1000 dport=80 src=10.0.0.1 dst=10.9.9.9 sport=80 dport=1000 use=1\n';
    programs.onRun = (call) =>
      call.file === 'conntrack' && call.args[0] === '-L' ? { stdout: flow } : run(call);
    const ports = [{ name: 'p80', port: 80, protocol: 'UDP' }];
    const { api, metrics } = await started({ programs }, ({ api: to }) => {
      to.seed(Resources.services, makeService('dns', '172.30.0.1', { ports }));
      to.seed(Resources.endpointSlices, makeSlice('dns', [{ ip: '10.0.0.1' }], ports));
    });
    api.seed(Resources.endpointSlices, makeSlice('dns', [{ ip: '10.0.0.2' }], ports));
    const value = async (name: string) => {
      const found = new RegExp(`conntrack_reconciler_${name}\\{ip_family="IPv4"\\} (\\d+)`).exec(
        (await metrics.scrape()).body,
      );
      return Number(found?.[1] ?? 0);
    };
    await expect.poll(() => value('deleted_entries_total'), PATIENCE).toBe(1);
    expect(await value('sync_duration_seconds_count')).toBe(2);
    expect(programs.calls.filter(({ file, args }) => file === 'conntrack' && args[0] === '-R')).toHaveLength(
      1,
    );
  });

  it('moves each of upstream’s metrics when it should', async () => {
    const { api, metrics, synced, programs } = await started({}, ({ api: to }) => {
      to.seed(Resources.services, makeService('web', '172.30.0.1', { internalTrafficPolicy: 'Local' }));
      to.seed(Resources.endpointSlices, makeSlice('web', [{ ip: '10.0.0.1', node: OTHER_NODE }]));
    });
    const value = async (name: string, labels = 'ip_family="IPv4"') => {
      const { body } = await metrics.scrape();
      const line = body.split('\n').find((text) => text.startsWith(`kubeproxy_${name}{${labels}}`));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    };
    const changed = makeSlice('web', [{ ip: '10.0.0.2', node: OTHER_NODE }]);
    changed.metadata.annotations = {
      'endpoints.kubernetes.io/last-change-trigger-time': new Date(Date.now() + 1000).toISOString(),
    };
    expect(await value('sync_full_proxy_rules_duration_seconds_count')).toBe(1);
    expect(await value('sync_partial_proxy_rules_duration_seconds_count')).toBeUndefined();
    const [services, endpoints] = [
      await value('sync_proxy_rules_service_changes_total'),
      await value('sync_proxy_rules_endpoint_changes_total'),
    ];
    await synced(() => api.seed(Resources.endpointSlices, changed));
    expect(await value('sync_proxy_rules_endpoint_changes_total')).toBe(endpoints! + 1);
    await synced(() => api.seed(Resources.services, makeService('new', '172.30.0.2')));
    expect(await value('sync_proxy_rules_service_changes_total')).toBe(services! + 1);
    expect(await value('sync_partial_proxy_rules_duration_seconds_count')).toBe(2);
    expect(await value('sync_proxy_rules_duration_seconds_count')).toBe(3);
    expect(await value('network_programming_duration_seconds_count')).toBe(1);
    const last = await value('sync_proxy_rules_last_timestamp_seconds');
    const queued = await value('sync_proxy_rules_last_queued_timestamp_seconds');
    expect(Math.abs(last! - Date.now() / 1000)).toBeLessThan(60);
    expect(queued).toBeLessThanOrEqual(last!);
    const internal = 'ip_family="IPv4",traffic_policy="internal"';
    expect(await value('sync_proxy_rules_no_local_endpoints_total', internal)).toBe(1);
    expect(await value('sync_proxy_rules_endpoint_changes_pending')).toBe(0);
    expect(await value('sync_proxy_rules_service_changes_pending')).toBe(0);
    programs.refusal = 'Error: no';
    api.seed(Resources.services, makeService('third', '172.30.0.3'));
    await expect
      .poll(() => value('sync_proxy_rules_nftables_sync_failures_total'), PATIENCE)
      .toBeGreaterThan(0);
    programs.refusal = undefined;
    await expect.poll(() => value('sync_full_proxy_rules_duration_seconds_count'), PATIENCE).toBe(2);
  });
});
