import { readFile } from 'node:fs/promises';
import { ProgramError, type Programs, type SpawnedProgram } from './programs.js';

export interface SandboxOptions {
  /** Name of the bridge that connects the nodes. */
  bridge: string;
  /** Addresses of the bridge with prefix lengths, e.g. `172.30.0.1/24`; the nodes' default gateways. */
  addresses: string[];
  /** Run inside a new user namespace, mapped to root: for callers without privileges. */
  rootless: boolean;
}

export interface NodeNamespaceOptions {
  /** Host name inside; also names the veth on the bridge. */
  name: string;
  /** 1..250: the veth's number, unique in the sandbox. */
  index: number;
  /** Addresses with prefix lengths on the node's `eth0`. */
  addresses: string[];
  gateways: string[];
  /** Further addresses with prefix lengths, on the node's loopback link. */
  loopback?: string[];
  /** Program and arguments to become the node's main process. */
  command: string[];
  env: Record<string, string>;
}

/**
 * The namespaces of one cluster: PID, mount, UTS, IPC and network, all anonymous, held by one init process. The init
 * ends when its standard input closes or its owner dies, and the kernel then kills everything inside and
 * removes every link and rule. Nothing outside is touched, and there is no route out.
 */
export interface Sandbox {
  /** The init's process id as seen from outside. */
  readonly initPid: number;
  /** Resolves when the sandbox is gone, in whatever way. */
  readonly exited: Promise<unknown>;
  /** Program and arguments that run `command` inside the sandbox (the fabric's network namespace). */
  enter(command: string[]): { file: string; args: string[] };
  /** Starts a node: a network namespace of its own on the bridge, with `command` as its main process. */
  startNode(options: NodeNamespaceOptions): Promise<SpawnedProgram>;
  /** Kills everything inside. Idempotent. */
  stop(): Promise<void>;
}

/** Shell text that runs `ip` commands in order in one process, and fails at the first that fails. */
function ipBatch(commands: string[]): string {
  return ["ip -batch - <<'KUBESVC'", ...commands, 'KUBESVC'].join('\n');
}

/** Bash reaps orphans while it waits in `read`; a plain shell is the fallback. Prints one line when the bridge is up. */
function initScript(options: SandboxOptions): string {
  const { bridge, addresses } = options;
  return [
    'set -e',
    ipBatch([
      'link set lo up',
      `link add ${bridge} type bridge`,
      ...addresses.map((a) => `addr add ${a} dev ${bridge}${a.includes(':') ? ' nodad' : ''}`),
      `link set ${bridge} up`,
    ]),
    // Nodes reach each other through the bridge; this namespace itself forwards nothing anywhere else.
    'echo ready',
    'set +e',
    'while read -r line; do :; done',
  ].join('\n');
}

/** Creates the namespaces and the bridge. Rejects with ProgramError and the tool's message when the kernel refuses. */
export async function createSandbox(programs: Programs, options: SandboxOptions): Promise<Sandbox> {
  const program = await programs.spawn(
    'unshare',
    [
      ...(options.rootless ? ['--user', '--map-root-user'] : []),
      '--net',
      '--mount',
      '--pid',
      '--uts',
      '--ipc',
      '--fork',
      '--kill-child=KILL',
      '--mount-proc',
      '--propagation',
      'private',
      '--',
      'sh',
      '-c',
      'if command -v bash >/dev/null; then exec bash -c "$1"; else exec sh -c "$1"; fi',
      'kubesvc-init',
      initScript(options),
    ],
    { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', session: true },
  );
  await ready(program);
  return new LinuxSandbox(programs, options, program, await childOf(program.pid));
}

/** Waits for the first line on standard output; an early end rejects with what was printed to standard error. */
async function ready(program: SpawnedProgram): Promise<void> {
  let errors = '';
  program.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-4096);
  });
  const first = new Promise<boolean>((resolve) => {
    program.stdout?.once('data', () => resolve(true));
  });
  const ended = program.exited.then(() => false);
  if (await Promise.race([first, ended])) {
    program.stdout?.resume();
    return;
  }
  throw new ProgramError('SANDBOX', `cannot create network namespaces: ${errors.trim()}`);
}

/** `unshare --fork` waits for its one child, the init. */
async function childOf(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const child = Number(children[0]);
  if (!Number.isInteger(child) || child <= 0)
    throw new ProgramError('SANDBOX', `process ${pid} has no child`);
  return child;
}

class LinuxSandbox implements Sandbox {
  readonly initPid: number;
  readonly exited: Promise<unknown>;
  readonly #programs: Programs;
  readonly #options: SandboxOptions;
  readonly #init: SpawnedProgram;

  constructor(programs: Programs, options: SandboxOptions, init: SpawnedProgram, initPid: number) {
    this.#programs = programs;
    this.#options = options;
    this.#init = init;
    this.initPid = initPid;
    this.exited = init.exited;
  }

  enter(command: string[]): { file: string; args: string[] } {
    return enterNamespaces(this.initPid, this.#options.rootless, command);
  }

  async startNode(options: NodeNamespaceOptions): Promise<SpawnedProgram> {
    const inside = [
      'unshare',
      '--net',
      '--uts',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-ec',
      nodeScript(this.#options.bridge, options),
    ];
    const { file, args } = this.enter([...inside, 'kubesvc-node', ...options.command]);
    return this.#programs.spawn(file, args, {
      env: options.env,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
      session: true,
    });
  }

  async stop(): Promise<void> {
    this.#init.stdin?.destroy();
    this.#init.kill('SIGKILL');
    await this.#init.exited;
  }
}

/**
 * Program and arguments that run a command in all namespaces of a process. Used from outside, also by other
 * commands than the one that made the sandbox (`kubesvc shell`).
 */
export function enterNamespaces(
  pid: number,
  rootless: boolean,
  command: string[],
): { file: string; args: string[] } {
  const user = rootless ? ['--user', '--preserve-credentials'] : [];
  return {
    file: 'nsenter',
    args: ['--target', String(pid), ...user, '--net', '--mount', '--pid', '--ipc', '--uts', '--', ...command],
  };
}

/** Locally administered and fixed per node: the neighbours' tables stay right when a node is started again. */
function macAddress(index: number): string {
  const octet = (value: number) => (value & 0xff).toString(16).padStart(2, '0');
  return `02:6b:73:76:${octet(index >> 8)}:${octet(index)}`;
}

/** Runs inside the node's fresh namespaces; process 1 is the sandbox's init, whose network holds the bridge. */
function nodeScript(bridge: string, options: NodeNamespaceOptions): string {
  const { name, index, addresses, gateways } = options;
  const peer = `node${index}`;
  return [
    `hostname ${name}`,
    ipBatch([
      'link set lo up',
      ...(options.loopback ?? []).map((a) => `addr add ${a} dev lo`),
      `link add eth0 address ${macAddress(index)} type veth peer name ${peer} netns 1`,
      ...addresses.map((a) => `addr add ${a} dev eth0${a.includes(':') ? ' nodad' : ''}`),
      'link set eth0 up',
      // Without a route the kernel refuses to send to a ClusterIP before the proxy's rules can see the packet.
      ...gateways.map((g) => `route add default via ${g}`),
    ]),
    `nsenter --target 1 --net ip link set ${peer} master ${bridge} up`,
    'exec "$@"',
  ].join('\n');
}
