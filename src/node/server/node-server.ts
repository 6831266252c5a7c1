import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock, Logger, Metrics, Startable } from '#base';
import type { LogStore } from '../logs/log-store.js';
import type { NodeServerOptions } from '../options.js';
import type { PodManager } from '../pods/pod-manager.js';
import { runToEnd } from '../probes/exec-probe.js';
import type { PodRuntime } from '../runtime.js';
import { accessOf, callerOf, defaultAuthorize } from './caller.js';
import { HttpError } from './http-error.js';
import { podList, sendJson, serveFiles, statsSummary } from './info-handlers.js';
import { serveContainerLogs } from './log-handler.js';
import { containerPath, findUnit, runningContainer } from './pod-lookup.js';
import { refuse } from './upgrade.js';
import { serveUpgrade } from './upgrade-handler.js';

export interface NodeServerDeps {
  options: NodeServerOptions;
  nodeName: string;
  manager: PodManager;
  runtime: PodRuntime;
  logs: LogStore;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  /** What `/logs/` shows. */
  logDirectory: string;
}

const RUN_TIMEOUT_MS = 60_000;

/** The kubelet's HTTPS API: logs, exec, attach, port-forward, pods, health, metrics. */
export function createNodeServer(deps: NodeServerDeps): Startable {
  return new NodeServer(deps);
}

class NodeServer implements Startable {
  readonly #deps: NodeServerDeps;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(deps: NodeServerDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { certificate, key, clientCa, port = 10250, address } = this.#deps.options;
    const server = createServer({
      cert: certificate,
      key,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    });
    this.#server = server;
    server.requestTimeout = 0;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.#request(request, response));
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Throws HttpError 401 or 403. */
  async #admit(request: IncomingMessage): Promise<void> {
    const caller = callerOf(request);
    if (caller === undefined) throw new HttpError(401, 'Unauthorized');
    const access = accessOf(request);
    const authorize = this.#deps.options.authorize ?? defaultAuthorize;
    if (await authorize(caller, { ...access, request })) return;
    const { verb, subresource } = access;
    throw new HttpError(
      403,
      `Forbidden (user=${caller.commonName}, verb=${verb}, resource=nodes, subresource(s)=[${subresource}])`,
    );
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#admit(request);
      await this.#route(request, response);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      if (!(error instanceof HttpError))
        this.#deps.logger.warn('node server request failed', { url: request.url, err: error });
      if (response.headersSent) response.destroy();
      else {
        response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
        response.end((error as Error).message);
      }
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://node');
    const [verb = '', ...segments] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
    const { manager, clock, metrics, nodeName, logDirectory, logs } = this.#deps;
    const now = clock.now();
    switch (verb) {
      case 'healthz':
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
        return void response.end('ok');
      case 'metrics': {
        const { contentType, body } = await metrics.scrape();
        response.writeHead(200, { 'content-type': contentType });
        return void response.end(body);
      }
      case 'pods':
        return sendJson(response, podList(manager, now, false));
      case 'runningpods':
        return sendJson(response, podList(manager, now, true));
      case 'stats':
        return sendJson(response, statsSummary(manager, nodeName, now));
      case 'logs':
        return serveFiles(logDirectory, segments.join('/'), response);
      case 'containerLogs':
        return serveContainerLogs(segments, searchParams, { manager, logs, now, request, response });
      case 'run':
        return this.#run(segments, searchParams, response);
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new HttpError(400, 'Upgrade request required');
      default:
        throw new HttpError(404, '404 page not found');
    }
  }

  /** `/run`: a command's output in one answer. */
  async #run(segments: string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
    const path = containerPath(segments);
    if (path === undefined) throw new HttpError(400, 'missing container name');
    const { unit } = findUnit(this.#deps.manager, path);
    const command = (query.get('cmd') ?? '').split(' ').filter((part) => part !== '');
    if (command.length === 0) throw new HttpError(400, 'missing cmd');
    const session = await this.#deps.runtime.exec(runningContainer(unit), {
      command,
      tty: false,
      stdin: false,
    });
    const { exitCode, output } = await runToEnd(session, AbortSignal.timeout(RUN_TIMEOUT_MS));
    if (exitCode !== 0)
      throw new HttpError(500, `command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.end(output);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    try {
      await this.#admit(request);
      await serveUpgrade({ request, socket, head }, this.#deps);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      if (!(error instanceof HttpError))
        this.#deps.logger.warn('node server upgrade failed', { url: request.url, err: error });
      refuse(socket, status, (error as Error).message);
    }
  }
}
