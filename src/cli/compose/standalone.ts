import { createServer } from 'node:http';
import {
  createLogger,
  createMetrics,
  Group,
  type Logger,
  type LogLevel,
  type Metrics,
  type Startable,
} from '#base';
import {
  type Client,
  type ClientConfig,
  createClientFromConfig,
  inClusterConfig,
  loadKubeconfig,
} from '#client';
import type { ClientFlags } from '../commands/client-flags.js';
import { stopSignal } from './stop-signal.js';

/** How to reach the API server, as the flags say. */
export function configFromFlags(flags: ClientFlags): ClientConfig {
  const config = flags.kubeconfig === undefined ? inClusterConfig() : loadKubeconfig(flags.kubeconfig);
  return flags.master === undefined ? config : { ...config, server: flags.master };
}

export function clientFromFlags(flags: ClientFlags, component: string): Client {
  return createClientFromConfig(configFromFlags(flags), component);
}

/** klog's verbosity as a level. */
export function logLevel(v: string): LogLevel {
  return Number(v) >= 4 ? 'debug' : 'info';
}

export interface ComponentBase {
  logger: Logger;
  metrics: Metrics;
}

/** Logger and metrics of a component that is a process of its own; logs go to standard error. */
export function componentBase(component: string, v: string): ComponentBase {
  return { logger: createLogger({ level: logLevel(v), component }), metrics: createMetrics() };
}

/**
 * Starts, waits for a signal, stops. A failed start has already stopped what had started. A signal during a
 * start that waits, say for an API server that is not there, ends the process at once.
 */
export async function runUntilSignal(members: Startable[], logger: Logger): Promise<void> {
  const stopped = stopSignal();
  const group = new Group(members);
  const early = await Promise.race([group.start().then(() => undefined), stopped]);
  if (early !== undefined) {
    logger.info('stopping before everything has started', { signal: early });
    process.exit(0);
  }
  logger.info('stopping', { signal: await stopped });
  await group.stop();
  process.exit(0);
}

/** `/healthz`, `/livez`, `/readyz` and `/metrics` over plain HTTP on an address (`host:port`); empty disables it. */
export function createDebugServer(address: string, metrics: Metrics): Startable {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/metrics') {
      void metrics
        .scrape()
        .then(({ contentType, body }) => response.writeHead(200, { 'content-type': contentType }).end(body));
    } else if (['/healthz', '/livez', '/readyz'].includes(path ?? '')) {
      response.end('ok');
    } else response.writeHead(404).end();
  });
  return {
    start: () =>
      new Promise((resolve, reject) => {
        if (address === '') return resolve();
        const colon = address.lastIndexOf(':');
        server.once('error', reject);
        server.listen(Number(address.slice(colon + 1)), address.slice(0, colon).replace(/^\[|\]$/g, ''), () =>
          resolve(),
        );
      }),
    stop: () => new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve())),
  };
}
