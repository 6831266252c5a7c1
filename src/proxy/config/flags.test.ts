import { describe, expect, it } from 'vitest';
import { type FieldFlag, flagsToFields } from './flags.js';
import { ConfigError } from './schema.js';

const flags: FieldFlag[] = [
  { name: 'masquerade-all', kind: 'bool', fields: ['iptables.masqueradeAll', 'nftables.masqueradeAll'] },
  { name: 'conntrack-min', kind: 'int', fields: ['conntrack.min'] },
  { name: 'kube-api-qps', kind: 'float', fields: ['clientConnection.qps'] },
  { name: 'config-sync-period', kind: 'duration', fields: ['configSyncPeriod'] },
  { name: 'feature-gates', kind: 'gates', fields: ['featureGates'] },
  { name: 'bind-address', kind: 'ip', fields: ['bindAddress'] },
  { name: 'healthz-bind-address', kind: 'healthzAddress', fields: ['healthzBindAddress'] },
  { name: 'healthz-port', kind: 'healthzPort', fields: ['healthzBindAddress'] },
  { name: 'nodeport-addresses', kind: 'list', fields: ['nodePortAddresses'] },
];

describe('flagsToFields', () => {
  it.each([
    ['masquerade-all', true, { iptables: { masqueradeAll: true }, nftables: { masqueradeAll: true } }],
    ['masquerade-all', 'F', { iptables: { masqueradeAll: false }, nftables: { masqueradeAll: false } }],
    ['conntrack-min', '5', { conntrack: { min: 5 } }],
    ['kube-api-qps', '2.5', { clientConnection: { qps: 2.5 } }],
    ['config-sync-period', '1h30m', { configSyncPeriod: '1h30m' }],
    ['feature-gates', 'A=true, B=f', { featureGates: { A: true, B: false } }],
    ['bind-address', '10.0.0.01', { bindAddress: '10.0.0.1' }],
    ['healthz-bind-address', '127.0.0.1', { healthzBindAddress: '127.0.0.1:10256' }],
    ['healthz-bind-address', '::1', { healthzBindAddress: '[::1]:10256' }],
    ['healthz-bind-address', '[::1]:99', { healthzBindAddress: '[::1]:99' }],
    ['healthz-bind-address', '', { healthzBindAddress: '' }],
    ['healthz-port', '0', { healthzBindAddress: '' }],
    ['healthz-port', '11256', { healthzBindAddress: '0.0.0.0:11256' }],
    [
      'nodeport-addresses',
      '10.0.0.0/8,192.168.0.0/16',
      { nodePortAddresses: ['10.0.0.0/8', '192.168.0.0/16'] },
    ],
  ] as const)('reads --%s=%s', (name, text, fields) => {
    expect(flagsToFields(flags, { [name]: text })).toEqual(fields);
  });

  it.each([
    ['masquerade-all', 'yes', 'strconv.ParseBool: parsing "yes": invalid syntax'],
    ['conntrack-min', '1.5', 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ['kube-api-qps', 'fast', 'strconv.ParseFloat: parsing "fast": invalid syntax'],
    ['config-sync-period', '5', 'time: invalid duration "5"'],
    ['feature-gates', 'A', 'missing bool value for A'],
    ['feature-gates', 'A=on', 'invalid value of A: on, err: strconv.ParseBool: parsing "on": invalid syntax'],
    ['bind-address', 'here', 'failed to parse IP: "here"'],
    ['healthz-bind-address', 'here:1', 'must be IP:port'],
  ])('refuses --%s=%s as Go’s flag package would', (name, text, why) => {
    const read = () => flagsToFields(flags, { [name]: text });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(`invalid argument "${text}" for "--${name}" flag: ${why}`);
  });
});
