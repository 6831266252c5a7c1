import type { Readable, Writable } from 'node:stream';
import type { meta } from '#api';

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** What exec and attach carry, whatever protocol carries it. */
export interface RemoteChannels {
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
  /** Calls back for every size that the client sends, at once with the last one that it has sent already. */
  onResize(callback: (size: TerminalSize) => void): void;
  /** Resolves when the client has gone away. */
  readonly gone: Promise<void>;
  /** Sends how it ended and closes. */
  finish(status: meta.Status): Promise<void>;
}

/** Which streams the client asked for. */
export interface StreamOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

const isSet = (query: URLSearchParams, ...names: string[]): boolean =>
  names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));

/** Reads the kubelet's parameter names (`input` ...) and the API server's (`stdin` ...). */
export function streamOptions(query: URLSearchParams): StreamOptions {
  const tty = isSet(query, 'tty');
  return {
    stdin: isSet(query, 'input', 'stdin'),
    stdout: isSet(query, 'output', 'stdout'),
    // A terminal has one output.
    stderr: !tty && isSet(query, 'error', 'stderr'),
    tty,
  };
}

/** The Status that tells a client about an exit code (kubelet cri/streaming/remotecommand). */
export function exitStatus(exitCode: number): meta.Status {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

export function errorStatus(message: string): meta.Status {
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** Keeps the newest size until somebody wants it. */
export class SizeSource {
  #last: TerminalSize | undefined;
  #callback: (size: TerminalSize) => void = () => {};

  set(size: TerminalSize): void {
    this.#last = size;
    this.#callback(size);
  }

  listen(callback: (size: TerminalSize) => void): void {
    this.#callback = callback;
    if (this.#last !== undefined) callback(this.#last);
  }
}

/** Parses a resize message; undefined when it is malformed. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width, Height } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    if (typeof Width !== 'number' || typeof Height !== 'number') return undefined;
    return { columns: Width, rows: Height };
  } catch {
    return undefined;
  }
}
