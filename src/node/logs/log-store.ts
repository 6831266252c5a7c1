import { rmSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Logger } from '#base';
import { type LogOptions, readLog } from './log-reader.js';
import { LogWriter } from './log-writer.js';

export interface LogStoreOptions {
  /** Directory of all pods' logs. */
  directory: string;
  maxBytes: number;
  maxFiles: number;
  now: () => number;
  logger: Logger;
}

/** Which pod's logs are meant. */
export interface PodIdentity {
  namespace: string;
  name: string;
  uid: string;
}

/** Upstream's layout: `<namespace>_<name>_<uid>/<container>/<attempt>.log`. */
export class LogStore {
  readonly #options: LogStoreOptions;
  readonly #writers = new Map<string, LogWriter>();

  constructor(options: LogStoreOptions) {
    this.#options = options;
  }

  podDirectory(pod: PodIdentity): string {
    return posix.join(this.#options.directory, `${pod.namespace}_${pod.name}_${pod.uid}`);
  }

  path(pod: PodIdentity, container: string, attempt: number): string {
    return posix.join(this.podDirectory(pod), container, `${attempt}.log`);
  }

  /** The writer of a container that starts now; it leaves the store when it closes. */
  writer(pod: PodIdentity, container: string, attempt: number): LogWriter {
    const { maxBytes, maxFiles, now, logger } = this.#options;
    const path = this.path(pod, container, attempt);
    const writer = new LogWriter({
      path,
      maxBytes,
      maxFiles,
      now,
      onError: (error) => logger.warn('cannot write a container log', { path, err: error }),
    });
    this.#writers.set(path, writer);
    writer.once('closed', () => {
      if (this.#writers.get(path) === writer) this.#writers.delete(path);
    });
    return writer;
  }

  read(
    pod: PodIdentity,
    container: string,
    attempt: number,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer> {
    const path = this.path(pod, container, attempt);
    return readLog(path, options, this.#writers.get(path), signal);
  }

  /** Only the newest two attempts are kept, as `kubectl logs` and `--previous` can ask for no others. */
  prune(pod: PodIdentity, container: string, attempt: number): void {
    if (attempt >= 2) rmSync(this.path(pod, container, attempt - 2), { force: true });
  }

  removePod(pod: PodIdentity): void {
    rmSync(this.podDirectory(pod), { recursive: true, force: true });
  }

  /** Removes the logs of pods that no longer exist; `keep` are uids. */
  async removeOthers(keep: Set<string>): Promise<void> {
    const names = await readdir(this.#options.directory).catch(() => []);
    for (const name of names)
      if (!keep.has(name.slice(name.lastIndexOf('_') + 1)))
        rmSync(posix.join(this.#options.directory, name), { recursive: true, force: true });
  }

  /** The last bytes of a log's content, for `terminationMessagePolicy: FallbackToLogsOnError`. */
  async tail(path: string, lines: number, maxBytes: number): Promise<string> {
    if ((await stat(path).catch(() => undefined)) === undefined) return '';
    const options = { follow: false, timestamps: false, tailLines: lines };
    const chunks: Buffer[] = [];
    for await (const chunk of readLog(path, options, undefined, new AbortController().signal))
      chunks.push(chunk);
    return Buffer.concat(chunks).subarray(-maxBytes).toString();
  }
}
