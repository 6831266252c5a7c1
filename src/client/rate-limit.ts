import { type Clock, systemClock } from '#base';
import type { Transport, TransportRequest, TransportResponse } from './transport.js';

export interface RateLimit {
  /** Requests per second on average; negative means without limit, as in client-go. */
  qps: number;
  /** Requests at once after a rest. */
  burst: number;
}

/** Holds requests back to a rate, in order, as client-go's flow control does (client-go util/flowcontrol). */
export function limitRate(transport: Transport, limit: RateLimit, clock: Clock = systemClock): Transport {
  return limit.qps <= 0 ? transport : new LimitedTransport(transport, limit, clock);
}

class LimitedTransport implements Transport {
  readonly #inner: Transport;
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  /** When the next request would go if every earlier one had waited its turn: a token bucket without counting. */
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(inner: Transport, limit: RateLimit, clock: Clock) {
    this.#inner = inner;
    this.#limit = limit;
    this.#clock = clock;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const waitMs = this.#reserve();
    if (waitMs > 0) await this.#wait(waitMs, request.signal);
    return this.#inner.request(request);
  }

  close(): void {
    this.#inner.close();
  }

  #reserve(): number {
    const { qps, burst } = this.#limit;
    const interval = 1000 / qps;
    const now = this.#clock.now();
    // After a rest, `burst` requests go at once.
    this.#nextAt = Math.max(this.#nextAt, now - (Math.max(burst, 1) - 1) * interval);
    const waitMs = this.#nextAt - now;
    this.#nextAt += interval;
    return waitMs;
  }

  #wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      const abort = () => {
        cancel();
        reject(signal!.reason);
      };
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
