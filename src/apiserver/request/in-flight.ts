import { Errors } from '#api';

/** Upstream's `--max-requests-inflight` and `--max-mutating-requests-inflight`. */
export interface InFlightLimits {
  readOnly: number;
  mutating: number;
}

export type RequestClass = 'readOnly' | 'mutating';

/**
 * Counts running requests per class and refuses above the limit (429, retry after a second). Long-running
 * requests (watches, logs, proxied streams) are not counted, and neither are requests of `system:masters`,
 * so that an administrator can always get in, as upstream's maxinflight filter does.
 */
export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #running: Record<RequestClass, number> = { readOnly: 0, mutating: 0 };

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  running(kind: RequestClass): number {
    return this.#running[kind];
  }

  /** Takes a place and returns its release; throws TooManyRequests. */
  enter(kind: RequestClass, groups: string[]): () => void {
    const limit = this.#limits[kind];
    if (limit > 0 && this.#running[kind] >= limit && !groups.includes('system:masters')) {
      throw Errors.tooManyRequests('too many requests, please try again later', 1);
    }
    this.#running[kind]++;
    let held = true;
    return () => {
      if (held) this.#running[kind]--;
      held = false;
    };
  }
}
