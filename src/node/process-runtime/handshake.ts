import type { Readable } from 'node:stream';

/** The first line that our scripts print before they become the program they start. */
const PREFIX = 'kubesvc ';
const MAX_LINE = 4096;

/**
 * Reads one line and leaves the rest of the stream unread and paused. Resolves with undefined when the stream
 * ends first.
 */
export function readLine(stream: Readable): Promise<string | undefined> {
  return new Promise((resolve) => {
    let got = Buffer.alloc(0);
    const finish = (line: string | undefined) => {
      stream.off('data', onData).off('end', onEnd).off('close', onEnd);
      stream.pause();
      resolve(line);
    };
    const onEnd = () => finish(undefined);
    const onData = (chunk: Buffer) => {
      got = Buffer.concat([got, chunk]);
      const newline = got.indexOf(10);
      if (newline < 0 && got.length < MAX_LINE) return;
      const end = newline < 0 ? got.length : newline;
      const rest = got.subarray(end + 1);
      finish(got.subarray(0, end).toString());
      if (rest.length > 0) stream.unshift(rest);
    };
    stream.on('data', onData).on('end', onEnd).on('close', onEnd);
    // An earlier line has left the stream paused.
    stream.resume();
  });
}

/** The process id that a script announced, or undefined when it ended or said something else. */
export async function readHandshake(stream: Readable): Promise<number | undefined> {
  const line = await readLine(stream);
  if (line === undefined || !line.startsWith(PREFIX)) return undefined;
  const pid = Number(line.slice(PREFIX.length));
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Collects at most `limit` bytes of a stream's text; for the messages of scripts that fail. */
export function collectText(stream: Readable, limit = 4096): { text(): string; stop(): Buffer } {
  const chunks: Buffer[] = [];
  let size = 0;
  const onData = (chunk: Buffer) => {
    if (size < limit) chunks.push(chunk);
    size += chunk.length;
  };
  stream.on('data', onData);
  return {
    text: () => Buffer.concat(chunks).toString().trim(),
    stop: () => {
      stream.off('data', onData);
      stream.pause();
      return Buffer.concat(chunks);
    },
  };
}
