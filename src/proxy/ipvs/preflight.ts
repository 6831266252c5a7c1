import { release } from 'node:os';
import type { Logger } from '#base';
import { createIpset, createIpvsadm, ipvsCommand, ipvsService, type Programs } from '#host';
import type { ProxyConfig } from '../config/types.js';
import { ModeUnavailableError } from '../contract.js';
import type { Family } from '../state/addresses.js';

/** The node cannot do it; in upstream's words. */
class IpvsUnavailableError extends ModeUnavailableError {
  constructor(message: string) {
    super('ipvs', message);
    this.message = message;
  }
}

const cannotUse = (reason: string) => new IpvsUnavailableError(`can't use the IPVS proxier: ${reason}`);

/** What upstream logs and tells the Node's events when it starts in this mode. */
export const IPVS_DEPRECATION =
  "The ipvs proxier is now deprecated and may be removed in a future release. Please use 'nftables' instead.";

const MIN_IPSET = 6;
/** An address that no node has (RFC 5737, RFC 3849): a virtual server is put there and taken away again. */
const PROBE = { IPv4: '198.51.100.0', IPv6: '2001:db8::' };
const PROBE_PORT = 20_000;

/** Rejects with what the process should end with when this node cannot run the mode (upstream CanUseIPVSProxier). */
export async function checkIpvsSupport(programs: Programs, family: Family, scheduler: string): Promise<void> {
  const ipset = await createIpset(programs)
    .version()
    .catch((error: Error) => {
      throw cannotUse(`error getting ipset version, error: ${error.message}`);
    });
  const version = /v(\d+)\.\d+/.exec(ipset);
  if (version === null || Number(version[1]) < MIN_IPSET) {
    throw cannotUse(`ipset version: ${version?.[0] ?? ipset.trim()} is less than min required version: 6.0`);
  }
  const ipvsadm = createIpvsadm(programs);
  const servers = await ipvsadm.list().catch((error: Error) => {
    throw cannotUse(`ipvs not supported by the kernel (${error.message})`);
  });
  if (servers.some((server) => server.scheduler === scheduler)) return;
  const probe = ipvsService({ protocol: 'tcp', address: PROBE[family], port: PROBE_PORT });
  const options = { scheduler, flags: '', persistence: 0 };
  const commands = [ipvsCommand.addService(probe, options), ipvsCommand.deleteService(probe)];
  await ipvsadm.restore(commands).catch((error: Error) => {
    throw cannotUse(`scheduler "${scheduler}": ${error.message}`);
  });
}

/** Since this version, reused connections to servers that are gone are scheduled anew by themselves. */
const CONN_REUSE_FIXED = [5, 9];

function kernelIsAtLeast([major, minor]: number[], version: string): boolean {
  const [a, b] = version.split('.').map(Number);
  return a! > major! || (a === major && b! >= minor!);
}

/** What the kernel must do for this mode, as sysctl (below /proc/sys) and value. */
export function requiredSysctls(strictARP: boolean, kernel = release()): [path: string, value: number][] {
  return [
    ['net/ipv4/vs/conntrack', 1],
    ...(kernelIsAtLeast(CONN_REUSE_FIXED, kernel)
      ? []
      : [['net/ipv4/vs/conn_reuse_mode', 0] as [string, number]]),
    ['net/ipv4/vs/expire_nodest_conn', 1],
    ['net/ipv4/vs/expire_quiescent_template', 1],
    ['net/ipv4/ip_forward', 1],
    ...(strictARP
      ? ([
          ['net/ipv4/conf/all/arp_ignore', 1],
          ['net/ipv4/conf/all/arp_announce', 2],
        ] as [string, number][])
      : []),
  ];
}

/** Prints the lines of those that could not be set. */
const WRITE_SYSCTLS = `while read -r path value; do
  [ "$(cat "/proc/sys/$path" 2>/dev/null)" = "$value" ] || echo "$value" 2>/dev/null > "/proc/sys/$path" || echo "$path to $value"
done 2>/dev/null`;

/** Sets the sysctls and timeouts that the configuration asks for, in the network namespace of the programs. */
export async function prepareKernel(
  programs: Programs,
  config: ProxyConfig['ipvs'],
  logger: Logger,
): Promise<void> {
  const input = requiredSysctls(config.strictARP)
    .map((setting) => `${setting.join(' ')}\n`)
    .join('');
  const { stdout } = await programs.run('sh', ['-c', WRITE_SYSCTLS], { input });
  const failed = stdout.split('\n').filter((line) => line !== '');
  if (failed.length > 0) {
    throw new IpvsUnavailableError(`unable to create proxier: can't set sysctl ${failed.join(', ')}`);
  }
  const seconds = [config.tcpTimeoutMs, config.tcpFinTimeoutMs, config.udpTimeoutMs].map((ms) =>
    Math.floor(ms / 1000),
  );
  if (seconds.every((value) => value === 0)) return;
  await createIpvsadm(programs)
    .setTimeouts(seconds[0]!, seconds[1]!, seconds[2]!)
    .catch((err: unknown) => logger.error('Failed to configure IPVS timeouts', { err }));
}
