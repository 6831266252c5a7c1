import { type Directive, directiveError } from '../corefile/parse.js';
import type { Plugin } from './plugin.js';
import {
  argumentError,
  duration,
  expectArgs,
  expectNoBlock,
  type HttpHandler,
  listenAddress,
  type PluginSetup,
  unknownProperty,
} from './setup-context.js';

const HEALTH_BUCKETS = Array.from({ length: 5 }, (_, i) => 0.00025 * 10 ** i);

/** A plugin that answers nothing: it is there to be listed, started and stopped. */
function silent(name: string, more: Partial<Plugin> = {}): Plugin {
  return { name, handle: (request, next) => next(request), ...more };
}

function serveHttp(
  at: Directive,
  setup: PluginSetup,
  asked: string,
  path: string,
  handler: HttpHandler,
): void {
  listenAddress(asked, at);
  const { http, server } = setup.runtime;
  const address = server.placement?.[at.name as 'health' | 'ready' | 'prometheus'] ?? asked;
  const paths = http.get(address) ?? new Map<string, HttpHandler>();
  http.set(address, paths);
  // Several server blocks may name one endpoint: what it shows is the whole server's.
  if (!paths.has(path)) paths.set(path, handler);
}

/** `health [ADDRESS] { lameduck DURATION }`: 200 as long as the process lives; lameduck delays the stop. */
export function setupHealth(directive: Directive, setup: PluginSetup): Plugin {
  const [address = ':8080'] = expectArgs(directive, 0, 1);
  for (const line of directive.block) {
    if (line.name !== 'lameduck') throw unknownProperty(line);
    setup.runtime.lameduckMs = duration(expectArgs(line, 1)[0], line) * 1000;
  }
  const { metrics } = setup.runtime.server;
  const histogram = metrics.histogram(
    'coredns_health_request_duration_seconds',
    'Histogram of the time (in seconds) each request took.',
    [],
    HEALTH_BUCKETS,
  );
  serveHttp(directive, setup, address, '/health', (_request, response) => {
    const started = performance.now();
    response.end('OK', () => histogram.observe((performance.now() - started) / 1000));
  });
  return silent('health');
}

/** `ready [ADDRESS]`: 200 once every plugin has been ready, 503 with their names before, and while stopping. */
export function setupReady(directive: Directive, setup: PluginSetup): Plugin {
  const [address = ':8181'] = expectArgs(directive, 0, 1);
  expectNoBlock(directive);
  const { readiness, server } = setup.runtime;
  // Sticky, as upstream: losing the API server does not take a resolver that still answers out of service.
  const seen = new Set<string>();
  serveHttp(directive, setup, address, '/ready', (_request, response) => {
    if (server.stopping()) return void response.writeHead(503).end('Shutting down');
    for (const { name, ready } of readiness) if (!seen.has(name) && ready()) seen.add(name);
    const waiting = readiness.filter(({ name }) => !seen.has(name)).map(({ name }) => name);
    if (waiting.length === 0) response.end('OK');
    else response.writeHead(503).end([...new Set(waiting)].sort().join(','));
  });
  return silent('ready');
}

/** `prometheus [ADDRESS]`: `/metrics` under CoreDNS's names. */
export function setupPrometheus(directive: Directive, setup: PluginSetup): Plugin {
  const [address = 'localhost:9153'] = expectArgs(directive, 0, 1);
  expectNoBlock(directive);
  const { stats, metrics, logger } = setup.runtime.server;
  setup.stats = stats;
  serveHttp(directive, setup, address, '/metrics', (_request, response) => {
    metrics.scrape().then(
      ({ contentType, body }) =>
        response.writeHead(200, { 'content-type': contentType }).end(stats.render() + body),
      (error) => {
        logger.error('metrics could not be collected', { err: error });
        response.writeHead(500).end();
      },
    );
  });
  return silent('prometheus');
}

/** `reload [INTERVAL] [JITTER]`: looks for a changed Corefile; at least 2 s and 1 s, as upstream. */
export function setupReload(directive: Directive, setup: PluginSetup): Plugin {
  if (directive.args.length > 2) throw argumentError(directive);
  const [interval, jitter] = directive.args;
  const seconds = interval === undefined ? 30 : duration(interval, directive);
  const jitterSeconds = jitter === undefined ? Math.min(15, seconds / 2) : duration(jitter, directive);
  expectNoBlock(directive);
  if (seconds !== 0 && seconds < 2)
    throw directiveError(directive, 'interval value must be greater or equal to 2s');
  if (jitterSeconds < 1 && jitter !== undefined)
    throw directiveError(directive, 'jitter value must be greater or equal to 1s');
  if (seconds > 0)
    setup.runtime.reload = {
      intervalMs: seconds * 1000,
      jitterMs: Math.min(jitterSeconds, seconds / 2) * 1000,
    };
  return silent('reload');
}
