import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '#base';
import { loadProxyConfig } from './load.js';
import { ConfigError } from './schema.js';

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

describe('loadProxyConfig', () => {
  it('gives upstream’s defaults for an empty file', () => {
    const { config, warnings } = loadProxyConfig('');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      mode: 'nftables',
      healthzBindAddress: '0.0.0.0:10256',
      metricsBindAddress: '127.0.0.1:10249',
      detectLocalMode: 'ClusterCIDR',
      nftables: { masqueradeBit: 14, masqueradeAll: false, syncPeriodMs: 30_000, minSyncPeriodMs: 0 },
      iptables: { minSyncPeriodMs: 1000, localhostNodePorts: true },
      conntrack: { maxPerCore: 32_768, min: 131_072, tcpEstablishedTimeoutMs: 86_400_000 },
    });
  });

  it('reads a kubeadm file, whose null and zero values mean the defaults', () => {
    const { config, warnings } = loadProxyConfig(`${head}
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.244.0.0/16,fd00:244::/56
configSyncPeriod: 0s
conntrack: { maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s }
detectLocal: { bridgeInterface: "", interfaceNamePrefix: "" }
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
ipvs: { excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s }
logging: { flushFrequency: 0, options: { json: { infoBufferSize: "0" } }, verbosity: 0 }
metricsBindAddress: ""
mode: ""
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: { enableDSR: false }
`);
    expect(warnings).toEqual([]);
    expect(config.clientConnection.kubeconfig).toBe('/var/lib/kube-proxy/kubeconfig.conf');
    expect(config.clusterCIDR).toBe('10.244.0.0/16,fd00:244::/56');
    expect(config.conntrack.maxPerCore).toBe(32_768);
    expect(config.healthzBindAddress).toBe('0.0.0.0:10256');
    expect(config.ipvs).toMatchObject({ scheduler: 'rr', syncPeriodMs: 30_000 });
  });

  it('warns about unknown and repeated fields and goes on', () => {
    const { config, warnings } = loadProxyConfig(
      `${head}mode: nftables\nmode: iptables\nnftables: {speed: 9}\n`,
    );
    expect(config.mode).toBe('iptables');
    expect(warnings.join('\n')).toMatch(/unknown field "nftables.speed"/);
    expect(warnings.join('\n')).toMatch(/unique/i);
  });

  it.each([
    ['mode: magic', 'mode'],
    ['nftables: {masqueradeBit: 32}', 'nftables.masqueradeBit'],
    ['nftables: {syncPeriod: 5}', 'nftables.syncPeriod'],
    ['nftables: {syncPeriod: 1s, minSyncPeriod: 2s}', 'nftables.minSyncPeriod'],
    ['clusterCIDR: 10.0.0.0', 'clusterCIDR'],
    ['nodePortAddresses: [primary, 10.0.0.0/8]', 'nodePortAddresses'],
    ['nodePortAddresses: [10.0.0.1]', 'nodePortAddresses'],
    ['detectLocalMode: BridgeInterface', 'detectLocal.bridgeInterface'],
    ['bindAddress: here', 'not a valid textual representation of an IP address'],
    ['healthzBindAddress: "0.0.0.0:0"', 'must be a valid port'],
    ['metricsBindAddress: "localhost:10249"', 'must be a valid IP'],
    ['metricsBindAddress: "10249"', 'must be IP:port'],
    [
      'showHiddenMetricsForVersion: "1.30"',
      "must be omitted or have the value '1.35'. Only the previous minor version is allowed",
    ],
    [
      'featureGates: {NFTablesProxyMode: false}',
      'cannot set feature gate NFTablesProxyMode to false, feature is locked to true',
    ],
    ['featureGates: {AllAlpha: "yes"}', 'featureGates'],
    ['logging: {format: xml}', 'logging.format'],
    ['kind: Pod', 'kind'],
    ['mode: [', 'Flow sequence'],
  ])('refuses %s', (line, path) => {
    const load = () =>
      loadProxyConfig(line.startsWith('kind') ? `apiVersion: x\n${line}` : `${head}${line}\n`);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(path === 'kind' ? 'apiVersion' : path);
  });

  it('lets flags win over the file', () => {
    expect(loadProxyConfig(`${head}mode: iptables\n`, { mode: 'nftables' }).config.mode).toBe('nftables');
  });

  it('reports feature gates that mean nothing to a proxy', () => {
    const { config, warnings } = loadProxyConfig(
      `${head}featureGates: {Nonsense: true, AllowServiceExternalIPs: false}\n`,
    );
    expect(warnings).toEqual(['unrecognized feature gate: Nonsense']);
    expect(config.featureGates).toEqual({ Nonsense: true, AllowServiceExternalIPs: false });
  });

  it('lets logging flags set single fields beside a file', () => {
    const { config } = loadProxyConfig(`${head}logging: {format: json, verbosity: 1}\n`, {
      logging: { verbosity: 7 },
    });
    expect(config.logging).toMatchObject({ format: 'json', verbosity: 7 });
  });

  it('never fails with anything but ConfigError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.object().map((o) => JSON.stringify(o)),
        ),
        (text) => {
          try {
            loadProxyConfig(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        },
      ),
    );
  });
});

describe('durations', () => {
  it.each([
    ['0', 0],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['-2s', -2000],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '5', 's', '1 s', '1x', '1h-2m'])('refuses "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('reads back what it prints', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
