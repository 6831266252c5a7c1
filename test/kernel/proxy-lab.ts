import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { ProgramError, type Programs, type RunOptions, type RunResult, type SpawnOptions } from '#host';

/**
 * Programs run inside the network namespace of a process: what the proxy gets in kernel tests, so that its rules
 * land in the namespace under test and never in the test runner's own.
 */
export class NamespacePrograms implements Programs {
  readonly calls: { file: string; args: string[] }[] = [];
  readonly #pid: number;
  readonly #children = new Set<ChildProcess>();

  constructor(pid: number) {
    this.#pid = pid;
  }

  #start(file: string, args: string[]): ChildProcess {
    this.calls.push({ file, args });
    const child = spawn('nsenter', ['-t', String(this.#pid), '-n', '--', file, ...args], { stdio: 'pipe' });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  async run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
    const child = this.#start(file, args);
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout!.on('data', (chunk: Buffer) => output.stdout.push(chunk));
    child.stderr!.on('data', (chunk: Buffer) => output.stderr.push(chunk));
    child.stdin!.on('error', () => {});
    child.stdin!.end(options.input ?? '');
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
    return { code, signal, stdout: text(output.stdout), stderr: text(output.stderr) };
  }

  async spawn(file: string, args: string[], options: SpawnOptions = {}) {
    const child = this.#start(file, args);
    const exited = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
    await once(child, 'spawn');
    if (options.stdin !== 'pipe') child.stdin!.end();
    child.stderr!.resume();
    return {
      pid: child.pid!,
      stdin: child.stdin!,
      stdout: child.stdout!.pipe(new PassThrough()),
      exited,
      kill: (signal: NodeJS.Signals) => void child.kill(signal),
    };
  }

  killAll(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** A network namespace: a sleeping process holds it, and it vanishes with that process. */
export class Namespace {
  readonly pid: number;
  readonly programs: NamespacePrograms;
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.pid = holder.pid!;
    this.programs = new NamespacePrograms(this.pid);
  }

  static async create(): Promise<Namespace> {
    // `exec` keeps the pid; the line on stdout says that the namespaces exist.
    const script = [
      'ip link set lo up',
      // Addresses are usable at once, not after a second of duplicate address detection.
      'sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0',
      'echo ready',
      'exec sleep infinity',
    ].join(' && ');
    const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '-n', '-m', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const outcome = await Promise.race([
      once(holder.stdout!, 'data'),
      once(holder, 'close').then(() => undefined),
    ]);
    if (outcome === undefined) throw new Error('unshare failed: kernel tests need root');
    return new Namespace(holder);
  }

  /** Runs a program inside; throws with its standard error when it fails. */
  async sh(command: string, input?: string): Promise<string> {
    const result = await this.programs.run('sh', ['-ec', command], input === undefined ? {} : { input });
    if (result.code !== 0) throw new ProgramError('EXIT', `${command}: ${result.stderr}`, result);
    return result.stdout;
  }

  async destroy(): Promise<void> {
    this.programs.killAll();
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const closed = once(this.#holder, 'close');
    this.#holder.kill('SIGKILL');
    await closed;
  }
}

export interface LabNode {
  name: string;
  ip: string;
  ip6: string;
  ns: Namespace;
}
export interface LabPod {
  name: string;
  ip: string;
  ip6: string;
  node: LabNode;
  ns: Namespace;
}

/**
 * A little cluster of network namespaces with no way out: nodes and an outside host on one switch, pods behind
 * their node. Addresses: nodes 172.30.0.11.., pods 10.244.N.2.., outside 172.30.0.100 (IPv6: the same digits
 * below fd00:30::, fd00:244:N::). The outside host routes service addresses through the first node.
 */
export class Lab {
  readonly #all: Namespace[] = [];
  readonly nodes: LabNode[] = [];
  readonly pods: LabPod[] = [];
  outside!: Namespace;
  #links = 0;

  static async create(nodeCount = 2): Promise<Lab> {
    const lab = new Lab();
    try {
      const fabric = await lab.#namespace();
      await fabric.sh('ip link add br0 type bridge && ip link set br0 up');
      for (let n = 1; n <= nodeCount; n++) {
        const ns = await lab.#namespace();
        await lab.#attach(fabric, ns, `172.30.0.${10 + n}`, `fd00:30::${10 + n}`);
        await ns.sh('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
        lab.nodes.push({ name: `node${n}`, ip: `172.30.0.${10 + n}`, ip6: `fd00:30::${10 + n}`, ns });
      }
      lab.outside = await lab.#namespace();
      await lab.#attach(fabric, lab.outside, '172.30.0.100', 'fd00:30::100');
      await lab.outside.sh('ip route add default via 172.30.0.11 && ip -6 route add default via fd00:30::11');
      await lab.#routes();
      return lab;
    } catch (error) {
      await lab.destroy();
      throw error;
    }
  }

  async #namespace(): Promise<Namespace> {
    const ns = await Namespace.create();
    this.#all.push(ns);
    return ns;
  }

  async #attach(fabric: Namespace, ns: Namespace, v4: string, v6: string): Promise<void> {
    const link = `v${++this.#links}`;
    await fabric.sh(
      `ip link add ${link} type veth peer name eth0 netns ${ns.pid} && ip link set ${link} master br0 up`,
    );
    await ns.sh(
      `ip addr add ${v4}/24 dev eth0 && ip addr add ${v6}/64 dev eth0 nodad && ip link set eth0 up`,
    );
  }

  async #routes(): Promise<void> {
    for (const node of this.nodes) {
      const routes = this.nodes
        .filter((other) => other !== node)
        .map((other) => {
          const n = this.nodes.indexOf(other) + 1;
          return `ip route add 10.244.${n}.0/24 via ${other.ip}; ip -6 route add fd00:244:${n}::/64 via fd00:30::${10 + n}`;
        });
      // A default route gives service addresses somewhere to go before DNAT (output) decides.
      await node.ns.sh(
        [...routes, 'ip route add default via 172.30.0.100', 'ip -6 route add default via fd00:30::100'].join(
          '; ',
        ),
      );
    }
  }

  /** Adds a pod on a node (0-based). */
  async pod(nodeIndex: number, name: string): Promise<LabPod> {
    const node = this.nodes[nodeIndex]!;
    const ns = await this.#namespace();
    const host = this.pods.filter((pod) => pod.node === node).length + 2;
    const v4 = `10.244.${nodeIndex + 1}.${host}`;
    const v6 = `fd00:244:${nodeIndex + 1}::${host}`;
    const link = `p${++this.#links}`;
    await node.ns.sh(
      [
        `ip link add ${link} type veth peer name eth0 netns ${ns.pid}`,
        `ip link set ${link} up`,
        `ip addr add 169.254.1.1/32 dev ${link}`,
        `ip -6 addr add fe80::1/64 dev ${link} nodad`,
        `ip route add ${v4}/32 dev ${link}`,
        `ip -6 route add ${v6}/128 dev ${link}`,
      ].join(' && '),
    );
    await ns.sh(
      [
        'ip link set eth0 up',
        `ip addr add ${v4}/32 dev eth0`,
        `ip -6 addr add ${v6}/128 dev eth0 nodad`,
        'ip route add 169.254.1.1 dev eth0 && ip route add default via 169.254.1.1',
        'ip -6 route add default via fe80::1 dev eth0',
      ].join(' && '),
    );
    const pod = { name, ip: v4, ip6: v6, node, ns };
    this.pods.push(pod);
    return pod;
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#all.map((ns) => ns.destroy()));
  }
}

const SCRIPT = new URL('./proxy-echo.mjs', import.meta.url).pathname;

/** Serves TCP and UDP echoes that name the server and the client it saw. Resolves when it listens. */
export async function serveEcho(ns: Namespace, name: string, port: number): Promise<void> {
  const server = await ns.programs.spawn(process.execPath, [SCRIPT, 'serve', name, String(port)]);
  await new Promise<void>((resolve, reject) => {
    server.stdout.once('data', () => resolve());
    void server.exited.then(() => reject(new Error('echo server ended')));
  });
}

export interface Answer {
  /** The server's name, or how the attempt failed: `ECONNREFUSED`, `timeout`. */
  server: string;
  /** The client address that the server saw. */
  client: string;
}

/** One process per namespace asks for all: starting one for each question takes longer than the answer. */
const askers = new WeakMap<Namespace, Promise<(question: object) => Promise<Answer[]>>>();

async function startAsker(ns: Namespace): Promise<(question: object) => Promise<Answer[]>> {
  const program = await ns.programs.spawn(process.execPath, [SCRIPT, 'ask'], { stdin: 'pipe' });
  const lines = createInterface({ input: program.stdout });
  // One question at a time: answers come in their order.
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    const answered = last.then(async () => {
      program.stdin.write(`${JSON.stringify(question)}\n`);
      const [line] = (await once(lines, 'line')) as [string];
      return JSON.parse(line) as Answer[];
    });
    last = answered;
    return answered;
  };
}

/** Connects `count` times, one after another, and returns the answers. */
export async function ask(
  ns: Namespace,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
  count = 1,
): Promise<Answer[]> {
  const asker = askers.get(ns) ?? startAsker(ns);
  askers.set(ns, asker);
  return (await asker)({ protocol, address, port, count });
}

/** Constant load from a namespace; `stop` ends it and returns how often each server (or failure) answered. */
export async function constantLoad(
  ns: Namespace,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
): Promise<{ turn(): Promise<void>; stop(): Promise<Record<string, number>> }> {
  const program = await ns.programs.spawn(process.execPath, [
    SCRIPT,
    'load',
    protocol,
    address,
    String(port),
  ]);
  const lines = createInterface({ input: program.stdout });
  let last = '';
  lines.on('line', (line) => {
    last = line;
  });
  await once(lines, 'line');
  return {
    /** Resolves when whatever is being asked now has been answered. */
    async turn() {
      const ended = once(lines, 'line');
      program.kill('SIGUSR2');
      await ended;
    },
    async stop() {
      const closed = once(lines, 'close');
      program.kill('SIGTERM');
      await closed;
      return JSON.parse(last) as Record<string, number>;
    },
  };
}
