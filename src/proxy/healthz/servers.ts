import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger, Metrics, Startable } from '#base';
import type { ProxyConfig } from '../config/types.js';
import type { ListenerStatus } from '../contract.js';
import type { ProxyMetrics } from '../metrics.js';
import { type HttpListener, listen, parseHostPort } from './http.js';
import type { HealthAnswer, SyncHealth } from './sync-health.js';

export interface ServersOptions {
  config: ProxyConfig;
  health: SyncHealth;
  metrics: Metrics;
  instruments: ProxyMetrics;
  logger: Logger;
  /** What the userspace mode has bound where. */
  listeners: () => readonly ListenerStatus[];
}

type Route = (response: ServerResponse) => void | Promise<void>;

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
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end();
    Promise.resolve(route(response)).catch((err: unknown) => {
      logger.error('request failed', { err, path });
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  };
}

/** The health server (10256) and the metrics server (10249), with upstream's paths. */
export class ProxyServers implements Startable {
  readonly #options: ServersOptions;
  readonly #listeners: HttpListener[] = [];

  constructor(options: ServersOptions) {
    this.#options = options;
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
    return {
      '/metrics': async (response) => {
        const { contentType, body } = await metrics.scrape();
        response.writeHead(200, { 'content-type': contentType }).end(body);
      },
      '/healthz': (response) => sendText(response, 'ok'),
      '/proxyMode': (response) => sendText(response, config.mode),
      '/listeners': (response) => sendJson(response, 200, { listeners: this.#options.listeners() }),
      '/configz': (response) => sendJson(response, 200, { 'kubeproxy.config.k8s.io': config }),
    };
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
