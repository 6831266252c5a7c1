import type { Readable, Writable } from 'node:stream';

/** The result of a program that ran to its end. */
export interface RunResult {
  /** Exit code, or null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Written to standard input, then closed. */
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
  /** The program is killed (SIGKILL) after this time and the result carries the signal. Default 30 s. */
  timeoutMs?: number;
  /** Output above this many bytes per stream kills the program and rejects with OutputLimitError. Default 16 MiB. */
  maxOutputBytes?: number;
}

/** What a spawned program's stream is connected to; `inherit` is the owner's own standard error (for debugging). */
export type Stdio = 'null' | 'pipe' | 'inherit';

export interface SpawnOptions {
  /** The whole environment of the program; nothing is inherited when given. */
  env?: Record<string, string>;
  cwd?: string;
  stdin?: 'null' | 'pipe';
  stdout?: Stdio;
  stderr?: Stdio;
  /** Starts the program in a session of its own (setsid), so that signals reach only it. */
  session?: boolean;
  /** The kernel kills the program when the helper dies (default true; through `setpriv --pdeathsig`). */
  dieWithParent?: boolean;
}

export interface SpawnedProgram {
  readonly pid: number;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** Resolves once the program has ended and its pipes are drained; never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends a signal; a program that has ended is not an error. */
  kill(signal: NodeJS.Signals): void;
}

/**
 * The only way in which kubesvc starts programs. The implementation forwards to a small helper process,
 * since `spawn()` from a large heap blocks the event loop (nodejs/node #14917). Programs die with the helper,
 * and the helper with its owner. Tests use `FakePrograms`.
 */
export interface Programs {
  /** Runs to the end. Rejects only when the program cannot be started (ProgramError with `code` ENOENT ...). */
  run(file: string, args: string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a long-running program; resolves when it has been started. */
  spawn(file: string, args: string[], options?: SpawnOptions): Promise<SpawnedProgram>;
}

/** A program could not be started, or `check` found a non-zero exit. */
export class ProgramError extends Error {
  readonly code: string;
  readonly result: RunResult | undefined;
  constructor(code: string, message: string, result?: RunResult) {
    super(message);
    this.name = 'ProgramError';
    this.code = code;
    this.result = result;
  }
}

/** Runs and throws ProgramError with the program's standard error unless it exits with 0. */
export async function check(
  programs: Programs,
  file: string,
  args: string[],
  options?: RunOptions,
): Promise<string> {
  const result = await programs.run(file, args, options);
  if (result.code !== 0) {
    const how = result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
    throw new ProgramError('EXIT', `${file} ${args.join(' ')}: ${how}: ${result.stderr.trim()}`, result);
  }
  return result.stdout;
}
