import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream';
import type { Programs, SpawnedProgram } from '#host';
import type { ContainerConfig, ExitInfo, RuntimeContainer } from '../runtime.js';
import { exitOf, signalPid } from './children.js';
import type { Tools } from './tools.js';

/** How long output may still come after the first process has ended, when others hold the pipe. */
const DRAIN_MS = 2000;

/** Output streams end with the program, or a little later when its children still hold them. */
function drained(stream: Readable): Promise<void> {
  if (stream.destroyed || stream.readableEnded) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => stream.destroy(), DRAIN_MS);
    finished(stream, { writable: false }, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

export interface ContainerParts {
  id: string;
  config: ContainerConfig;
  program: SpawnedProgram;
  /** First process of the container, as the node sees it. */
  pid: number;
  stdout: Readable;
  stderr: Readable;
  /** Device of the container's terminal, inside the container. */
  terminal: string | undefined;
  programs: Programs;
  tools: Tools;
  startedAt: number;
  /** Called once, after the end: frees the container's files. */
  onEnd: () => void;
}

export class ProcessContainer implements RuntimeContainer {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly pid: number;
  readonly startedAt: number;
  readonly stdin?: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ExitInfo>;
  readonly #parts: ContainerParts;
  #ended = false;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.config = parts.config;
    this.pid = parts.pid;
    this.startedAt = parts.startedAt;
    if (parts.program.stdin !== undefined) {
      this.stdin = parts.program.stdin;
      this.stdin.on('error', () => {});
    }
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.exited = this.#waitForEnd();
  }

  async #waitForEnd(): Promise<ExitInfo> {
    const exit = await this.#parts.program.exited;
    this.#ended = true;
    const finishedAt = Date.now();
    await Promise.all([drained(this.stdout), drained(this.stderr)]);
    this.#parts.onEnd();
    return { ...exitOf(exit), finishedAt };
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) signalPid(this.pid, signal);
  }

  kill(): void {
    if (this.#ended) return;
    signalPid(this.pid, 'SIGKILL');
    // Without a process namespace of its own, the container's processes are those of its session.
    this.#parts.program.kill('SIGKILL');
  }

  resize(columns: number, rows: number): Promise<void> {
    const { terminal, programs, tools } = this.#parts;
    return terminal === undefined || this.#ended
      ? Promise.resolve()
      : setTerminalSize({ programs, tools, pid: this.pid, terminal, columns, rows });
  }
}

/** Sets the size of a terminal inside a container; the kernel then signals its foreground programs. */
export async function setTerminalSize(request: {
  programs: Programs;
  tools: Tools;
  pid: number;
  terminal: string;
  columns: number;
  rows: number;
}): Promise<void> {
  const { programs, tools, pid, terminal, columns, rows } = request;
  if (tools.stty === undefined || columns <= 0 || rows <= 0) return;
  await programs.run(tools.nsenter, [
    `--target=${pid}`,
    '--mount',
    '--',
    tools.stty,
    '-F',
    terminal,
    'rows',
    String(rows),
    'columns',
    String(columns),
  ]);
}
