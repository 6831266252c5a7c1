/** Longest piece of a line that becomes one record; containerd's default. */
export const MAX_RECORD = 16 * 1024;

export type LogStream = 'stdout' | 'stderr';

export interface LogRecord {
  /** RFC 3339 with nanoseconds. */
  time: string;
  stream: LogStream;
  /** False when the line goes on in the next record of the stream. */
  complete: boolean;
  /** Content without the newline. */
  content: Buffer;
}

/** Makes RFC 3339 times with nanoseconds that never go back, from a millisecond clock. */
export function createNanoClock(now: () => number): () => string {
  let lastMs = 0;
  let inMs = 0;
  return () => {
    const ms = Math.max(now(), lastMs);
    inMs = ms === lastMs ? Math.min(inMs + 1, 999_999) : 0;
    lastMs = ms;
    return `${new Date(ms).toISOString().slice(0, -1)}${String(inMs).padStart(6, '0')}Z`;
  };
}

/** One record in the CRI log format: `<time> <stream> <F|P> <content>\n`. */
export function formatRecord(record: LogRecord): Buffer {
  const head = `${record.time} ${record.stream} ${record.complete ? 'F' : 'P'} `;
  return Buffer.concat([Buffer.from(head), record.content, NEWLINE]);
}

const NEWLINE = Buffer.from('\n');

/** Parses one line (without its newline); undefined when it is not a record. */
export function parseRecord(line: Buffer): LogRecord | undefined {
  const first = line.indexOf(32);
  const second = first < 0 ? -1 : line.indexOf(32, first + 1);
  const third = second < 0 ? -1 : line.indexOf(32, second + 1);
  if (third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  const tag = line.toString('latin1', second + 1, third).split(':')[0];
  if ((stream !== 'stdout' && stream !== 'stderr') || (tag !== 'F' && tag !== 'P')) return undefined;
  return {
    time: line.toString('latin1', 0, first),
    stream,
    complete: tag === 'F',
    content: line.subarray(third + 1),
  };
}

/** Cuts a stream's chunks into records: at newlines, and long lines into pieces. */
export class RecordSplitter {
  readonly #stream: LogStream;
  readonly #time: () => string;
  #rest = Buffer.alloc(0);

  constructor(stream: LogStream, time: () => string) {
    this.#stream = stream;
    this.#time = time;
  }

  push(chunk: Buffer): Buffer[] {
    const records: Buffer[] = [];
    const time = this.#time();
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const newline = data.indexOf(10);
      if (newline >= 0 && newline <= MAX_RECORD) {
        records.push(this.#record(time, data.subarray(0, newline), true));
        data = data.subarray(newline + 1);
      } else if (data.length > MAX_RECORD) {
        records.push(this.#record(time, data.subarray(0, MAX_RECORD), false));
        data = data.subarray(MAX_RECORD);
      } else break;
    }
    this.#rest = Buffer.from(data);
    return records;
  }

  /** What is left when the stream ends without a newline. */
  end(): Buffer[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? [] : [this.#record(this.#time(), rest, false)];
  }

  #record(time: string, content: Buffer, complete: boolean): Buffer {
    return formatRecord({ time, stream: this.#stream, complete, content });
  }
}
