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
import type { LogRecord } from './wal-segment.js';
import { UndecidedError, WriteAheadLog } from './write-ahead-log.js';

const FORMAT = 'kubesvc-store 2';
/** Had no write-ahead log; is taken over as it is. */
const EARLIER_FORMAT = 'kubesvc-store 1';
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
 * The revision log in an LMDB file: revision → record, in the database `log`, and the format, the compaction and the
 * last generation of the write-ahead log that is in here in `meta`. A commit is acknowledged when the write-ahead log
 * has it on the disk; large ones, when LMDB has, after its own two-step flush (overlappingSync off).
 */
export class LmdbJournal implements Journal {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #lock: DirectoryLock;
  readonly #reserve: SpaceReserve;
  #env: RootDatabase<Buffer, number> | undefined;
  #log!: Database<Buffer, number>;
  #meta!: Database<Buffer, string>;
  /** What earlier compactions could not remove (a full disk), or not yet. */
  #leftover: DeadVersion[] = [];
  #broken: StoreError | undefined;
  #wal: WriteAheadLog | undefined;

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
      const revision = await this.#openLog(state.revision, restore);
      this.#reserve.take();
      return { ...state, revision };
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
    if (format !== EARLIER_FORMAT && (format !== undefined || this.#log.getKeysCount({ limit: 1 }) > 0)) {
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

  /** Takes over what a crash left in the write-ahead log; the answer is the last revision in it. */
  async #openLog(revision: number, restore: (commit: Commit) => void): Promise<number> {
    const { log, pending } = this.#makeLog();
    let last = revision;
    try {
      for (const { revision: at, record } of pending) {
        if (at > last + 1) {
          throw new StoreError(
            'Corrupt',
            `revisions ${last + 1} to ${at - 1} are missing in ${this.#directory}`,
          );
        }
        restore(decodeCommit(at, record));
        last = at;
      }
      if (pending.length > 0) await log.drainAll(true);
    } catch (error) {
      log.abandon();
      throw error;
    }
    this.#wal = log;
    return last;
  }

  #makeLog(): { log: WriteAheadLog; pending: LogRecord[] } {
    const drained = Number(this.#meta.get('drained')?.toString() ?? 0);
    const open = () =>
      WriteAheadLog.open(
        this.#directory,
        drained,
        (records, generation, freeing) => this.#drain(records, generation, freeing),
        (error) => {
          this.#logger.error('could not write to the store', { directory: this.#directory, err: error });
        },
      );
    try {
      return open();
    } catch (error) {
      // A full disk that a store without this log has filled: the space comes back with the first compaction.
      if (asStoreError(error, this.#directory).code !== 'NoSpace' || !this.#reserve.release()) throw error;
      return open();
    } finally {
      syncDirectory(this.#directory);
    }
  }

  async append(commits: Commit[]): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    const freeing = commits.every((commit) => commit.changes.every((change) => change.kv === undefined));
    const records = commits.map((commit) => ({ revision: commit.revision, record: encodeCommit(commit) }));
    try {
      if (this.#wal!.takes(records)) await this.#wal!.append(records, freeing);
      else {
        // What came before must not come after.
        await this.#wal!.drainAll(freeing);
        await this.#put(records, [], freeing);
      }
    } catch (error) {
      throw this.#failed(error, commits[0]!.revision);
    }
  }

  #drain(records: LogRecord[], generation: number, freeing: boolean): Promise<void> {
    const done = () => this.#meta.put('drained', Buffer.from(String(generation)));
    return this.#put(records, [done], freeing);
  }

  async #put(records: LogRecord[], more: Operation[], freeing: boolean): Promise<void> {
    const puts = records.map(
      ({ revision, record }): Operation =>
        () =>
          this.#log.put(revision, record, APPEND),
    );
    const done = await (freeing
      ? this.#writeFromReserve([...puts, ...more])
      : this.#write([...puts, ...more]));
    const refused = done.indexOf(false);
    if (refused >= 0) throw new Error(`revision ${records[refused]?.revision} is in the log already`);
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
    if (error instanceof UndecidedError) this.#broken = failure;
    else if (this.#log.doesExist(revision)) {
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
      const groups = groupByRevision(all);
      const deletions: DeadVersion[] = [];
      await this.#wal!.rewrite((record) => {
        const keys = groups.get(record.revision);
        return keys === undefined ? record : withoutPuts(record, keys, deletions);
      });
      await this.#remove(groups);
      await this.#wal!.drainAll(true);
      this.#leftover = deletions;
      // LMDB uses pages again that were freed before the last transaction: this one makes the removed ones usable.
      await this.#writeFromReserve([() => this.#meta.put('compacted', mark)]);
      this.#reserve.take();
    } catch (error) {
      this.#logger.error('could not compact the store', { directory: this.#directory, err: error });
      throw asStoreError(error, this.#directory);
    }
  }

  async #remove(dead: Map<number, Set<string>>): Promise<void> {
    // The oldest first: a deletion must not go before what it deletes, whenever a crash comes.
    const revisions = [...dead.keys()].sort((a, b) => a - b);
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
    try {
      await this.#wal?.drainAll(true);
      this.#wal?.close();
    } catch (error) {
      // The log keeps it for the next start.
      this.#logger.warn('could not empty the write-ahead log', { directory: this.#directory, err: error });
    }
    this.#wal = undefined;
    await this.#env?.close();
    this.#env = undefined;
    this.#lock.release();
  }

  size(): { totalBytes: number; usedBytes: number } {
    const { pageSize, lastPageNumber } = this.#env!.getStats() as Stats;
    const log = this.#log.getStats() as Stats;
    const pages = log.treeBranchPageCount + log.treeLeafPageCount + log.overflowPages;
    const wal = this.#wal!;
    return {
      totalBytes: (lastPageNumber + 1) * pageSize + wal.totalBytes,
      usedBytes: pages * pageSize + wal.pendingBytes,
    };
  }
}

/**
 * A record that is not in LMDB yet, without the dead values of these keys. Deletions stay until the next compaction:
 * what they delete may still be in LMDB if a crash comes now.
 */
function withoutPuts(entry: LogRecord, keys: Set<string>, deletions: DeadVersion[]): LogRecord | undefined {
  const { revision } = entry;
  const { changes } = decodeCommit(revision, entry.record);
  const left = changes.filter(({ key, kv }) => {
    if (keys.has(key) && kv === undefined) deletions.push({ revision, key });
    return kv === undefined || !keys.has(key);
  });
  if (left.length === changes.length) return entry;
  return left.length === 0 ? undefined : { revision, record: encodeCommit({ revision, changes: left }) };
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
