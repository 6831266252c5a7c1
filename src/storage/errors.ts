/** What a store can refuse; `code` is stable and is what the API server's conversion table reads. */
export type StoreErrorCode =
  | 'Compacted'
  | 'FutureRevision'
  | 'Unavailable'
  | 'NoSpace'
  | 'TooLarge'
  | 'Closed'
  | 'Corrupt';

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

/** The asked revision has been compacted away; `compactRevision` is the oldest one still readable. */
export class CompactedError extends StoreError {
  readonly compactRevision: number;
  constructor(compactRevision: number) {
    super('Compacted', `required revision has been compacted (oldest is ${compactRevision})`);
    this.name = 'CompactedError';
    this.compactRevision = compactRevision;
  }
}

/** The asked revision does not exist yet. */
export class FutureRevisionError extends StoreError {
  readonly current: number;
  constructor(current: number) {
    super('FutureRevision', `required revision is a future revision (current is ${current})`);
    this.name = 'FutureRevisionError';
    this.current = current;
  }
}
