import {
  type Counter,
  type CounterSeries,
  durationBuckets,
  type Histogram,
  type HistogramSeries,
  type Metrics,
} from '#base';
import type { RequestInfo } from '../contracts.js';
import type { InFlight } from './in-flight.js';

/** What one finished request adds to the metrics. */
export interface Finished {
  info: RequestInfo;
  code: number;
  seconds: number;
  dryRun: boolean;
  longRunning: boolean;
}

/** What requests of one kind with one outcome are counted in. */
interface Series {
  total: CounterSeries;
  duration: HistogramSeries;
}

/** Series found by what a request says, so that its labels are not put together each time. */
const MAX_SERIES = 4_096;

/** Upstream's request metrics (apiserver/pkg/endpoints/metrics/metrics.go), with bounded label values. */
export class RequestMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;
  readonly #series = new Map<string, Series>();
  readonly #longRunning = new Map<string, { labels: Record<string, string>; count: number }>();
  /** Group/resource pairs that exist; others are counted under an empty resource. */
  readonly #known: (group: string, resource: string) => boolean;

  constructor(metrics: Metrics, inFlight: InFlight, known: (group: string, resource: string) => boolean) {
    this.#known = known;
    const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'];
    this.#total = metrics.counter(
      'apiserver_request_total',
      'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
      [...labels, 'dry_run', 'code'],
    );
    this.#duration = metrics.histogram(
      'apiserver_request_duration_seconds',
      'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
      [...labels, 'dry_run'],
      durationBuckets,
    );
    metrics.gauge(
      'apiserver_current_inflight_requests',
      'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
      ['request_kind'],
      (gauge) => {
        gauge.set(inFlight.running('readOnly'), { request_kind: 'readOnly' });
        gauge.set(inFlight.running('mutating'), { request_kind: 'mutating' });
      },
    );
    metrics.gauge(
      'apiserver_longrunning_requests',
      'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
      labels,
      (gauge) => {
        for (const { labels: of, count } of this.#longRunning.values()) gauge.set(count, of);
      },
    );
  }

  finished(request: Finished): void {
    const { total, duration } = this.#seriesOf(request);
    total.inc();
    if (!request.longRunning) duration.observe(request.seconds);
  }

  #seriesOf(request: Finished): Series {
    const { info, code, dryRun } = request;
    const { verb, group, version, resource, subresource } = info;
    const what = info.isResourceRequest ? `${group}/${version}/${resource}/${subresource}` : info.path;
    const key = `${verb} ${scopeLabel(info)} ${code} ${dryRun} ${what}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    // Labels are few, but the paths that clients think up are not.
    if (this.#series.size >= MAX_SERIES) this.#series.clear();
    const labels = { ...this.#labels(info), dry_run: dryRun ? 'All' : '' };
    const total = this.#total.with({ ...labels, code: String(code) });
    const series = { total, duration: this.#duration.with(labels) };
    this.#series.set(key, series);
    return series;
  }

  /** Counts a long-running request until the returned function is called. */
  longRunning(info: RequestInfo): () => void {
    const labels = this.#labels(info);
    const key = Object.values(labels).join('|');
    const entry = this.#longRunning.get(key) ?? { labels, count: 0 };
    this.#longRunning.set(key, entry);
    entry.count++;
    return () => {
      entry.count--;
    };
  }

  #labels(info: RequestInfo): Record<string, string> {
    const known = info.isResourceRequest && this.#known(info.group, info.resource);
    return {
      verb: VERBS.has(info.verb) ? verbLabel(info.verb) : 'other',
      group: known ? info.group : '',
      version: known ? info.version : '',
      resource: known ? info.resource : '',
      subresource: known ? subresourceLabel(info) : pathLabel(info.path),
      scope: known ? scopeLabel(info) : '',
      component: 'apiserver',
    };
  }
}

function scopeLabel(info: RequestInfo): string {
  return info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster';
}

const VERBS = new Set([
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'proxy',
  'post',
  'put',
]);
const SUBRESOURCES = new Set(
  'status scale finalize binding eviction token log exec attach portforward proxy approval ephemeralcontainers resize'.split(
    ' ',
  ),
);
const PATHS = new Set(['/healthz', '/livez', '/readyz', '/metrics', '/version', '/api', '/apis']);

function verbLabel(verb: string): string {
  if (verb === 'create') return 'POST';
  if (verb === 'update') return 'PUT';
  return verb.toUpperCase();
}

function subresourceLabel(info: RequestInfo): string {
  return SUBRESOURCES.has(info.subresource) ? info.subresource : '';
}

function pathLabel(path: string): string {
  return PATHS.has(path) ? path : path.startsWith('/openapi/') ? '/openapi' : '';
}
