import { EventEmitter } from 'node:events';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { createNanoClock, type LogStream, RecordSplitter } from './cri-format.js';

export interface LogWriterOptions {
  path: string;
  maxBytes: number;
  /** Files kept, the current one included. */
  maxFiles: number;
  now: () => number;
  onError: (error: unknown) => void;
}

/** Bytes that may wait for the disk before the container's output is held back. */
const HIGH_WATER = 1024 * 1024;

/**
 * Writes a container's output to its log file in the CRI format, in order of arrival, and rotates it. Emits
 * `written` after records have reached the file and `closed` once, after the last.
 */
export class LogWriter extends EventEmitter<{ written: []; closed: [] }> {
  readonly path: string;
  readonly #options: LogWriterOptions;
  readonly #time: () => string;
  #queue: Buffer[] = [];
  #queued = 0;
  #size = 0;
  #file: FileHandle | undefined;
  #flushing: Promise<void> | undefined;
  #paused: Readable[] = [];
  #closed = false;
  #version = 0;

  constructor(options: LogWriterOptions) {
    super();
    this.setMaxListeners(0);
    this.path = options.path;
    this.#options = options;
    this.#time = createNanoClock(options.now);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Grows with every `written`. */
  get version(): number {
    return this.#version;
  }

  /** Consumes the stream until its end; resolves then. `tap` sees the raw bytes first. */
  consume(stream: Readable, name: LogStream, tap?: (chunk: Buffer) => void): Promise<void> {
    const splitter = new RecordSplitter(name, this.#time);
    return new Promise((resolve) => {
      let done = false;
      const finish = () => {
        if (done) return;
        done = true;
        this.#enqueue(splitter.end(), undefined);
        resolve();
      };
      stream.on('data', (chunk: Buffer) => {
        tap?.(chunk);
        this.#enqueue(splitter.push(chunk), stream);
      });
      stream.once('end', finish).once('close', finish).once('error', finish);
      stream.resume();
    });
  }

  /** Flushes and closes the file; call after every `consume` has resolved. */
  async close(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#file?.close();
    this.#file = undefined;
    this.#closed = true;
    this.emit('closed');
  }

  #enqueue(records: Buffer[], from: Readable | undefined): void {
    if (records.length === 0) return;
    for (const record of records) {
      this.#queue.push(record);
      this.#queued += record.length;
    }
    if (this.#queued > HIGH_WATER && from !== undefined) {
      from.pause();
      this.#paused.push(from);
    }
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined;
    });
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = Buffer.concat(this.#queue);
      this.#queue = [];
      this.#queued = 0;
      try {
        await this.#write(batch);
      } catch (error) {
        this.#options.onError(error);
      }
      for (const stream of this.#paused.splice(0)) stream.resume();
      this.#version++;
      this.emit('written');
    }
  }

  async #write(batch: Buffer): Promise<void> {
    this.#file ??= await this.#open();
    await this.#file.appendFile(batch);
    this.#size += batch.length;
    if (this.#size >= this.#options.maxBytes) await this.#rotate();
  }

  async #open(): Promise<FileHandle> {
    await mkdir(posix.dirname(this.path), { recursive: true, mode: 0o755 });
    const file = await open(this.path, 'a', 0o640);
    this.#size = (await file.stat()).size;
    return file;
  }

  /** `0.log` becomes `0.log.<time>`, as the kubelet names them; the oldest go. */
  async #rotate(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const stamp = new Date(this.#options.now())
      .toISOString()
      .replace(/[-:]/g, '')
      .replace('T', '-')
      .slice(0, 19);
    await rename(this.path, `${this.path}.${stamp}`);
    this.#file = await this.#open();
    const base = posix.basename(this.path);
    const directory = posix.dirname(this.path);
    const rotated = (await readdir(directory)).filter((name) => name.startsWith(`${base}.`)).sort();
    for (const name of rotated.slice(0, Math.max(0, rotated.length - (this.#options.maxFiles - 1))))
      await rm(posix.join(directory, name), { force: true });
  }
}
