import type { Clock, Logger, Metrics } from '#base';
import { createNft, type IptablesBackend, type Programs } from '#host';
import type { ProxyConfig } from './config/types.js';
import type { Proxier, ProxyMode } from './contract.js';
import { cleanupIptables, cleanupUpstreamIptables, IptablesProxier } from './iptables/proxier.js';
import { cleanupIpvs } from './ipvs/cleanup.js';
import { checkIpvsSupport, prepareKernel } from './ipvs/preflight.js';
import { IpvsProxier } from './ipvs/proxier.js';
import { chains } from './ipvs/rules.js';
import { cleanupNftables, NftablesProxier } from './nftables/proxier.js';
import type { Family } from './state/addresses.js';
import { prepareNode } from './sysctls.js';
import { UserspaceProxier } from './userspace/proxier.js';
import { cleanupUserspace } from './userspace/routes.js';

export interface ModeOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
  config: ProxyConfig;
  metrics: Metrics;
  /** Canonical addresses of the node's interfaces. */
  localAddresses: () => string[];
  /** iptables mode only. */
  backend?: IptablesBackend | undefined;
}

export function createProxier(mode: ProxyMode, options: ModeOptions): Proxier {
  if (mode === 'nftables') return new NftablesProxier(options);
  if (mode === 'iptables') {
    return new IptablesProxier({ ...options, syncPeriodMs: options.config.iptables.syncPeriodMs });
  }
  if (mode === 'ipvs') return new IpvsProxier(options);
  return new UserspaceProxier({ ...options, timeouts: flowTimeouts(options.config) });
}

/** The kernel's own timeouts where the configuration leaves them alone. */
function flowTimeouts({ conntrack }: ProxyConfig) {
  return { udpMs: conntrack.udpTimeoutMs || 30_000, streamMs: conntrack.udpStreamTimeoutMs || 120_000 };
}

/** All that `--init-only` does: what needs more rights than the proxy that runs later. */
export async function initializeNode(config: ProxyConfig, programs: Programs, logger: Logger): Promise<void> {
  await prepareNode(config, logger);
  if (config.mode !== 'ipvs') return;
  await checkIpvsSupport(programs, 'IPv4', config.ipvs.scheduler);
  await prepareKernel(programs, config.ipvs, logger);
}

/** Removes every rule that any mode of this proxy has left in the network namespace of the process. */
export async function cleanupProxy(programs: Programs): Promise<void> {
  await cleanupNftables(programs);
  const tables = await presentTables(programs);
  await cleanupIptablesEverywhere(programs, tables);
  await cleanupIpvs(programs, tables);
  await cleanupUserspace(programs);
}

/** Upstream's nftables table: two proxies on one node would each translate half of the connections. */
const UPSTREAM_TABLES = ['ip kube-proxy', 'ip6 kube-proxy'];

/**
 * Removes what another mode of ours, or an upstream kube-proxy that ran here before, left behind. Called once the new
 * rules are in the kernel: until then the old ones carry the traffic (of two DNATs the first wins), so that
 * changing modes loses no connection.
 */
export async function takeOver(mode: ProxyMode, programs: Programs, logger: Logger): Promise<void> {
  const nft = createNft(programs);
  const upstream = (await nft.tables()).filter((table) => UPSTREAM_TABLES.includes(table));
  if (upstream.length > 0) {
    logger.warn('removing the rules of an upstream kube-proxy; it must not run beside this proxy', {
      upstream,
    });
    await nft.load(upstream.map((table) => `delete table ${table}`));
  }
  const tables = await presentTables(programs);
  if (mode !== 'ipvs') await cleanupIpvs(programs, tables);
  // The ipvs mode has chains of the same names.
  const keep = mode === 'ipvs' ? chains : undefined;
  for (const { family, backend } of tables) {
    if (await cleanupUpstreamIptables(programs, family, backend, keep)) {
      logger.warn('removed the iptables rules of an upstream kube-proxy; it must not run beside this proxy', {
        family,
        backend,
      });
    }
  }
  if (mode !== 'nftables') await cleanupNftables(programs);
  if (mode !== 'iptables') await cleanupIptablesEverywhere(programs, tables);
  if (mode !== 'userspace') await cleanupUserspace(programs);
}

const FAMILIES = [
  { family: 'IPv4', nft: 'ip', names: '/proc/net/ip_tables_names' },
  { family: 'IPv6', nft: 'ip6', names: '/proc/net/ip6_tables_names' },
] as const;

interface PresentTables {
  family: Family;
  backend: IptablesBackend;
}

/** Both back ends, and only where their tables exist: merely listing a legacy table would create it. */
async function presentTables(programs: Programs): Promise<PresentTables[]> {
  const tables = await createNft(programs).tables();
  const present: PresentTables[] = [];
  for (const { family, nft, names } of FAMILIES) {
    if (tables.includes(`${nft} nat`) || tables.includes(`${nft} filter`)) {
      present.push({ family, backend: 'nft' });
    }
    const legacy = await programs.run('cat', [names]);
    if (legacy.code === 0 && /^(nat|filter)$/m.test(legacy.stdout)) {
      present.push({ family, backend: 'legacy' });
    }
  }
  return present;
}

async function cleanupIptablesEverywhere(programs: Programs, tables: readonly PresentTables[]) {
  for (const { family, backend } of tables) {
    await cleanupIptables(programs, family, backend);
  }
}
