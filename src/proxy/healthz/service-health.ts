import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '#base';
import type { DesiredService } from '../state/desired.js';
import { type HttpListener, listen } from './http.js';

interface Entry {
  key: string;
  localReady: number;
  listeners: HttpListener[];
}

export interface ServiceHealthOptions {
  logger: Logger;
  /** Addresses to answer on: those of the NodePorts. */
  addresses: () => readonly string[];
  isProxyHealthy: () => boolean;
}

/**
 * HealthCheckNodePort: load balancers ask each node whether it has endpoints of a Service with
 * externalTrafficPolicy Local. 200 with at least one and a healthy proxy, else 503.
 */
export class ServiceHealth {
  readonly #options: ServiceHealthOptions;
  readonly #byPort = new Map<number, Entry>();
  #work: Promise<void> = Promise.resolve();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** A Service changed; `after` undefined means gone. Ports open and close in the background, in order. */
  update(before: DesiredService | undefined, after: DesiredService | undefined): void {
    const oldPort = before?.healthCheckNodePort ?? 0;
    const newPort = after?.healthCheckNodePort ?? 0;
    if (oldPort === 0 && newPort === 0) return;
    const known = this.#byPort.get(newPort);
    if (newPort !== 0 && known?.key === after!.key) {
      known.localReady = after!.localReady;
      return;
    }
    this.#work = this.#work.then(() => this.#move(oldPort, newPort, after));
  }

  /** Resolves when earlier updates have taken effect. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async stop(): Promise<void> {
    await this.#work;
    for (const port of [...this.#byPort.keys()]) await this.#close(port);
  }

  async #move(oldPort: number, newPort: number, after: DesiredService | undefined): Promise<void> {
    if (oldPort !== 0 && oldPort !== newPort) await this.#close(oldPort);
    if (newPort === 0 || after === undefined) return;
    const known = this.#byPort.get(newPort);
    if (known !== undefined) {
      known.localReady = after.localReady;
      return;
    }
    const entry: Entry = { key: after.key, localReady: after.localReady, listeners: [] };
    this.#byPort.set(newPort, entry);
    for (const address of this.#options.addresses()) {
      try {
        entry.listeners.push(await listen((req, res) => this.#answer(entry, req, res), address, newPort));
      } catch (err) {
        this.#options.logger.error('health check port cannot be opened', {
          err,
          service: entry.key,
          address,
          port: newPort,
        });
      }
    }
  }

  async #close(port: number): Promise<void> {
    const entry = this.#byPort.get(port);
    this.#byPort.delete(port);
    for (const listener of entry?.listeners ?? []) await listener.close();
  }

  #answer(entry: Entry, _request: IncomingMessage, response: ServerResponse): void {
    const isHealthy = this.#options.isProxyHealthy();
    const [namespace, name] = entry.key.split('/');
    const body = {
      service: { namespace, name },
      localEndpoints: entry.localReady,
      serviceProxyHealthy: isHealthy,
    };
    response.writeHead(entry.localReady > 0 && isHealthy ? 200 : 503, {
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      'x-load-balancing-endpoint-weight': String(entry.localReady),
    });
    response.end(JSON.stringify(body));
  }
}
