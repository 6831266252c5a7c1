import type { Readable, Writable } from 'node:stream';
import type { Programs, SpawnedProgram } from '#host';
import type { ExecRequest, ExecSession, RuntimeContainer } from '../runtime.js';
import { exitOf } from './children.js';
import { execArguments, terminalCommand } from './container-command.js';
import { readLine } from './handshake.js';
import { setTerminalSize } from './process-container.js';
import type { Tools } from './tools.js';

/** Starts a program beside a container's own, in the same namespaces, with the same user and environment. */
export async function startExec(
  container: RuntimeContainer,
  request: ExecRequest,
  context: { programs: Programs; tools: Tools },
): Promise<ExecSession> {
  const { programs, tools } = context;
  if (request.tty && (tools.script === undefined || tools.tty === undefined))
    throw new Error('a terminal needs script(1): install the package bsdutils');
  const { config, pid } = container;
  const env = request.tty ? { TERM: 'xterm', ...config.env } : config.env;
  const command = request.tty ? terminalCommand(request.command, env, tools) : request.command;
  const program = await programs.spawn(
    tools.setpriv,
    [
      '--pdeathsig',
      'KILL',
      '--',
      tools.nsenter,
      `--target=${pid}`,
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--',
      ...execArguments(config, command, tools),
    ],
    {
      env,
      cwd: '/',
      stdin: request.stdin || request.tty ? 'pipe' : 'null',
      stdout: 'pipe',
      stderr: 'pipe',
      session: true,
      dieWithParent: false,
    },
  );
  const terminal = request.tty ? (await readLine(program.stdout!))?.trim() : undefined;
  return new ProcessExec({ program, pid, terminal, programs, tools });
}

class ProcessExec implements ExecSession {
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<{ exitCode: number; signal: number }>;
  readonly #parts: {
    program: SpawnedProgram;
    pid: number;
    terminal: string | undefined;
    programs: Programs;
    tools: Tools;
  };
  #ended = false;

  constructor(parts: {
    program: SpawnedProgram;
    pid: number;
    terminal: string | undefined;
    programs: Programs;
    tools: Tools;
  }) {
    this.#parts = parts;
    const { program } = parts;
    if (program.stdin !== undefined) {
      this.stdin = program.stdin;
      this.stdin.on('error', () => {});
    }
    this.stdout = program.stdout!;
    this.stderr = program.stderr!;
    this.exited = program.exited.then((exit) => {
      this.#ended = true;
      return exitOf(exit);
    });
  }

  async resize(columns: number, rows: number): Promise<void> {
    const { terminal, programs, tools, pid } = this.#parts;
    if (terminal === undefined || this.#ended) return;
    await setTerminalSize({ programs, tools, pid, terminal, columns, rows });
  }

  /** nsenter leads a session that its child is part of, so the whole group is ended. */
  kill(): void {
    if (!this.#ended) this.#parts.program.kill('SIGKILL');
  }
}
