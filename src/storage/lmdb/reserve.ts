import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Enough for LMDB to write the pages that a compaction or a batch of deletions touches. */
const RESERVE_BYTES = 2 * 1024 * 1024;

/**
 * Disk space set aside for the way out of a full disk: a copy-on-write tree needs new pages even to delete.
 */
export class SpaceReserve {
  readonly #directory: string;
  readonly #path: string;
  constructor(directory: string) {
    this.#directory = directory;
    this.#path = join(directory, 'reserve');
  }

  /** Takes the space unless it is taken already or would be missed; a disk without room for it is not an error. */
  take(): void {
    try {
      if (statSync(this.#path, { throwIfNoEntry: false })?.size === RESERVE_BYTES) return;
      const { bavail, bsize } = statfsSync(this.#directory);
      // Room just gained belongs to the writers first.
      if (bavail * bsize < 2 * RESERVE_BYTES) return;
      writeFileSync(this.#path, Buffer.alloc(RESERVE_BYTES), { mode: 0o600 });
    } catch {
      this.release();
    }
  }

  /** Gives the space to the store; false when there was none to give. */
  release(): boolean {
    const had = statSync(this.#path, { throwIfNoEntry: false }) !== undefined;
    rmSync(this.#path, { force: true });
    return had;
  }
}
