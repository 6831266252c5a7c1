import { closeSync, constants, existsSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { check, type Programs } from '#host';

/**
 * Named pipes for container output. A container's standard output must be a pipe and not a socket: programs
 * open /dev/stdout again, which sockets refuse (nginx's log files, `echo > /dev/stdout`). Any user of the
 * container may do so; the directory keeps others away.
 */
export async function ensurePipes(programs: Programs, paths: string[]): Promise<void> {
  const missing = paths.filter((path) => !existsSync(path));
  if (missing.length > 0) await check(programs, 'mkfifo', ['-m', '0666', ...missing]);
}

/** The reading end of a named pipe, held open for a writer that is still to come. */
export interface PipeReader {
  readonly stream: Readable;
  /** Lets the stream end with its last writer; call once the writer has opened the pipe, or will not. */
  release(): void;
}

export function openPipeReader(path: string): PipeReader {
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  // Without any writer a pipe is at its end; ours stands in until the program has opened it.
  const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const stream = new Socket({ fd: readFd, readable: true, writable: false });
  stream.on('error', () => {});
  let held = true;
  return {
    stream,
    release: () => {
      if (held) closeSync(writeFd);
      held = false;
    },
  };
}
