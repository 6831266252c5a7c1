import { readFileSync, rmSync } from 'node:fs';
import type { LogStore } from '../logs/log-store.js';

/** The kubelet's limits. */
const MAX_MESSAGE = 4096;
const FALLBACK_LINES = 80;
const FALLBACK_BYTES = 2048;

/** Reads and removes what a container wrote to its termination message file; empty when there is nothing. */
export function takeTerminationMessage(path: string | undefined): string {
  if (path === undefined) return '';
  try {
    return readFileSync(path).subarray(0, MAX_MESSAGE).toString();
  } catch {
    // The container may have removed its own file.
    return '';
  } finally {
    rmSync(path, { force: true });
  }
}

/** The end of the log, for `terminationMessagePolicy: FallbackToLogsOnError`. */
export function messageFromLog(logs: LogStore, path: string): Promise<string> {
  return logs.tail(path, FALLBACK_LINES, FALLBACK_BYTES);
}
