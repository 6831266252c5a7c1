import { once } from 'node:events';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { type LogRecord, type LogStream, parseRecord } from './cri-format.js';
import type { LogWriter } from './log-writer.js';

export interface LogOptions {
  follow: boolean;
  /** Only the last lines; undefined is all. */
  tailLines?: number;
  /** Only records from this time on, milliseconds since the epoch. */
  since?: number;
  timestamps: boolean;
  limitBytes?: number;
  /** Only one of the two streams. */
  stream?: LogStream;
}

const CHUNK = 64 * 1024;
/** Bytes of a line that no record can reach. */
const MAX_LINE = 1024 * 1024;

/**
 * Reads a container's log as the kubelet's `/containerLogs` answers it. With `follow` it goes on until the
 * writer has closed (the container has ended) or the signal aborts. A file that does not exist yet is empty.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  writer: LogWriter | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const batch of batches(path, options, writer, signal)) {
    const text = Buffer.concat(batch.flatMap((record) => render(record, options)));
    if (text.length === 0) continue;
    if (text.length >= left) {
      yield text.subarray(0, left);
      return;
    }
    left -= text.length;
    yield text;
  }
}

function render(record: LogRecord, options: LogOptions): Buffer[] {
  if (options.stream !== undefined && record.stream !== options.stream) return [];
  if (options.since !== undefined && Date.parse(record.time) < options.since) return [];
  return [
    ...(options.timestamps ? [Buffer.from(`${record.time} `)] : []),
    record.content,
    ...(record.complete ? [Buffer.from('\n')] : []),
  ];
}

async function* batches(
  path: string,
  options: LogOptions,
  writer: LogWriter | undefined,
  signal: AbortSignal,
): AsyncGenerator<LogRecord[]> {
  const following = options.follow && writer !== undefined;
  let tail = options.tailLines;
  while (!signal.aborted) {
    const file = await open(path, 'r').catch(() => undefined);
    if (file === undefined) {
      if (!following || writer.closed) return;
      await change(writer, 0, signal);
      continue;
    }
    try {
      let position = tail === undefined ? 0 : await tailPosition(file, tail);
      tail = undefined;
      for (;;) {
        const closed = writer?.closed ?? true;
        const version = writer?.version ?? 0;
        position = yield* records(file, position);
        if (signal.aborted || !following || closed) return;
        if (await rotated(file, path)) {
          yield* records(file, position);
          break;
        }
        await change(writer, version, signal);
      }
    } finally {
      await file.close();
    }
  }
}

/** Yields the complete records after a position; returns the position behind the last. */
async function* records(file: FileHandle, start: number): AsyncGenerator<LogRecord[], number> {
  let position = start;
  let rest = Buffer.alloc(0);
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK, position + rest.length);
    if (bytesRead === 0) return position;
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    const found: LogRecord[] = [];
    let from = 0;
    for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10, from)) {
      const record = parseRecord(rest.subarray(from, newline));
      if (record !== undefined) found.push(record);
      from = newline + 1;
    }
    position += from;
    rest = Buffer.from(rest.subarray(from));
    if (rest.length > MAX_LINE) return position + rest.length;
    if (found.length > 0) yield found;
  }
}

/** Where the last `lines` lines begin. */
async function tailPosition(file: FileHandle, lines: number): Promise<number> {
  let end = (await file.stat()).size;
  if (lines <= 0) return end;
  // The newline that ends the last line does not begin one.
  let wanted = lines + 1;
  const chunk = Buffer.allocUnsafe(CHUNK);
  while (end > 0) {
    const start = Math.max(0, end - CHUNK);
    await file.read(chunk, 0, end - start, start);
    for (let i = end - start - 1; i >= 0; i--) if (chunk[i] === 10 && --wanted === 0) return start + i + 1;
    end = start;
  }
  return 0;
}

async function rotated(file: FileHandle, path: string): Promise<boolean> {
  const [ours, current] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return current !== undefined && current.ino !== ours.ino;
}

/** Waits until the writer has written more than at `version`, has closed, or the signal aborts. */
async function change(writer: LogWriter, version: number, signal: AbortSignal): Promise<void> {
  if (writer.closed || writer.version !== version) return;
  const stop = new AbortController();
  const cancel = AbortSignal.any([signal, stop.signal]);
  await Promise.race([
    once(writer, 'written', { signal: cancel }),
    once(writer, 'closed', { signal: cancel }),
  ]).catch(() => {});
  stop.abort();
}
