import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(root, 'bin/kubesvc');

/** `$KUBECTL` or the one on the PATH; the suites fail without it, they do not skip. */
export const kubectlPath = process.env['KUBECTL'] ?? 'kubectl';

export interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end without blocking the event loop. */
export function run(
  file: string,
  args: string[],
  options: { env?: Record<string, string>; input?: string; timeoutMs?: number } = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out = { stdout: '', stderr: '' };
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    child.stdout.on('data', (d) => {
      out.stdout += d;
    });
    child.stderr.on('data', (d) => {
      out.stderr += d;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...out });
    });
  });
}

export function kubesvc(args: string[], options: Parameters<typeof run>[2] = {}): Promise<Output> {
  return run(process.execPath, [bin, ...args], options);
}

/** A running `kubesvc up` on a data directory. */
export class UpProcess {
  readonly dataDir: string;
  readonly #child: ChildProcess;
  output = '';
  summary: { kubeconfig: string; server: string; dns: string; pid: number } = {
    kubeconfig: '',
    server: '',
    dns: '',
    pid: 0,
  };

  private constructor(dataDir: string, args: string[]) {
    this.dataDir = dataDir;
    this.#child = spawn(
      process.execPath,
      [bin, 'up', '--data-dir', dataDir, '--port', '0', '-o', 'json', ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (d) => {
        this.output += d;
      });
    }
  }

  /** Starts it and waits for its summary line. */
  static async start(dataDir: string, args: string[] = []): Promise<UpProcess> {
    const up = new UpProcess(dataDir, args);
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        const line = up.output.split('\n').find((l) => l.startsWith('{"kubeconfig"'));
        if (line === undefined) return;
        up.summary = JSON.parse(line);
        resolve();
      };
      up.#child.stdout!.on('data', look);
      up.#child.once('exit', (code, signal) =>
        reject(new Error(`kubesvc up ended (${code ?? signal}): ${up.output}`)),
      );
    });
    return up;
  }

  get exited(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      return Promise.resolve(this.#child.exitCode);
    return new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.exited;
  }

  kubectl(args: string[], options: Parameters<typeof run>[2] = {}): Promise<Output> {
    return run(kubectlPath, args, {
      ...options,
      env: {
        KUBECONFIG: this.summary.kubeconfig,
        KUBECACHEDIR: join(this.dataDir, 'kubectl-cache'),
        ...options.env,
      },
    });
  }

  /** kubectl that must succeed; returns its standard output. */
  async ok(args: string[], options: Parameters<typeof run>[2] = {}): Promise<string> {
    const result = await this.kubectl(args, options);
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  }
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'kubesvc-e2e-'));
}

/** Command lines of processes that mention a text, this one's relatives by argument left out. */
export function processesWith(text: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (command.includes(text) || environment.includes(text)) found.push(`${pid} ${command}`);
    } catch {
      // Ended meanwhile.
    }
  }
  return found;
}

export function removeDirectory(directory: string): void {
  if (existsSync(directory)) rmSync(directory, { recursive: true, force: true });
}
