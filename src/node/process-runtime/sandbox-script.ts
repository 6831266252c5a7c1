import type { SandboxConfig, SandboxNetwork } from '../runtime.js';
import type { Tools } from './tools.js';

/**
 * Runs as the sandbox's first program: sets the hostname, makes the pod's link (on the node's side by entering
 * the node's namespace again), its addresses and routes, prints `kubesvc <pid>`, and becomes the process that
 * holds the namespaces. One program start for the whole sandbox. Arguments: $1 hostname; $2 and $3 the commands
 * for `ip` on the node, before and after the pod's process id (in the script's own PID namespace, which is where
 * the kernel looks it up); $4 those in the pod; $5 the node's network
 * namespace; $6 ip; $7 nsenter; $8 sleep; then sysctl path and value pairs.
 */
const SCRIPT = `
read -r kubesvc_pid kubesvc_rest < /proc/self/stat || exit 70
hostname "$1" 2>/dev/null || echo "$1" > /proc/sys/kernel/hostname
if [ -n "$2" ]; then
  printf '%s %s\\n%s' "$2" $$ "$3" | "$7" --net="$5" -- "$6" -batch - || exit 71
  printf %s "$4" | "$6" -batch - || exit 72
fi
kubesvc_sleep="$8"
shift 8
while [ $# -gt 1 ]; do echo "$2" > "/proc/sys/$1" || exit 73; shift 2; done
echo "kubesvc $kubesvc_pid"
exec > /dev/null 2> /dev/null
[ "$kubesvc_pid" = $$ ] && exec "$kubesvc_sleep" infinity
while :; do "$kubesvc_sleep" infinity & wait; done
`;

/** A stable address of the link layer from the pod's IP, so that neighbours' caches stay right when an IP is reused. */
export function macOf(ip: string): string {
  const parts = ip.includes(':') ? ipv6Tail(ip) : ip.split('.').map(Number);
  return ['0a', '58', ...parts.map((part) => part.toString(16).padStart(2, '0'))].join(':');
}

function ipv6Tail(ip: string): number[] {
  let hash = 0x811c9dc5;
  for (const char of ip) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
  return [hash >>> 24, (hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255];
}

/** Commands on the node: the pair, its bridge, hairpin (a pod must reach itself through its Service). */
function nodeCommands(network: SandboxNetwork): [beforePid: string, afterPid: string] {
  const mac = macOf(network.addresses[0]!.ip);
  const { hostInterface, mtu, bridge } = network;
  return [
    `link add ${hostInterface} mtu ${mtu} type veth peer name eth0 address ${mac} mtu ${mtu} netns`,
    `link set ${hostInterface} master ${bridge} up\nlink set ${hostInterface} type bridge_slave hairpin on\n`,
  ];
}

function podCommands(network: SandboxNetwork): string {
  return [
    'link set lo up',
    ...network.addresses.map(
      ({ ip, prefixLength }) =>
        `address add ${ip}/${prefixLength} dev eth0${ip.includes(':') ? ' nodad' : ''}`,
    ),
    'link set eth0 up',
    ...network.addresses.map(({ gateway }) => `route add default via ${gateway} dev eth0`),
    '',
  ].join('\n');
}

/** Any user may listen on low ports of a pod's own network, as with containerd. */
const NETWORK_SYSCTLS: Record<string, string> = { 'net.ipv4.ip_unprivileged_port_start': '0' };

function sysctlArguments(config: SandboxConfig): string[] {
  const all = { ...(config.network === undefined ? {} : NETWORK_SYSCTLS), ...config.sysctls };
  return Object.entries(all).flatMap(([name, value]) => [name.replaceAll('.', '/'), value]);
}

/** The program that creates a sandbox; `nodeNetns` is the path of the node's network namespace. */
export function sandboxCommand(
  config: SandboxConfig,
  tools: Tools,
  nodeNetns: string,
): { file: string; args: string[] } {
  const { network } = config;
  return {
    file: tools.unshare,
    args: [
      '--uts',
      ...(network === undefined ? [] : ['--net']),
      ...(config.hostIPC ? [] : ['--ipc']),
      ...(config.shareProcessNamespace ? ['--pid', '--fork', '--kill-child=KILL'] : []),
      '--',
      tools.sh,
      '-c',
      SCRIPT,
      'kubesvc-sandbox',
      config.hostname,
      ...(network === undefined ? ['', ''] : nodeCommands(network)),
      network === undefined ? '' : podCommands(network),
      nodeNetns,
      tools.ip,
      tools.nsenter,
      tools.sleep,
      ...sysctlArguments(config),
    ],
  };
}
