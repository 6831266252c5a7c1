import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { type Programs, ProgramError, type RunOptions, type RunResult, type SpawnOptions } from '#host';

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

  async spawn(file: string, args: string[], _options: SpawnOptions = {}) {
    const child = this.#start(file, args);
    const exited = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
    await once(child, 'spawn');
    child.stdin!.end();
    child.stderr!.resume();
    return {
      pid: child.pid!,
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
    const script = 'ip link set lo up && echo ready && exec sleep infinity';
    const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '-n', '-m', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const outcome = await Promise.race([once(holder.stdout!, 'data'), once(holder, 'close').then(() => undefined)]);
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
