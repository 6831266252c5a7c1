import type { Counter, Histogram, Logger, Metrics } from '#base';
import type { DnsRequest } from '../plugins/plugin.js';
import { Flag, rcodeName } from '../wire/constants.js';
import { exchangeUdp } from './datagram.js';
import { probeQuery, type Upstream } from './messages.js';
import { StreamUpstream } from './stream.js';

const READ_TIMEOUT_MS = 2_000;
const TIME_BUCKETS = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);

export interface ProxyOptions {
  forceTcp: boolean;
  preferUdp: boolean;
  /** Failures after which the upstream is down; 0 is never. */
  maxFails: number;
  healthCheckMs: number;
  expireMs: number;
}

export interface ProxyMetrics {
  duration: Histogram;
  healthFailures: Counter;
  hits: Counter;
  misses: Counter;
}

/** CoreDNS's `coredns_proxy_*`. */
export function proxyMetrics(metrics: Metrics): ProxyMetrics {
  const labels = ['proxy_name', 'to'];
  return {
    duration: metrics.histogram(
      'coredns_proxy_request_duration_seconds',
      'Histogram of the time each request took.',
      [...labels, 'rcode'],
      TIME_BUCKETS,
    ),
    healthFailures: metrics.counter(
      'coredns_proxy_healthcheck_failures_total',
      'Counter of the number of failed healthchecks.',
      labels,
    ),
    hits: metrics.counter(
      'coredns_proxy_conn_cache_hits_total',
      'Counter of connection cache hits per upstream and protocol.',
      [...labels, 'proto'],
    ),
    misses: metrics.counter(
      'coredns_proxy_conn_cache_misses_total',
      'Counter of connection cache misses per upstream and protocol.',
      [...labels, 'proto'],
    ),
  };
}

/** One upstream with its health: probed from the first failure on until it answers again. */
export class UpstreamProxy {
  readonly #upstream: Upstream;
  readonly #options: ProxyOptions;
  readonly #logger: Logger;
  readonly #metrics: ProxyMetrics;
  readonly #labels: { proxy_name: string; to: string };
  readonly #stream: StreamUpstream;
  #fails = 0;
  #probe: NodeJS.Timeout | undefined;

  constructor(upstream: Upstream, options: ProxyOptions, logger: Logger, metrics: ProxyMetrics) {
    this.#upstream = upstream;
    this.#options = options;
    this.#logger = logger;
    this.#metrics = metrics;
    const { host, port } = upstream;
    this.#labels = { proxy_name: 'forward', to: `${host.includes(':') ? `[${host}]` : host}:${port}` };
    this.#stream = new StreamUpstream(upstream, { expireMs: options.expireMs, timeoutMs: READ_TIMEOUT_MS });
  }

  get isDown(): boolean {
    return this.#options.maxFails > 0 && this.#fails >= this.#options.maxFails;
  }

  /** Rejects when no answer came; that counts against the upstream's health. */
  async exchange(request: DnsRequest): Promise<Buffer> {
    const started = performance.now();
    try {
      const message = await this.#ask(request);
      const rcode = rcodeName(message[3]! & 0xf);
      this.#metrics.duration.observe((performance.now() - started) / 1000, { ...this.#labels, rcode });
      return message;
    } catch (error) {
      this.#failed();
      throw error;
    }
  }

  async #ask(request: DnsRequest): Promise<Buffer> {
    const { query } = request;
    const { forceTcp, preferUdp } = this.#options;
    const stream = this.#upstream.tls !== undefined || forceTcp || (request.protocol !== 'udp' && !preferUdp);
    if (stream) return this.#askStream(query);
    const answer = await exchangeUdp(this.#upstream, query, READ_TIMEOUT_MS);
    const truncated = (answer.readUInt16BE(2) & Flag.TC) !== 0;
    return truncated && request.protocol !== 'udp' ? this.#askStream(query) : answer;
  }

  #askStream(query: DnsRequest['query']): Promise<Buffer> {
    const proto = this.#upstream.tls === undefined ? 'tcp' : 'tcp-tls';
    const counter = this.#stream.connected ? this.#metrics.hits : this.#metrics.misses;
    counter.inc({ ...this.#labels, proto });
    return this.#stream.exchange(query);
  }

  #failed(): void {
    this.#fails++;
    if (this.#fails === this.#options.maxFails)
      this.#logger.warn('upstream is down', { to: this.#labels.to });
    if (this.#probe === undefined) this.#schedule();
  }

  #schedule(): void {
    this.#probe = setTimeout(() => void this.#check(), this.#options.healthCheckMs).unref();
  }

  /** Any answer is healthy. */
  async #check(): Promise<void> {
    try {
      if (this.#upstream.tls !== undefined || this.#options.forceTcp)
        await this.#stream.exchange(probeQuery());
      else await exchangeUdp(this.#upstream, probeQuery(), READ_TIMEOUT_MS);
      if (this.isDown) this.#logger.info('upstream is up again', { to: this.#labels.to });
      this.#fails = 0;
      this.#probe = undefined;
    } catch {
      this.#metrics.healthFailures.inc(this.#labels);
      this.#fails++;
      if (this.#probe !== undefined) this.#schedule();
    }
  }

  stop(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    this.#stream.close();
  }
}
