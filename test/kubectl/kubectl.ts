import { type ExecFileException, execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** The kubectl to test with: $KUBECTL, else the first in PATH; undefined when there is none. */
export function findKubectl(): string | undefined {
  const candidates = [
    ...(process.env['KUBECTL'] === undefined ? [] : [process.env['KUBECTL']]),
    ...(process.env['PATH'] ?? '').split(delimiter).map((dir) => join(dir, 'kubectl')),
  ];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a real kubectl against one kubeconfig, with a home directory of its own: never ~/.kube. */
export class Kubectl {
  readonly #program: string;
  readonly #env: Record<string, string>;

  constructor(program: string, kubeconfig: string, home: string) {
    this.#program = program;
    this.#env = {
      PATH: process.env['PATH'] ?? '',
      HOME: home,
      KUBECONFIG: kubeconfig,
      KUBECTL_KUBERC: 'false',
    };
  }

  /** Runs a command line (split at spaces) or a list of arguments; never rejects for a non-zero exit code. */
  run(
    command: string | string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<Ran> {
    const args = typeof command === 'string' ? command.split(' ') : command;
    return new Promise((resolve) => {
      const child = execFile(
        this.#program,
        args,
        { env: { ...this.#env, ...options.env }, timeout: 30_000, maxBuffer: 16 * 1024 * 1024 },
        (error: ExecFileException | null, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
        },
      );
      child.stdin?.end(options.input ?? '');
    });
  }

  /** Like `run`, but a failure is an error that shows what kubectl said. */
  async ok(
    command: string | string[],
    options: { input?: string; env?: Record<string, string> } = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, options);
    if (code !== 0) throw new Error(`kubectl ${String(command)} exited with ${code}: ${stderr}${stdout}`);
    return stdout;
  }
}
