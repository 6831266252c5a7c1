import type { Programs } from '#host';
import type { NodeSettings } from '../contract.js';
import { cidrContains, type Family, parseAddress, parseCidr } from '../state/addresses.js';

/** Marks our routes in the kernel's table of local ones; the number means nothing to others. */
const PROTOCOL = '107';

const ipVersion = (family: Family) => (family === 'IPv4' ? '-4' : '-6');

/**
 * Makes virtual addresses local to the node, so that sockets can be bound to them and packets for them arrive: one
 * route per ServiceCIDR and one per address beyond. Needs CAP_NET_ADMIN over the network namespace; without it
 * nothing happens, and virtual addresses are mapped to loopback instead.
 */
export class LocalRoutes {
  readonly #family: Family;
  readonly #programs: Programs;
  readonly #present = new Set<string>();
  #isAllowed: boolean | undefined;
  /** The end of each route's command. */
  #source = '';

  constructor(family: Family, programs: Programs) {
    this.#family = family;
    this.#programs = programs;
  }

  /** Undefined before the first attempt. */
  get isAllowed(): boolean | undefined {
    return this.#isAllowed;
  }

  /**
   * Sets routes for the ServiceCIDRs and for these addresses; addresses that the node has anyway (`own`) are left
   * alone. Routes stay until `cleanupUserspace`, so that a restart leaves no gap.
   */
  async set(settings: NodeSettings, addresses: Iterable<string>, own: readonly string[]): Promise<void> {
    if (this.#isAllowed === undefined) await this.#allowBinding();
    this.#chooseSource(settings, own);
    const cidrs = settings.serviceCIDRs.flatMap((text) => parseCidr(text) ?? []);
    const covered = (text: string) => {
      const address = parseAddress(text);
      return address !== undefined && cidrs.some((cidr) => cidrContains(cidr, address));
    };
    const wanted = cidrs.map((cidr) => cidr.text);
    for (const address of addresses) if (!own.includes(address) && !covered(address)) wanted.push(address);
    await this.#add(wanted.filter((route) => !this.#present.has(route)));
  }

  /**
   * The node's own connections to a virtual address shall come from the node's address, not from the virtual one. The
   * address may become known only after the first sync; then every route is written again.
   */
  #chooseSource({ nodeIP }: NodeSettings, own: readonly string[]): void {
    const source = nodeIP !== undefined && own.includes(nodeIP) ? ` src ${nodeIP}` : '';
    if (source === this.#source) return;
    this.#source = source;
    this.#present.clear();
  }

  /** IPv6 binds only to addresses of interfaces, whatever the routes say, unless told otherwise. */
  async #allowBinding(): Promise<void> {
    if (this.#family === 'IPv4') return;
    await this.#programs.run('sysctl', ['-qw', 'net.ipv6.ip_nonlocal_bind=1']).catch(() => undefined);
  }

  async #add(routes: readonly string[]): Promise<void> {
    if (routes.length === 0 || this.#isAllowed === false) return;
    const lines = routes.map(
      (route) => `route replace local ${route} dev lo table local proto ${PROTOCOL}${this.#source}`,
    );
    const result = await this.#programs
      .run('ip', [ipVersion(this.#family), '-batch', '-'], { input: `${lines.join('\n')}\n` })
      .catch(() => undefined);
    this.#isAllowed = result?.code === 0;
    if (this.#isAllowed) for (const route of routes) this.#present.add(route);
  }
}

/** Removes the routes that this mode has set, of both families. A host without the `ip` program has none. */
export async function cleanupUserspace(programs: Programs): Promise<void> {
  for (const version of ['-4', '-6']) {
    await programs
      .run('ip', [version, 'route', 'flush', 'table', 'local', 'proto', PROTOCOL])
      .catch(() => undefined);
  }
}
