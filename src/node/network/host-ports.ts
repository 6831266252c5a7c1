import type { core } from '#api';
import type { Logger } from '#base';
import type { Programs } from '#host';

/** Our own table; kube-proxy's and ours for Services are separate. */
const TABLE = 'kubesvc-hostport';

export interface HostPort {
  hostIP: string;
  hostPort: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  podIP: string;
  containerPort: number;
}

/** The host ports of a pod, one entry per address family that applies. */
export function hostPortsOf(pod: core.Pod, podIPs: string[]): HostPort[] {
  if (pod.spec?.hostNetwork === true) return [];
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort !== undefined && port.hostPort > 0)
    .flatMap((port) =>
      podIPs
        .filter((podIP) => isFamily(port.hostIP ?? '', podIP))
        .map((podIP) => ({
          hostIP: isAny(port.hostIP) ? '' : port.hostIP!,
          hostPort: port.hostPort!,
          protocol: (port.protocol ?? 'TCP').toLowerCase() as HostPort['protocol'],
          podIP,
          containerPort: port.containerPort,
        })),
    );
}

const isAny = (ip: string | undefined): boolean =>
  ip === undefined || ip === '' || ip === '0.0.0.0' || ip === '::';
const isFamily = (hostIP: string, podIP: string): boolean =>
  isAny(hostIP) ? hostIP !== '::' || podIP.includes(':') : hostIP.includes(':') === podIP.includes(':');

/** The whole table as text for `nft -f`; replaced as one transaction. */
export function renderHostPorts(ports: HostPort[]): string {
  const lines = [`table inet ${TABLE} {}`, `delete table inet ${TABLE}`];
  if (ports.length === 0) return `${lines.join('\n')}\n`;
  const dnat = ports.map((port) => {
    const family = port.podIP.includes(':') ? 'ip6' : 'ip';
    const at = port.hostIP === '' ? 'fib daddr type local' : `${family} daddr ${port.hostIP}`;
    const to =
      family === 'ip6' ? `[${port.podIP}]:${port.containerPort}` : `${port.podIP}:${port.containerPort}`;
    return `    meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'} ${at} ${port.protocol} dport ${port.hostPort} dnat ${family} to ${to}`;
  });
  const hairpin = ports.map((port) => {
    const family = port.podIP.includes(':') ? 'ip6' : 'ip';
    // A pod that reaches itself through the node must see another source than itself; so must loopback callers.
    return `    ${family} saddr { ${port.podIP}, ${family === 'ip' ? '127.0.0.0/8' : '::1'} } ${family} daddr ${port.podIP} ct status dnat masquerade`;
  });
  return [
    ...lines,
    `table inet ${TABLE} {`,
    '  chain hostports {',
    ...dnat,
    '  }',
    '  chain prerouting {',
    '    type nat hook prerouting priority -101; policy accept;',
    '    jump hostports',
    '  }',
    '  chain output {',
    '    type nat hook output priority -101; policy accept;',
    '    jump hostports',
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority 99; policy accept;',
    ...[...new Set(hairpin)],
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Keeps the node's host ports in nftables. Nothing is touched while no pod asks for one. */
export class HostPorts {
  readonly #programs: Programs;
  readonly #logger: Logger;
  readonly #ports = new Map<string, HostPort[]>();
  #queue: Promise<void> = Promise.resolve();

  constructor(options: { programs: Programs; logger: Logger }) {
    this.#programs = options.programs;
    this.#logger = options.logger;
  }

  async add(podUid: string, pod: core.Pod, podIPs: string[]): Promise<void> {
    const ports = hostPortsOf(pod, podIPs);
    if (ports.length === 0) return;
    this.#ports.set(podUid, ports);
    await this.#apply();
  }

  async remove(podUid: string): Promise<void> {
    if (this.#ports.delete(podUid)) await this.#apply();
  }

  #apply(): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const input = renderHostPorts([...this.#ports.values()].flat());
      try {
        const result = await this.#programs.run('nft', ['-f', '-'], { input });
        if (result.code !== 0) this.#logger.error('cannot set host ports', { stderr: result.stderr.trim() });
      } catch (error) {
        this.#logger.error('cannot set host ports', { err: error });
      }
    });
    return this.#queue;
  }
}
