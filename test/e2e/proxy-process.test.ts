import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { inNamespaces } from '../kernel/node-namespace.js';
import { kubesvc, run } from './harness.js';
import { part } from './parts.js';

/** Every flag of `kube-proxy --help`, 1.36 on Linux, with a value, and what it makes of the configuration file. */
const FLAGS: [flag: string, field: string, value: unknown][] = [
  ['--bind-address=10.1.1.1', 'bindAddress', '10.1.1.1'],
  ['--bind-address-hard-fail', 'bindAddressHardFail', true],
  ['--cluster-cidr=10.1.0.0/16,fd00::/64', 'clusterCIDR', '10.1.0.0/16,fd00::/64'],
  ['--config-sync-period=10m', 'configSyncPeriod', '10m0s'],
  ['--conntrack-max-per-core=1', 'conntrack.maxPerCore', 1],
  ['--conntrack-min=2', 'conntrack.min', 2],
  ['--conntrack-tcp-be-liberal=true', 'conntrack.tcpBeLiberal', true],
  ['--conntrack-tcp-timeout-close-wait=3s', 'conntrack.tcpCloseWaitTimeout', '3s'],
  ['--conntrack-tcp-timeout-established=4s', 'conntrack.tcpEstablishedTimeout', '4s'],
  ['--conntrack-udp-timeout=5s', 'conntrack.udpTimeout', '5s'],
  ['--conntrack-udp-timeout-stream=6s', 'conntrack.udpStreamTimeout', '6s'],
  ['--detect-local-mode=BridgeInterface', 'detectLocalMode', 'BridgeInterface'],
  [
    '--feature-gates=AllowServiceExternalIPs=false,AllBeta=true',
    'featureGates.AllowServiceExternalIPs',
    false,
  ],
  ['--healthz-bind-address=127.0.0.1:1', 'healthzBindAddress', '127.0.0.1:1'],
  ['--hostname-override=Node-A', 'hostnameOverride', 'node-a'],
  ['--iptables-localhost-nodeports=false', 'iptables.localhostNodePorts', false],
  ['--iptables-masquerade-bit=7', 'iptables.masqueradeBit', 7],
  ['--iptables-min-sync-period=8ms', 'iptables.minSyncPeriod', '8ms'],
  ['--iptables-sync-period=9s', 'iptables.syncPeriod', '9s'],
  ['--ipvs-exclude-cidrs=10.2.0.0/16,10.3.0.0/16', 'ipvs.excludeCIDRs', ['10.2.0.0/16', '10.3.0.0/16']],
  ['--ipvs-min-sync-period=10s', 'ipvs.minSyncPeriod', '10s'],
  ['--ipvs-scheduler=lc', 'ipvs.scheduler', 'lc'],
  ['--ipvs-strict-arp', 'ipvs.strictARP', true],
  ['--ipvs-sync-period=11s', 'ipvs.syncPeriod', '11s'],
  ['--ipvs-tcp-timeout=12s', 'ipvs.tcpTimeout', '12s'],
  ['--ipvs-tcpfin-timeout=13s', 'ipvs.tcpFinTimeout', '13s'],
  ['--ipvs-udp-timeout=14s', 'ipvs.udpTimeout', '14s'],
  ['--kube-api-burst=15', 'clientConnection.burst', 15],
  ['--kube-api-content-type=application/json', 'clientConnection.contentType', 'application/json'],
  ['--kube-api-qps=16.5', 'clientConnection.qps', 16.5],
  ['--kubeconfig=/k', 'clientConnection.kubeconfig', '/k'],
  ['--log-flush-frequency=17s', 'logging.flushFrequency', '17s'],
  ['--logging-format=json', 'logging.format', 'json'],
  ['--masquerade-all', 'nftables.masqueradeAll', true],
  ['--master=https://127.0.0.1:1', 'kind', 'KubeProxyConfiguration'],
  ['--metrics-bind-address=[::1]', 'metricsBindAddress', '[::1]:10249'],
  ['--nodeport-addresses=primary', 'nodePortAddresses', ['primary']],
  ['--oom-score-adj=-5', 'oomScoreAdj', -5],
  ['--pod-bridge-interface=cbr0', 'detectLocal.bridgeInterface', 'cbr0'],
  ['--pod-interface-name-prefix=veth', 'detectLocal.interfaceNamePrefix', 'veth'],
  ['--profiling', 'enableProfiling', true],
  ['--proxy-mode=iptables', 'mode', 'iptables'],
  ['--show-hidden-metrics-for-version=1.35', 'showHiddenMetricsForVersion', '1.35'],
  ['-v=6', 'logging.verbosity', 6],
  ['--vmodule=proxier=9', 'kind', 'KubeProxyConfiguration'],
];

const fieldOf = (file: unknown, path: string) =>
  path.split('.').reduce<unknown>((at, part_) => (at as Record<string, unknown>)[part_], file);

inNamespaces(import.meta.url, 'root', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubesvc-proxy-process-'));
  const path = (name: string) => join(directory, name);
  const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

  beforeAll(async () => {
    expect((await run('ip', ['link', 'set', 'lo', 'up'])).code).toBe(0);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  describe('kubesvc proxy as a process', () => {
    it('takes every flag of kube-proxy and writes the configuration that they mean', async () => {
      const file = path('written');
      const flags = FLAGS.map(([flag]) => flag);
      const result = await kubesvc(['proxy', ...flags, `--write-config-to=${file}`]);
      expect(result.stderr).toContain('Wrote configuration');
      const written: unknown = parse(readFileSync(file, 'utf8'));
      expect(FLAGS.map(([flag, field]) => [flag, fieldOf(written, field)])).toEqual(
        FLAGS.map(([flag, , value]) => [flag, value]),
      );
    });

    it('lets the file win over flags but for logging and the node’s name, and says so', async () => {
      writeFileSync(path('config'), `${head}mode: nftables\nhostnameOverride: from-file\n`);
      const result = await kubesvc([
        'proxy',
        ...['--config', path('config'), '--write-config-to', path('written'), '--proxy-mode', 'iptables'],
        ...['--hostname-override', 'from-flag', '-v', '5'],
      ]);
      expect(result.stderr).toContain('ignored since --config is given: --proxy-mode');
      const written: unknown = parse(readFileSync(path('written'), 'utf8'));
      expect(written).toMatchObject({
        mode: 'nftables',
        hostnameOverride: 'from-flag',
        logging: { verbosity: 5 },
      });
    });

    it.each([
      [['--conntrack-min=x'], 'invalid argument "x" for "--conntrack-min" flag'],
      [['--hostname-override= '], 'empty hostname-override is invalid'],
      [['--proxy-mode=magic'], 'mode'],
      [['--healthz-port=10300', '--proxy-mode=magic'], 'mode'],
    ])('refuses %j', async (flags, message) => {
      const result = await kubesvc(['proxy', ...flags]);
      expect(result.code).not.toBe(0);
      expect(result.stderr).toContain(message);
    });

    it('sets the conntrack sysctls with --init-only and ends', async () => {
      const timeout = '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait';
      const liberal = '/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal';
      const flags = ['--conntrack-tcp-timeout-close-wait=77s', '--conntrack-tcp-be-liberal'];
      expect((await kubesvc(['proxy', '--init-only', ...flags])).code).toBe(0);
      expect([readFileSync(timeout, 'utf8'), readFileSync(liberal, 'utf8')]).toEqual(['77\n', '1\n']);
    });

    it('ends with an error when its configuration file changes', async () => {
      const kubeconfig = path('kubeconfig');
      writeFileSync(
        kubeconfig,
        'clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: c\n',
      );
      const config = `${head}clientConnection: {kubeconfig: ${kubeconfig}}\nhealthzBindAddress: 127.0.0.1:10256\n`;
      writeFileSync(path('config'), config);
      const proxy = part('proxy', '--config', path('config'), '-v=4');
      await expect
        .poll(async () => (await fetch('http://127.0.0.1:10256/livez')).status, { timeout: 30_000 })
        .toBe(200);
      writeFileSync(path('config'), `${config}mode: iptables\n`);
      expect(await proxy.exitCode).toBe(1);
      expect(proxy.output).toContain("content of the proxy server's configuration file was updated");
    });
  });
});
