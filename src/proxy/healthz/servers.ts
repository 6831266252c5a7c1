import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Clock, createMetrics, type Logger, type Metrics, type Startable } from '#base';
import { isEnabled } from '../config/feature-gates.js';
import { toConfigFile } from '../config/format.js';
import type { ProxyConfig } from '../config/types.js';
import type { ListenerStatus } from '../contract.js';
import type { ProxyMetrics } from '../metrics.js';
import { type HttpListener, listen, parseHostPort } from './http.js';
import { profile, profilePaths } from './pprof.js';
import type { HealthAnswer, SyncHealth } from './sync-health.js';
import { flagz, statusz, type ZpageFacts } from './zpages.js';

export interface ServersOptions {
  config: ProxyConfig;
  health: SyncHealth;
  metrics: Metrics;
  instruments: ProxyMetrics;
  logger: Logger;
  clock: Clock;
  /** What the userspace mode has bound where. */
  listeners: () => readonly ListenerStatus[];
  /** Command line flags with their values, for /flagz. */
  flags?: Readonly<Record<string, string>> | undefined;
}

type Route = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

function sendJson(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
  response.end(JSON.stringify(body));
}

function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

function serve(routes: Record<string, Route>, logger: Logger) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? '/').split('?')[0]!;
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return void response.writeHead(404).end('404 page not found\n');
    const mayDelete = path === '/metrics/slis' && request.method === 'DELETE';
    if (request.method !== 'GET' && request.method !== 'HEAD' && !mayDelete) {
      return void response.writeHead(405).end();
    }
    // Not every route is asynchronous, and each may throw.
    Promise.resolve()
      .then(() => route(response, request))
      .catch((err: unknown) => {
        logger.error('request failed', { err, path });
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
  };
}

async function scrape(metrics: Metrics, response: ServerResponse): Promise<void> {
  const { contentType, body } = await metrics.scrape();
  response.writeHead(200, { 'content-type': contentType }).end(body);
}

async function sendProfile(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const answer = await profile(path, query);
  if (answer === undefined) return void response.writeHead(404).end();
  const attachment =
    answer.fileName === undefined
      ? {}
      : { 'content-disposition': `attachment; filename="${answer.fileName}"` };
  response.writeHead(200, { 'content-type': answer.contentType, ...attachment }).end(answer.body);
}

/** The release whose proxy this one stands in for. */
const KUBERNETES_VERSION = '1.36';

/** `/metrics/slis`: how often the health of the metrics server was asked for (upstream's only check there is ping). */
class HealthIndicators {
  readonly metrics = createMetrics();
  readonly #last = this.metrics.gauge(
    'kubernetes_healthcheck',
    '[STABLE] This metric records the result of a single healthcheck.',
    ['name', 'type'],
  );
  readonly #total = this.metrics.counter(
    'kubernetes_healthchecks_total',
    '[STABLE] This metric records the results of all healthcheck.',
    ['name', 'type', 'status'],
  );

  observe(): void {
    this.#last.set(1, { name: 'ping', type: 'healthz' });
    this.#total.inc({ name: 'ping', type: 'healthz', status: 'success' });
  }
}

/** The health server (10256) and the metrics server (10249), with upstream's paths. */
export class ProxyServers implements Startable {
  readonly #options: ServersOptions;
  readonly #listeners: HttpListener[] = [];

  readonly #startedAt: number;
  #slis = new HealthIndicators();

  constructor(options: ServersOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  async start(): Promise<void> {
    const { config } = this.#options;
    await this.#listen('healthz', config.healthzBindAddress, this.#healthRoutes());
    await this.#listen('metrics', config.metricsBindAddress, this.#metricsRoutes());
  }

  async stop(): Promise<void> {
    for (const listener of this.#listeners.splice(0)) await listener.close();
  }

  #healthRoutes(): Record<string, Route> {
    const { health, instruments } = this.#options;
    const answer =
      (read: () => HealthAnswer, counter: ProxyMetrics['healthz']): Route =>
      (response) => {
        const { code, body } = read();
        counter.inc({ code: String(code) });
        sendJson(response, code, body);
      };
    return {
      '/healthz': answer(() => health.healthz(), instruments.healthz),
      '/livez': answer(() => health.livez(), instruments.livez),
    };
  }

  #metricsRoutes(): Record<string, Route> {
    const { metrics, config } = this.#options;
    const routes: Record<string, Route> = {
      '/metrics': (response) => scrape(metrics, response),
      '/metrics/slis': (response, request) => {
        if (request.method !== 'DELETE') return scrape(this.#slis.metrics, response);
        this.#slis = new HealthIndicators();
        return sendText(response, 'metrics reset\n');
      },
      '/healthz': (response) => {
        this.#slis.observe();
        sendText(response, 'ok');
      },
      '/proxyMode': (response) => sendText(response, config.mode),
      '/listeners': (response) => sendJson(response, 200, { listeners: this.#options.listeners() }),
      '/configz': (response) => sendJson(response, 200, { 'kubeproxy.config.k8s.io': toConfigFile(config) }),
    };
    this.#addDebugRoutes(routes);
    return routes;
  }

  #addDebugRoutes(routes: Record<string, Route>): void {
    const { config } = this.#options;
    const gates = config.featureGates;
    const facts = () => this.#facts(Object.keys(routes));
    if (isEnabled(gates, 'ComponentFlagz'))
      routes['/flagz'] = (response) => sendText(response, flagz(facts()));
    if (isEnabled(gates, 'ComponentStatusz')) {
      routes['/statusz'] = (response) => sendText(response, statusz(facts()));
    }
    if (!config.enableProfiling) return;
    for (const path of profilePaths)
      routes[path] = (response, request) => sendProfile(path, request, response);
  }

  #facts(paths: string[]): ZpageFacts {
    const now = this.#options.clock.now();
    const flags = this.#options.flags ?? {};
    return { name: 'kube-proxy', startedAt: this.#startedAt, now, flags, paths, version: KUBERNETES_VERSION };
  }

  /** An address that cannot be bound is fatal only with `bindAddressHardFail`. */
  async #listen(name: string, address: string, routes: Record<string, Route>): Promise<void> {
    const { logger, config } = this.#options;
    if (address === '') return;
    try {
      const at = parseHostPort(address);
      if (at === undefined) throw new Error(`"${address}" is not address:port`);
      this.#listeners.push(await listen(serve(routes, logger), at.host, at.port));
    } catch (err) {
      if (config.bindAddressHardFail) throw err;
      logger.error(`the ${name} server cannot listen`, { err, address });
    }
  }
}
