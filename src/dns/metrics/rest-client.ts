import type { Metrics } from '#base';
import type { ObservedRequest } from '#client';

/** client_golang's DefBuckets. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts requests to API servers under the names of CoreDNS's kubernetes plugin. */
export function restClientMetrics(metrics: Metrics): (request: ObservedRequest) => void {
  const duration = metrics.histogram(
    'coredns_kubernetes_rest_client_request_duration_seconds',
    'Request latency in seconds. Broken down by verb and host.',
    ['verb', 'host'],
    BUCKETS,
  );
  const requests = metrics.counter(
    'coredns_kubernetes_rest_client_requests_total',
    'Number of HTTP requests, partitioned by status code, method, and host.',
    ['code', 'method', 'host'],
  );
  return ({ method, host, code, seconds }) => {
    duration.observe(seconds, { verb: method, host });
    requests.inc({ code, method, host });
  };
}
