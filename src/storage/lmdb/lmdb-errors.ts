import { statfsSync } from 'node:fs';
import { StoreError } from '../errors.js';

const ENOSPC = 28;
const EIO = 5;
const COMMIT_ERROR_WAIT_MS = 1_000;

/** Below this, a short write was a full disk. */
const FULL_BELOW_BYTES = 1024 * 1024;

/** What is behind lmdb-js's "Commit failed (see commitError for details)". */
export async function commitFailure(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<unknown> };
  if (commitError === undefined) return error;
  const timeout = new Promise((resolve) => setTimeout(() => resolve(error), COMMIT_ERROR_WAIT_MS).unref());
  const cause = commitError.then(
    () => error,
    (inner: unknown) => inner,
  );
  return Promise.race([cause, timeout]);
}

/** LMDB's refusals in the contract's terms. It reports a write cut short by a full disk as an input/output error. */
export function asStoreError(error: unknown, directory: string): StoreError {
  if (error instanceof StoreError) return error;
  const { message = String(error), code } = error as { message?: string; code?: number | string };
  const options = { cause: error };
  const full = code === ENOSPC || code === 'ENOSPC' || /no space left|MDB_MAP_FULL|disk quota/i.test(message);
  if (full || (code === EIO && isFull(directory))) {
    return new StoreError('NoSpace', `no space left for the store in ${directory}`, options);
  }
  if (/MDB_(CORRUPTED|INVALID|VERSION_MISMATCH|PAGE_NOTFOUND|PANIC|BAD_)/.test(message)) {
    return new StoreError('Corrupt', `the store in ${directory} is damaged: ${message}`, options);
  }
  return new StoreError('Unavailable', `the store in ${directory} failed: ${message}`, options);
}

function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < FULL_BELOW_BYTES;
  } catch {
    return false;
  }
}
