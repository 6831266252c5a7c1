import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import type { Logger } from '#base';
import { StoreError } from '../errors.js';
import type { Commit } from '../mvcc/change.js';
import type { DeadVersion } from '../mvcc/mvcc-index.js';
import type { Journal } from '../mvcc/mvcc-store.js';
import { checkDataFile } from './data-file.js';
import { DirectoryLock } from './directory-lock.js';
import { asStoreError, commitFailure } from './lmdb-errors.js';
import { changeCount, decodeCommit, encodeCommit } from './record.js';
import { SpaceReserve } from './reserve.js';

const FORMAT = 'kubesvc-store 1';
/** Fills pages instead of splitting them in halves; lmdb-js takes it where its types say "version". */
const APPEND = { append: true } as unknown as number;
/** Records removed per flush while compacting, so that writers come in between. */
const COMPACT_SLICE = 1_000;

/** Starts one write; undefined when there is nothing to do. */
type Operation = () => Promise<boolean> | undefined;

interface Stats {
  pageSize: number;
  lastPageNumber: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

/**
 * The revision log in an LMDB file: revision → record, in the database `log`, and the format and the compaction
 * in `meta`. A commit is acknowledged after LMDB's own two-step flush (overlappingSync off).
 */
export class LmdbJournal implements Journal {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #lock: DirectoryLock;
  readonly #reserve: SpaceReserve;
  #env: RootDatabase<Buffer, number> | undefined;
  #log!: Database<Buffer, number>;
  #meta!: Database<Buffer, string>;
  /** What earlier compactions could not remove (a full disk). */
  #leftover: DeadVersion[] = [];
  #broken: StoreError | undefined;

  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    this.#lock = new DirectoryLock(directory);
    this.#reserve = new SpaceReserve(directory);
  }

  async open(restore: (commit: Commit) => void): Promise<{ revision: number; compactRevision: number }> {
    makeDirectory(this.#directory);
    await this.#lock.acquire();
    try {
      this.#openEnvironment();
      await this.#checkFormat();
      const state = this.#load(restore);
      this.#reserve.take();
      return state;
    } catch (error) {
      await this.close();
      throw asStoreError(error, this.#directory);
    }
  }

  #openEnvironment(): void {
    const options = {
      path: this.#directory,
      noSubdir: false,
      encoding: 'binary' as const,
      cache: false,
      overlappingSync: false,
      // Its internal promise is dropped, and so a failed commit would be an unhandled rejection. `#write` batches.
      eventTurnBatching: false,
      maxDbs: 4,
      // Nobody but the owner reads Secrets.
      permissionsMode: 0o600,
    };
    checkDataFile(join(this.#directory, 'data.mdb'));
    this.#env = open<Buffer, number>(options);
    this.#log = this.#env.openDB<Buffer, number>({ name: 'log', encoding: 'binary', cache: false });
    this.#meta = this.#env.openDB<Buffer, string>({ name: 'meta', encoding: 'binary', cache: false });
  }

  async #checkFormat(): Promise<void> {
    const format = this.#meta.get('format')?.toString();
    if (format === FORMAT) return;
    if (format !== undefined || this.#log.getKeysCount({ limit: 1 }) > 0) {
      const found = format ?? 'none';
      throw new StoreError('Corrupt', `${this.#directory} has store format "${found}", expected "${FORMAT}"`);
    }
    await this.#write([() => this.#meta.put('format', Buffer.from(FORMAT))]);
    syncDirectory(this.#directory);
  }

  #load(restore: (commit: Commit) => void): { revision: number; compactRevision: number } {
    const compactRevision = Number(this.#meta.get('compacted')?.toString() ?? 0);
    let revision = Math.max(1, compactRevision);
    for (const { key, value } of this.#log.getRange()) {
      restore(decodeCommit(key, value));
      revision = key;
    }
    // A kept read transaction would keep freed pages from being used again.
    this.#env!.resetReadTxn();
    return { revision, compactRevision };
  }

  async append(commits: Commit[]): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const freeing = commits.every((commit) => commit.changes.every((change) => change.kv === undefined));
    const records = commits.map(encodeCommit);
    const puts = commits.map(({ revision }, i) => {
      // Encoded before the transaction begins: LMDB's writer thread waits for it to end.
      const record = records[i]!;
      return () => this.#log.put(revision, record, APPEND);
    });
    try {
      const done = await (freeing ? this.#writeFromReserve(puts) : this.#write(puts));
      const refused = done.indexOf(false);
      if (refused >= 0) throw new Error(`revision ${commits[refused]!.revision} is in the log already`);
    } catch (error) {
      throw this.#failed(error, commits[0]!.revision);
    }
  }

  /** For writes that make room: on a full disk they get the reserve. */
  async #writeFromReserve(operations: Operation[]): Promise<(boolean | undefined)[]> {
    try {
      return await this.#write(operations);
    } catch (error) {
      const full = asStoreError(error, this.#directory).code === 'NoSpace';
      if (!full || !this.#reserve.release()) throw error;
      this.#logger.warn('disk full: using the space reserved for freeing space', {
        directory: this.#directory,
      });
      return this.#write(operations);
    }
  }

  /** Runs the operations in one LMDB transaction and waits for its flush. Throws the system's own error. */
  async #write(operations: Operation[]): Promise<(boolean | undefined)[]> {
    try {
      // One operation is a transaction by itself, without keeping the writer thread waiting for the batch's end.
      if (operations.length === 1) return [await operations[0]!()];
      const answers: (Promise<boolean> | undefined)[] = [];
      await this.#log.batch(() => {
        for (const operation of operations) {
          const answer = operation();
          // The batch's promise speaks for them all; theirs must not go unhandled.
          answer?.catch(() => undefined);
          answers.push(answer);
        }
      });
      return await Promise.all(answers);
    } catch (error) {
      throw await commitFailure(error);
    }
  }

  /** A failed write must have left nothing behind; if it did, only a restart tells what is durable. */
  #failed(error: unknown, revision: number): StoreError {
    const failure = asStoreError(error, this.#directory);
    this.#logger.error('could not write to the store', { directory: this.#directory, err: error });
    this.#env!.resetReadTxn();
    if (this.#log.doesExist(revision)) {
      this.#broken = new StoreError('Unavailable', 'a failed write left the store undecided: restart it', {
        cause: error,
      });
    }
    return failure;
  }

  async compact(revision: number, dead: DeadVersion[]): Promise<void> {
    const all = [...this.#leftover, ...dead];
    this.#leftover = all;
    try {
      // First the mark: whatever a crash leaves below it is compacted at the next start.
      const mark = Buffer.from(String(revision));
      await this.#writeFromReserve([() => this.#meta.put('compacted', mark)]);
      await this.#remove(groupByRevision(all));
      this.#leftover = [];
      // LMDB uses pages again that were freed before the last transaction: this one makes the removed ones usable.
      await this.#writeFromReserve([() => this.#meta.put('compacted', mark)]);
      this.#reserve.take();
    } catch (error) {
      this.#logger.error('could not compact the store', { directory: this.#directory, err: error });
      throw asStoreError(error, this.#directory);
    }
  }

  async #remove(dead: Map<number, Set<string>>): Promise<void> {
    const revisions = [...dead.keys()];
    for (let from = 0; from < revisions.length; from += COMPACT_SLICE) {
      const slice = revisions.slice(from, from + COMPACT_SLICE);
      await this.#writeFromReserve(slice.map((r) => () => this.#removeFrom(r, dead.get(r)!)));
    }
  }

  /** Removes the record, or rewrites it with what is still alive in it. */
  #removeFrom(revision: number, keys: Set<string>): Promise<boolean> | undefined {
    const record = this.#log.getBinary(revision);
    if (record === undefined) return undefined;
    if (changeCount(record) === 1) return this.#log.remove(revision);
    const commit = decodeCommit(revision, record);
    const changes = commit.changes.filter((change) => !keys.has(change.key));
    return changes.length === 0
      ? this.#log.remove(revision)
      : this.#log.put(revision, encodeCommit({ revision, changes }));
  }

  async close(): Promise<void> {
    await this.#env?.close();
    this.#env = undefined;
    this.#lock.release();
  }

  size(): { totalBytes: number; usedBytes: number } {
    const { pageSize, lastPageNumber } = this.#env!.getStats() as Stats;
    const log = this.#log.getStats() as Stats;
    const pages = log.treeBranchPageCount + log.treeLeafPageCount + log.overflowPages;
    return { totalBytes: (lastPageNumber + 1) * pageSize, usedBytes: pages * pageSize };
  }
}

function groupByRevision(dead: DeadVersion[]): Map<number, Set<string>> {
  const groups = new Map<number, Set<string>>();
  for (const { revision, key } of dead) {
    const group = groups.get(revision);
    if (group === undefined) groups.set(revision, new Set([key]));
    else group.add(key);
  }
  return groups;
}

function makeDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o700 }) === undefined) return;
  syncDirectory(dirname(directory));
}

/** Makes new names in a directory survive a power cut. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
