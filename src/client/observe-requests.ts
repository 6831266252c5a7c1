import type { Transport, TransportRequest, TransportResponse } from './transport.js';

/** One request that was answered, or that failed (`code` is then `<error>`, as in client-go's metrics). */
export interface ObservedRequest {
  method: string;
  host: string;
  code: string;
  /** Until the answer's headers. */
  seconds: number;
}

/** Tells of every request of a transport to `host` (client-go tools/metrics). */
export function observeRequests(
  inner: Transport,
  host: string,
  observe: (request: ObservedRequest) => void,
): Transport {
  const timed = async (request: TransportRequest): Promise<TransportResponse> => {
    const { method } = request;
    const started = performance.now();
    let code = '<error>';
    try {
      const response = await inner.request(request);
      code = String(response.status);
      return response;
    } finally {
      observe({ method, host, code, seconds: (performance.now() - started) / 1000 });
    }
  };
  return { request: timed, close: () => inner.close() };
}
