import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SECOND_NODE_IP } from '../../src/proxy/testing/flows.js';
import { Namespace } from './proxy-lab.js';

const CHILD = new URL('./proxy-flows-child.mjs', import.meta.url).pathname;

/** The node's address towards endpoints: what they see of masqueraded connections. */
const INNER = '192.168.7.1';

export interface SentFlow {
  family: 4 | 6;
  protocol: string;
  source: string;
  destination: string;
  port: number;
}

/** A program inside a namespace that serves and asks. */
class Host {
  readonly ns: Namespace;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(ns: Namespace) {
    this.ns = ns;
    this.#child = spawn('nsenter', ['-t', String(ns.pid), '-n', '--', process.execPath, CHILD], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async tell<T>(request: object): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value } = await this.#answers.next();
    return JSON.parse(value as string) as T;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

export interface FlowTraffic {
  flows: SentFlow[];
  /** Sockets of endpoints, as `[address, port]`. */
  endpoints: [string, number][];
}

/**
 * A node between the sources and everything else. Endpoints are `beyond` it, and so is whatever the node does not direct
 * elsewhere: it answers there, so that each flow of a table ends in an answer, a refusal, or silence.
 */
export class FlowLab {
  readonly #family: 4 | 6;
  readonly #address: (v4: string) => string;
  readonly #hosts: Host[] = [];
  #node!: Host;
  #sources!: Host;
  #beyond!: Host;
  #nodeAddresses: string[];
  #placed: string[] = [];

  /** `address` maps an IPv4 address of the tables to the family's. */
  static async create(family: 4 | 6, nodeIP: string, address: (v4: string) => string): Promise<FlowLab> {
    const lab = new FlowLab(family, nodeIP, address);
    try {
      [lab.#node, lab.#sources, lab.#beyond] = [await lab.#host(), await lab.#host(), await lab.#host()];
      await lab.#wire();
      return lab;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  private constructor(family: 4 | 6, nodeIP: string, address: (v4: string) => string) {
    this.#family = family;
    this.#address = address;
    this.#nodeAddresses = [nodeIP, SECOND_NODE_IP].map(address);
  }

  get node(): Namespace {
    return this.#node.ns;
  }

  async #host(): Promise<Host> {
    const host = new Host(await Namespace.create());
    this.#hosts.push(host);
    return host;
  }

  async #wire(): Promise<void> {
    const [node, sources, beyond] = [this.#node.ns, this.#sources.ns, this.#beyond.ns];
    const bits = this.#family === 4 ? 32 : 128;
    const inner = this.#address(INNER);
    const own = this.#nodeAddresses.map((ip) => `ip addr add ${ip}/${bits} dev outer`).join('\n');
    const far = this.#address('192.168.7.2');
    const link = bits - 8;
    await node.sh(`
      sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
      ip link add outer type veth peer name eth0 netns ${sources.pid}
      ip link add inner type veth peer name eth0 netns ${beyond.pid}
      ip link set outer up && ip link set inner up
      ${own}
      ip addr add ${inner}/${link} dev inner ${this.#nodad}
      ip -${this.#family} route add default via ${far}`);
    await beyond.sh(`
      ip addr add ${far}/${link} dev eth0 ${this.#nodad} && ip link set eth0 up
      ip -${this.#family} route add default via ${inner}
      sysctl -qw net.ipv6.ip_nonlocal_bind=1
      sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0`);
    await sources.sh('ip link set eth0 up');
    await node.sh('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.outer.rp_filter=0');
  }

  get #nodad(): string {
    return this.#family === 4 ? '' : 'nodad';
  }

  /** Gives the sources their addresses; what is asked of a Service address from itself comes from the node. */
  async #placeSources(flows: SentFlow[]): Promise<void> {
    const bits = this.#family === 4 ? 32 : 128;
    const away = new Set<string>();
    for (const flow of flows) {
      if (this.#hostOf(flow, new Set()) === this.#sources) away.add(flow.source);
      else if (flow.source === flow.destination && !this.#isLoopback(flow.source)) {
        await this.#node.ns.sh(`ip addr replace ${flow.source}/${bits} dev lo ${this.#nodad}`);
      }
    }
    for (const source of away) {
      await this.#sources.ns.sh(`ip addr replace ${source}/${bits} dev eth0 ${this.#nodad}`);
      await this.#node.ns.sh(`ip -${this.#family} route replace ${source} dev outer`);
    }
    const gateway = this.#nodeAddresses[0]!;
    await this.#sources.ns.sh(`
      ip -${this.#family} route replace ${gateway} dev eth0
      ip -${this.#family} route replace default via ${gateway} dev eth0 onlink`);
  }

  #isLoopback(address: string): boolean {
    return address.startsWith('127.') || address === '::1';
  }

  #hostOf({ source, destination }: SentFlow, endpoints: ReadonlySet<string>): Host {
    const isOwn = this.#nodeAddresses.includes(source) || source === destination || this.#isLoopback(source);
    if (isOwn) return this.#node;
    return endpoints.has(source) ? this.#beyond : this.#sources;
  }

  /** Makes endpoints, and what is asked from elsewhere, local addresses beyond the node; those of other tables go. */
  async #placeBeyond(addresses: Iterable<string>): Promise<void> {
    const route = (verb: string, address: string) =>
      `ip -${this.#family} route ${verb} local ${address} dev lo table local`;
    const commands = this.#placed.map((address) => route('del', address));
    this.#placed = [...new Set(addresses)];
    commands.push(...this.#placed.map((address) => route('add', address)));
    if (commands.length > 0) await this.#beyond.ns.sh(commands.join('\n'));
  }

  /** Sends every flow of a table, and returns what came of each. */
  async send({ flows, endpoints }: FlowTraffic): Promise<{ output: string; masq: boolean }[]> {
    const family = this.#family;
    await this.#placeSources(flows.filter(({ source }) => !endpoints.some(([ip]) => ip === source)));
    await this.#node.ns.sh('conntrack -F 2>/dev/null || true');
    const tcp = [...new Set([...endpoints.map(([, port]) => port), ...flows.map(({ port }) => port)])];
    const asked = flows
      .filter(({ protocol }) => protocol === 'udp')
      .map(({ destination, port }): [string, number] => [destination, port]);
    const ips = new Set(endpoints.map(([ip]) => ip));
    const here = (address: string) => this.#nodeAddresses.includes(address) || this.#isLoopback(address);
    // What endpoints ask must leave their host.
    const left = new Set(
      flows.filter((flow) => this.#hostOf(flow, ips) === this.#beyond).map(({ destination }) => destination),
    );
    const beyond = [...ips, ...flows.map(({ destination }) => destination)];
    await this.#placeBeyond(beyond.filter((address) => !here(address) && !left.has(address)));
    const sockets = unique([...endpoints, ...asked]);
    await this.#node.tell({ op: 'serve', family, tcp, udp: sockets.filter(([address]) => here(address)) });
    await this.#beyond.tell({
      op: 'serve',
      family,
      tcp,
      udp: sockets.filter(([address]) => !here(address) && !left.has(address)),
    });
    const outcomes = new Map<SentFlow, { output: string; masq: boolean }>();
    await Promise.all(
      this.#hosts.map(async (host) => {
        const mine = flows.filter((flow) => this.#hostOf(flow, ips) === host);
        const results = await host.tell<{ output: string; masq: boolean }[]>({ op: 'ask', flows: mine });
        for (const [i, flow] of mine.entries()) outcomes.set(flow, results[i]!);
      }),
    );
    return flows.map((flow) => outcomes.get(flow)!);
  }

  async destroy(): Promise<void> {
    for (const host of this.#hosts) {
      await host.stop();
      await host.ns.destroy();
    }
  }
}

function unique(sockets: [string, number][]): [string, number][] {
  return [...new Map(sockets.map((socket) => [socket.join(' '), socket])).values()];
}
