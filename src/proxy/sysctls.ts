import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Logger } from '#base';
import type { ConntrackConfig, ProxyConfig } from './config/types.js';

const ROOT = '/proc/sys/net/netfilter/nf_conntrack_';
const MAX_CONNTRACK = 1_048_576;
const seconds = (ms: number) => Math.floor(ms / 1000);

/** Conntrack settings that the configuration asks for, as sysctl name (below nf_conntrack_) and value. */
function conntrackSettings(config: ConntrackConfig, cores: number): [name: string, value: number][] {
  const settings: [string, number][] = [];
  if (config.maxPerCore > 0) {
    const max = Math.min(MAX_CONNTRACK, Math.max(config.min, config.maxPerCore * cores));
    settings.push(['max', max]);
  }
  if (config.tcpEstablishedTimeoutMs > 0) {
    settings.push(['tcp_timeout_established', seconds(config.tcpEstablishedTimeoutMs)]);
  }
  if (config.tcpCloseWaitTimeoutMs > 0) {
    settings.push(['tcp_timeout_close_wait', seconds(config.tcpCloseWaitTimeoutMs)]);
  }
  if (config.tcpBeLiberal) settings.push(['tcp_be_liberal', 1]);
  if (config.udpTimeoutMs > 0) settings.push(['udp_timeout', seconds(config.udpTimeoutMs)]);
  if (config.udpStreamTimeoutMs > 0)
    settings.push(['udp_timeout_stream', seconds(config.udpStreamTimeoutMs)]);
  return settings;
}

/**
 * Writes them in the network namespace of the process. `nf_conntrack_max` belongs to the initial namespace and
 * is read-only elsewhere; what cannot be written is left, since connections work without it.
 */
async function applyConntrackSettings(config: ConntrackConfig, logger: Logger): Promise<void> {
  for (const [name, value] of conntrackSettings(config, availableParallelism())) {
    const path = `${ROOT}${name}`;
    try {
      const current = Number(await readFile(path, 'utf8'));
      const isEnough = name === 'max' ? current >= value : current === value;
      if (!isEnough) await writeFile(path, String(value));
    } catch (err) {
      logger.debug('conntrack setting left as it is', { path, value, reason: (err as Error).message });
    }
  }
}

/** Settings of the node that every start wants, and all that `--init-only` does: later runs need no full root then. */
export async function prepareNode(config: ProxyConfig, logger: Logger): Promise<void> {
  if (config.mode !== 'userspace') await applyConntrackSettings(config.conntrack, logger);
}

/** Makes the kernel spare this process when memory runs out; without the right to, it goes on as it is. */
export async function applyOomScoreAdj(value: number, logger: Logger): Promise<void> {
  try {
    await writeFile('/proc/self/oom_score_adj', String(value));
  } catch (err) {
    logger.info('Failed to apply OOMScore', { err: (err as Error).message, value });
  }
}
