import { join } from 'node:path';
import { StoreError } from '../errors.js';
import { type LogRecord, SEGMENT_BYTES, WalSegment } from './wal-segment.js';

/** A flush has failed: whether the records are on the disk shows after a restart only. */
export class UndecidedError extends StoreError {
  constructor(cause: unknown) {
    super('Unavailable', 'a failed write left the store undecided: restart it', { cause });
    this.name = 'UndecidedError';
  }
}

/** Moves records to where they stay, durably and together with the note that this generation is done. */
type Drain = (records: LogRecord[], generation: number, freeing: boolean) => Promise<void>;

/**
 * Makes records durable with one flush of a preallocated file, where LMDB takes two; LMDB gets them later, many at a
 * time. Two segments take turns: while one is moved to LMDB, the other takes what comes.
 */
export class WriteAheadLog {
  #active: WalSegment;
  #full: WalSegment;
  readonly #drain: Drain;
  readonly #onError: (error: unknown) => void;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(active: WalSegment, full: WalSegment, drain: Drain, onError: (error: unknown) => void) {
    this.#active = active;
    this.#full = full;
    this.#drain = drain;
    this.#onError = onError;
  }

  /**
   * Opens the log and hands over what LMDB has not got: the generations after `drained`, whose records go on from
   * `revision`. `onError` hears of drains in the background that failed; the next one tries again.
   */
  static open(
    directory: string,
    drained: number,
    drain: Drain,
    onError: (error: unknown) => void,
  ): { log: WriteAheadLog; pending: LogRecord[] } {
    const segments = ['wal-0', 'wal-1'].map((name) => WalSegment.open(join(directory, name), drained));
    const [older, newer] = segments.sort((a, b) => a.generation - b.generation) as [WalSegment, WalSegment];
    const log = new WriteAheadLog(newer, older, drain, onError);
    // An unused segment counts as drained, and no generation comes twice.
    if (newer.generation === 0) newer.reset(drained + 1);
    return { log, pending: [...older.records, ...newer.records] };
  }

  /** Bytes that are not in LMDB yet. */
  get pendingBytes(): number {
    const bytes = (segment: WalSegment) =>
      segment.records.reduce((sum, { record }) => sum + record.length, 0);
    return bytes(this.#active) + bytes(this.#full);
  }

  get totalBytes(): number {
    return 2 * SEGMENT_BYTES;
  }

  /** False for what is too large to go through the log. */
  takes(records: readonly LogRecord[]): boolean {
    return records.reduce((sum, { record }) => sum + record.length + 16, 16) <= SEGMENT_BYTES / 2;
  }

  /** Resolves when the records are durable. `freeing`: they make room, and may use what is kept for that. */
  async append(records: LogRecord[], freeing: boolean): Promise<void> {
    if (!this.#active.fits(records)) {
      await this.#exclusively(async () => {
        if (this.#active.fits(records)) return;
        await this.#swap(freeing);
        void this.#exclusively(() => this.#drainFull(freeing)).catch(this.#onError);
      });
    }
    await this.#active.append(records).catch((error: unknown) => {
      throw new UndecidedError(error);
    });
  }

  /** Rewrites the records that are not in LMDB yet: undefined drops one. What the files hold stays until they are drained. */
  rewrite(change: (record: LogRecord) => LogRecord | undefined): Promise<void> {
    // Not while a drain is under way, which would write what it began with.
    return this.#exclusively(async () => {
      for (const segment of [this.#full, this.#active]) {
        segment.records = segment.records.map(change).filter((record) => record !== undefined);
      }
    });
  }

  /** Resolves when LMDB has everything that was appended before. */
  drainAll(freeing: boolean): Promise<void> {
    return this.#exclusively(async () => {
      await this.#swap(freeing);
      await this.#drainFull(freeing);
    });
  }

  /** Empties and closes the files. Everything must have been drained. */
  close(): void {
    for (const segment of [this.#active, this.#full]) segment.clear();
    this.abandon();
  }

  /** Closes the files as they are. */
  abandon(): void {
    for (const segment of [this.#active, this.#full]) segment.close();
  }

  #exclusively<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task, task);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** The other segment takes over, once it is empty. */
  async #swap(freeing: boolean): Promise<void> {
    await this.#drainFull(freeing);
    [this.#active, this.#full] = [this.#full, this.#active];
    this.#active.reset(this.#full.generation + 1);
  }

  async #drainFull(freeing: boolean): Promise<void> {
    const full = this.#full;
    await full.settled();
    if (full.generation === 0) return;
    await this.#drain(full.records, full.generation, freeing);
    full.reset(0);
  }
}
