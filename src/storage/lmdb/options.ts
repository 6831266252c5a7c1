import type { Clock, Logger } from '#base';

export interface LmdbStoreOptions {
  /** Created with mode 0700 when missing; used by one process at a time. */
  directory: string;
  logger: Logger;
  clock?: Clock;
  /** Superseded values kept in memory before half of the history is compacted unasked. Default 128 MiB. */
  maxHistoryBytes?: number;
}
