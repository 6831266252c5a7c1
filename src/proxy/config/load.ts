import { parseDocument } from 'yaml';
import { parseAddress, parseCidr } from '../state/addresses.js';
import { algorithms } from '../state/service-port.js';
import { checkFeatureGates } from './feature-gates.js';
import {
  ConfigError,
  choice,
  duration,
  either,
  emptyMeans,
  flag,
  flags,
  ignored,
  integer,
  number,
  record,
  text,
  texts,
  zeroMeans,
} from './schema.js';
import type { LoadedConfig, ProxyConfig } from './types.js';

export const API_VERSION = 'kubeproxy.config.k8s.io/v1alpha1';
export const KIND = 'KubeProxyConfiguration';

const SECOND = 1000;
const HOUR = 3_600_000;

const ruleFields = (minSyncPeriodMs: number) => ({
  masqueradeBit: integer(14, 0, 31),
  masqueradeAll: flag(false),
  syncPeriod: zeroMeans(30 * SECOND),
  minSyncPeriod: zeroMeans(minSyncPeriodMs),
});

/** The kernel's, with upstream's default first. */
const ipvsSchedulers = 'rr wrr lc wlc lblc lblcr sh dh sed nq fo ovf mh'.split(' ');

const file = record({
  apiVersion: text(''),
  kind: text(''),
  featureGates: flags(),
  clientConnection: record({
    kubeconfig: text(''),
    acceptContentTypes: text(''),
    contentType: emptyMeans('application/vnd.kubernetes.protobuf'),
    qps: number(5),
    burst: integer(10, 0, 2 ** 31 - 1),
  }),
  logging: record({
    format: choice(['text', 'json'] as const, 'text'),
    // A number counts nanoseconds, as Go's durations once did.
    flushFrequency: either(number(0), duration(5 * SECOND)),
    verbosity: integer(0, 0, 2 ** 31 - 1),
    vmodule: ignored(),
    options: ignored(),
  }),
  hostnameOverride: text(''),
  bindAddress: emptyMeans('0.0.0.0'),
  healthzBindAddress: emptyMeans('0.0.0.0:10256'),
  metricsBindAddress: emptyMeans('127.0.0.1:10249'),
  bindAddressHardFail: flag(false),
  enableProfiling: flag(false),
  showHiddenMetricsForVersion: text(''),
  mode: choice(['nftables', 'iptables', 'ipvs', 'userspace'] as const, 'nftables'),
  iptables: record({ ...ruleFields(SECOND), localhostNodePorts: flag(true) }),
  // Upstream waits a second between syncs since each costs that much; here a change costs milliseconds.
  nftables: record(ruleFields(0)),
  ipvs: record({
    ...ruleFields(0),
    scheduler: choice(ipvsSchedulers, 'rr'),
    excludeCIDRs: texts(),
    strictARP: flag(false),
    tcpTimeout: duration(0),
    tcpFinTimeout: duration(0),
    udpTimeout: duration(0),
  }),
  winkernel: ignored(),
  detectLocalMode: choice(
    ['ClusterCIDR', 'NodeCIDR', 'BridgeInterface', 'InterfaceNamePrefix'] as const,
    'ClusterCIDR',
  ),
  detectLocal: record({ bridgeInterface: text(''), interfaceNamePrefix: text('') }),
  clusterCIDR: text(''),
  nodePortAddresses: texts(),
  oomScoreAdj: integer(-999, -1000, 1000),
  conntrack: record({
    maxPerCore: integer(32_768, 0, 2 ** 31 - 1),
    min: integer(131_072, 0, 2 ** 31 - 1),
    tcpEstablishedTimeout: duration(24 * HOUR),
    tcpCloseWaitTimeout: duration(HOUR),
    tcpBeLiberal: flag(false),
    udpTimeout: duration(0),
    udpStreamTimeout: duration(0),
  }),
  configSyncPeriod: zeroMeans(900 * SECOND),
  portRange: ignored(),
  windowsRunAsService: ignored(),
  loadBalancing: record({
    algorithm: choice(algorithms, 'random'),
    connectionMetrics: choice(['Endpoint', 'Service', 'None'] as const, 'Endpoint'),
  }),
});

type FileValue = ReturnType<typeof file>;

function rules(value: FileValue['nftables']) {
  return {
    masqueradeBit: value.masqueradeBit,
    masqueradeAll: value.masqueradeAll,
    syncPeriodMs: value.syncPeriod,
    minSyncPeriodMs: value.minSyncPeriod,
  };
}

function conntrack(value: FileValue['conntrack']): ProxyConfig['conntrack'] {
  return {
    maxPerCore: value.maxPerCore,
    min: value.min,
    tcpEstablishedTimeoutMs: value.tcpEstablishedTimeout,
    tcpCloseWaitTimeoutMs: value.tcpCloseWaitTimeout,
    tcpBeLiberal: value.tcpBeLiberal,
    udpTimeoutMs: value.udpTimeout,
    udpStreamTimeoutMs: value.udpStreamTimeout,
  };
}

function toConfig(value: FileValue): ProxyConfig {
  const { ipvs } = value;
  return {
    featureGates: value.featureGates,
    // Zero stands for the default, as upstream's defaulting has it.
    clientConnection: {
      ...value.clientConnection,
      qps: value.clientConnection.qps || 5,
      burst: value.clientConnection.burst || 10,
    },
    logging: {
      format: value.logging.format,
      flushFrequencyMs: value.logging.flushFrequency,
      verbosity: value.logging.verbosity,
    },
    hostnameOverride: value.hostnameOverride,
    bindAddress: value.bindAddress,
    healthzBindAddress: value.healthzBindAddress,
    metricsBindAddress: value.metricsBindAddress,
    bindAddressHardFail: value.bindAddressHardFail,
    enableProfiling: value.enableProfiling,
    showHiddenMetricsForVersion: value.showHiddenMetricsForVersion,
    mode: value.mode,
    iptables: { ...rules(value.iptables), localhostNodePorts: value.iptables.localhostNodePorts },
    nftables: rules(value.nftables),
    ipvs: {
      ...rules(ipvs),
      scheduler: ipvs.scheduler,
      excludeCIDRs: ipvs.excludeCIDRs,
      strictARP: ipvs.strictARP,
      tcpTimeoutMs: ipvs.tcpTimeout,
      tcpFinTimeoutMs: ipvs.tcpFinTimeout,
      udpTimeoutMs: ipvs.udpTimeout,
    },
    detectLocalMode: value.detectLocalMode,
    detectLocal: value.detectLocal,
    clusterCIDR: value.clusterCIDR,
    nodePortAddresses: value.nodePortAddresses,
    oomScoreAdj: value.oomScoreAdj,
    conntrack: conntrack(value.conntrack),
    configSyncPeriodMs: value.configSyncPeriod,
    loadBalancing: value.loadBalancing,
  };
}

/** The release before the one that this program stands for. */
const PREVIOUS_MINOR = '1.35';

function validateAddresses(config: ProxyConfig): void {
  if (parseAddress(config.bindAddress) === undefined) {
    throw new ConfigError(
      'bindAddress',
      `"${config.bindAddress}" is not a valid textual representation of an IP address`,
    );
  }
  for (const name of ['healthzBindAddress', 'metricsBindAddress'] as const) {
    const text_ = config[name];
    const at = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text_);
    if (text_ === '') continue;
    if (at === null) throw new ConfigError(name, `"${text_}" must be IP:port`);
    if (parseAddress(at[1] ?? at[2]!) === undefined)
      throw new ConfigError(name, `"${text_}" must be a valid IP`);
    if (Number(at[3]) < 1 || Number(at[3]) > 65_535)
      throw new ConfigError(name, `"${at[3]}" must be a valid port`);
  }
}

function validate(config: ProxyConfig): void {
  validateAddresses(config);
  const shown = config.showHiddenMetricsForVersion;
  if (shown !== '' && shown !== PREVIOUS_MINOR) {
    throw new ConfigError(
      'showHiddenMetricsForVersion',
      `--show-hidden-metrics-for-version must be omitted or have the value '${PREVIOUS_MINOR}'. Only the previous minor version is allowed`,
    );
  }
  for (const cidr of clusterCIDRs(config)) {
    if (parseCidr(cidr) === undefined) throw new ConfigError('clusterCIDR', `"${cidr}" is not a CIDR`);
  }
  const addresses = config.nodePortAddresses;
  if (addresses.includes('primary') && addresses.length > 1) {
    throw new ConfigError('nodePortAddresses', '"primary" cannot be combined with CIDRs');
  }
  for (const cidr of addresses) {
    if (cidr !== 'primary' && parseCidr(cidr) === undefined) {
      throw new ConfigError('nodePortAddresses', `"${cidr}" is not a CIDR`);
    }
  }
  for (const cidr of config.ipvs.excludeCIDRs) {
    if (parseCidr(cidr) === undefined) throw new ConfigError('ipvs.excludeCIDRs', `"${cidr}" is not a CIDR`);
  }
  if (config.nftables.minSyncPeriodMs > config.nftables.syncPeriodMs) {
    throw new ConfigError('nftables.minSyncPeriod', 'must not exceed syncPeriod');
  }
  if (config.detectLocalMode === 'BridgeInterface' && config.detectLocal.bridgeInterface === '') {
    throw new ConfigError('detectLocal.bridgeInterface', 'is required with detectLocalMode BridgeInterface');
  }
  if (config.detectLocalMode === 'InterfaceNamePrefix' && config.detectLocal.interfaceNamePrefix === '') {
    throw new ConfigError('detectLocal.interfaceNamePrefix', 'is required with InterfaceNamePrefix');
  }
}

/** The cluster's pod CIDRs, one per family. */
export function clusterCIDRs(config: ProxyConfig): string[] {
  return config.clusterCIDR
    .split(',')
    .map((cidr) => cidr.trim())
    .filter((cidr) => cidr !== '');
}

/** Aliases may lead nowhere, or to more than memory holds; the library throws ReferenceError for both. */
function toPlain(document: ReturnType<typeof parseDocument>): Record<string, unknown> {
  try {
    return (document.toJS() ?? {}) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError('', (error as Error).message);
  }
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields of `over` win, in nested objects too. */
function merge(under: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isPlain(value) && isPlain(below) ? merge(below, value) : value;
  }
  return merged;
}

/**
 * Reads a KubeProxyConfiguration file (YAML or JSON). Unknown and duplicate fields become warnings, as upstream's
 * lenient second attempt does; values that do not fit throw ConfigError. An empty text gives the defaults.
 * `overrides` are the values of command line flags, which win over the file; an empty bind address there
 * disables its server (in a file, empty means the default).
 */
export function loadProxyConfig(content: string, overrides: Record<string, unknown> = {}): LoadedConfig {
  const warnings: string[] = [];
  const document = parseDocument(content, { uniqueKeys: false });
  const broken = document.errors[0];
  if (broken !== undefined) throw new ConfigError('', broken.message);
  const raw = toPlain(document);
  for (const warning of parseDocument(content).errors) warnings.push(warning.message.split('\n')[0]!);
  const report = (warning: string) => warnings.push(warning);
  const value = file(merge(raw, overrides), '', report);
  if (content.trim() !== '') {
    if (value.apiVersion !== API_VERSION) throw new ConfigError('apiVersion', `must be ${API_VERSION}`);
    if (value.kind !== KIND) throw new ConfigError('kind', `must be ${KIND}`);
  }
  const config = toConfig(value);
  if (overrides.healthzBindAddress === '') config.healthzBindAddress = '';
  if (overrides.metricsBindAddress === '') config.metricsBindAddress = '';
  validate(config);
  checkFeatureGates(config.featureGates, report);
  return { config, warnings };
}
