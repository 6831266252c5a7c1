import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { finished } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Logger, packageRoot, type Startable } from '#base';
import {
  ProgramError,
  type Programs,
  type RunOptions,
  type RunResult,
  type SpawnedProgram,
  type SpawnOptions,
} from './programs.js';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;

type Exit = { code: number | null; signal: NodeJS.Signals | null };

interface Reply {
  id: number;
  error?: { code: string; message: string };
  result?: RunResult;
  started?: number;
  stream?: 0 | 1 | 2;
  exited?: Exit;
  warning?: string;
}

interface Pending {
  reply(message: Reply, handle: Socket | undefined): void;
  fail(error: Error): void;
}

/**
 * Starts the helper process and returns the one `Programs` of this process. Call it early, while the heap is
 * small. The helper lives until `stop`, or until this process dies in any way.
 */
export function createPrograms(options: { logger: Logger }): Programs & Startable {
  return new HelperPrograms(options.logger);
}

/** Beside this file in the sources; in a bundle, where the build puts it. */
function helperPath(): string {
  const beside = fileURLToPath(new URL('./spawn-helper.mjs', import.meta.url));
  return existsSync(beside) ? beside : join(packageRoot(), 'dist/host/spawn-helper.mjs');
}

class HelperPrograms implements Programs, Startable {
  readonly #logger: Logger;
  readonly #pending = new Map<number, Pending>();
  #helper: ChildProcess | undefined;
  #nextId = 1;
  #stopping = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  async start(): Promise<void> {
    const helper = fork(helperPath(), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--max-old-space-size=128', '--max-semi-space-size=1'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    this.#helper = helper;
    helper.on('message', (message, handle) => this.#receive(message as Reply, handle as Socket | undefined));
    helper.on('error', (error) => this.#logger.error('spawn helper failed', { err: error }));
    helper.on('exit', (code, signal) => this.#lost(code, signal));
    helper.unref();
    helper.channel?.unref();
  }

  /** Ends the helper; programs spawned with `dieWithParent` (the default) are killed by the kernel. */
  async stop(): Promise<void> {
    const helper = this.#helper;
    this.#stopping = true;
    if (helper === undefined || helper.exitCode !== null || helper.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      helper.ref();
      helper.once('exit', () => resolve());
      if (helper.connected) helper.disconnect();
    });
  }

  run(file: string, args: string[], options: RunOptions = {}): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      const id = this.#track({
        reply: (message) => {
          this.#untrack(id);
          if (message.result !== undefined) resolve(message.result);
          else reject(startError(file, message));
        },
        fail: reject,
      });
      this.#send({
        op: 'run',
        id,
        file,
        args,
        input: options.input ?? '',
        env: options.env,
        cwd: options.cwd,
        timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        maxOutputBytes: options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES,
      });
    });
  }

  spawn(file: string, args: string[], options: SpawnOptions = {}): Promise<SpawnedProgram> {
    return new Promise((resolve, reject) => {
      const starting = new Starting(options, {
        started: resolve,
        failed: (message) => {
          this.#untrack(id);
          reject(startError(file, message));
        },
        ended: () => this.#untrack(id),
        kill: (signal, group) => this.#send({ op: 'kill', id, signal, group }),
      });
      const id = this.#track({
        reply: (message, handle) => starting.receive(message, handle),
        fail: (error) => {
          starting.lost();
          reject(error);
        },
      });
      const lethal = options.dieWithParent !== false;
      this.#send({
        op: 'spawn',
        id,
        file: lethal ? 'setpriv' : file,
        args: lethal ? ['--pdeathsig', 'KILL', '--', file, ...args] : args,
        env: options.env,
        cwd: options.cwd,
        stdin: options.stdin ?? 'null',
        stdout: options.stdout ?? 'null',
        stderr: options.stderr ?? 'null',
        session: options.session === true,
      });
    });
  }

  #track(pending: Pending): number {
    const id = this.#nextId++;
    this.#pending.set(id, pending);
    // Programs in flight keep the owner alive; an idle helper does not.
    if (this.#pending.size === 1) this.#helper?.channel?.ref();
    return id;
  }

  #untrack(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#helper?.channel?.unref();
  }

  #send(message: Record<string, unknown> & { id: number }): void {
    const helper = this.#helper;
    const pending = this.#pending.get(message.id);
    if (helper === undefined || !helper.connected) {
      this.#untrack(message.id);
      pending?.fail(new ProgramError('EHELPER', 'the spawn helper is not running'));
      return;
    }
    helper.send(message, (error) => {
      if (error !== null) pending?.fail(new ProgramError('EHELPER', error.message));
    });
  }

  #receive(message: Reply, handle: Socket | undefined): void {
    if (message.warning !== undefined) this.#logger.warn('spawn helper', { message: message.warning });
    else this.#pending.get(message.id)?.reply(message, handle);
  }

  #lost(code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#stopping) this.#logger.error('spawn helper ended unexpectedly', { code, signal });
    for (const pending of [...this.#pending.values()])
      pending.fail(new ProgramError('EHELPER', 'the spawn helper ended'));
    this.#pending.clear();
  }
}

function startError(file: string, message: Reply): ProgramError {
  const { code, message: text } = message.error ?? { code: 'ESPAWN', message: 'unknown' };
  return new ProgramError(code, `cannot start ${file}: ${text}`);
}

interface StartingEvents {
  started(program: SpawnedProgram): void;
  failed(message: Reply): void;
  ended(): void;
  kill(signal: NodeJS.Signals, group: boolean): void;
}

/** Collects pid and pipes of one program, which arrive as separate messages, then stands for it until it ends. */
class Starting {
  readonly #on: StartingEvents;
  readonly #session: boolean;
  readonly #awaited = new Set<number>();
  readonly #streams: (Socket | undefined)[] = [undefined, undefined, undefined];
  #pid: number | undefined;
  #exit: Exit | undefined;
  #resolveExit: (exit: Exit) => void = () => {};
  readonly #exited = new Promise<Exit>((resolve) => {
    this.#resolveExit = resolve;
  });

  constructor(options: SpawnOptions, on: StartingEvents) {
    this.#on = on;
    this.#session = options.session === true;
    [options.stdin, options.stdout, options.stderr].forEach((s, i) => {
      if (s === 'pipe') this.#awaited.add(i);
    });
  }

  receive(message: Reply, handle: Socket | undefined): void {
    if (message.error !== undefined) return this.#on.failed(message);
    if (message.started !== undefined) this.#pid = message.started;
    if (message.stream !== undefined) {
      this.#awaited.delete(message.stream);
      // A program that ends with unread input resets the pipe; its exit tells the story.
      handle?.on('error', () => {});
      this.#streams[message.stream] = handle;
    }
    if (message.exited !== undefined) void this.#end(message.exited);
    else if (this.#pid !== undefined && this.#awaited.size === 0) this.#announce(this.#pid);
  }

  /** The helper is gone, and with it (by the parent-death signal) the program. */
  lost(): void {
    this.#resolveExit({ code: null, signal: 'SIGKILL' });
  }

  #announce(pid: number): void {
    const [stdin, stdout, stderr] = this.#streams;
    this.#on.started({
      pid,
      ...(stdin === undefined ? {} : { stdin }),
      ...(stdout === undefined ? {} : { stdout }),
      ...(stderr === undefined ? {} : { stderr }),
      exited: this.#exited,
      kill: (signal) => {
        if (this.#exit === undefined) this.#on.kill(signal, this.#session);
      },
    });
  }

  async #end(exit: Exit): Promise<void> {
    this.#exit = exit;
    this.#on.ended();
    await Promise.all(this.#streams.slice(1).map(drained));
    this.#resolveExit(exit);
  }
}

/** Resolves when the stream has ended; a stream nobody reads does not hold the exit back. */
function drained(stream: Socket | undefined): Promise<void> {
  if (stream === undefined || stream.destroyed || stream.readableEnded || stream.readableFlowing !== true)
    return Promise.resolve();
  return new Promise((resolve) => finished(stream, { writable: false }, () => resolve()));
}
