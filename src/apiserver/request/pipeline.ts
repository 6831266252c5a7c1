import { randomUUID } from 'node:crypto';
import { Errors, type StatusError } from '#api';
import type { Logger } from '#base';
import type {
  ApiRequest,
  ApiResponse,
  Authenticator,
  AuthorizationAttributes,
  Authorizer,
  RequestContext,
  RequestInfo,
  UpgradeRequest,
  UserInfo,
} from '../contracts.js';
import { toStatusError } from './errors.js';
import { forbidden, impersonate } from './impersonation.js';
import type { InFlight } from './in-flight.js';
import type { RequestMetrics } from './metrics.js';
import { parseRequestInfo } from './request-info.js';
import { statusResponse, textResponse } from './respond.js';
import { Warnings } from './warnings.js';

/** Serves a request that has passed all filters; undefined: there is no such path. */
export type Dispatch = (
  context: RequestContext,
) => Promise<ApiResponse | undefined> | ApiResponse | undefined;

export interface PipelineOptions {
  authenticator: Authenticator;
  authorizer: Authorizer;
  inFlight: InFlight;
  metrics: RequestMetrics;
  dispatch: Dispatch;
  /** Finds and runs the handler of a protocol upgrade; throws StatusError when there is none. */
  upgrade(context: RequestContext, request: UpgradeRequest): Promise<void>;
  /** Upstream's --request-timeout, milliseconds. Watches, logs and proxied streams have their own. */
  timeoutMs: number;
  logger: Logger;
}

const MUTATING = new Set(['create', 'update', 'patch', 'delete', 'deletecollection', 'post', 'put']);
const STREAMING = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);
const HEALTH = /^\/(healthz|livez|readyz)(\/|$)/;

/**
 * Every request goes through here, whatever carried it: request info → authentication → impersonation →
 * fairness → authorization → handler, with upstream's order, headers and answers. Nothing escapes: whatever
 * is thrown becomes a Status, and what no table explains is logged and becomes a 500.
 */
export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  async handle(request: ApiRequest): Promise<ApiResponse> {
    const started = performance.now();
    const warnings = new Warnings();
    const seen: { info?: RequestInfo } = {};
    let response: ApiResponse;
    try {
      response = await this.#serve(request, warnings, seen);
    } catch (error) {
      response = statusResponse(this.#statusOf(error, request).status);
    }
    addHeaders(response, request, warnings);
    if (seen.info !== undefined) this.#count(seen.info, response, started);
    return response;
  }

  /** Ends with the socket handed over to a handler, or answered and closed. */
  async upgrade(request: UpgradeRequest): Promise<void> {
    const warnings = new Warnings();
    try {
      const context = await this.#admit(request, parseRequestInfo(request.method, request.url), warnings);
      const done = this.#options.metrics.longRunning(context.info);
      request.socket.once('close', done);
      await this.#options.upgrade(context, request);
    } catch (error) {
      refuse(request, statusResponse(this.#statusOf(error, request).status));
    }
  }

  async #serve(request: ApiRequest, warnings: Warnings, seen: { info?: RequestInfo }): Promise<ApiResponse> {
    const info = parseRequestInfo(request.method, request.url);
    seen.info = info;
    const context = await this.#admit(request, info, warnings);
    if (isLongRunning(info)) return this.#stream(context);
    const exempt = !info.isResourceRequest && HEALTH.test(info.path);
    const kind = MUTATING.has(info.verb) ? 'mutating' : 'readOnly';
    const release = exempt ? undefined : this.#options.inFlight.enter(kind, context.user.groups);
    return this.#accounted(() => this.#timed(context), release ?? (() => {}));
  }

  /** Runs `done` when the answer is complete: for a stream that is its end, not its head. */
  async #accounted(run: () => Promise<ApiResponse>, done: () => void): Promise<ApiResponse> {
    let streaming = false;
    try {
      const response = await run();
      const { body } = response;
      if (Buffer.isBuffer(body) || Array.isArray(body)) return response;
      streaming = true;
      return { ...response, body: new EndingBody(body, done) };
    } finally {
      if (!streaming) done();
    }
  }

  /** Who asks, and whether they may. */
  async #admit(request: ApiRequest, info: RequestInfo, warnings: Warnings): Promise<RequestContext> {
    const { authenticator, authorizer } = this.#options;
    const real = await authenticator.authenticate(request);
    if (real === undefined) throw Errors.unauthorized();
    const user = await impersonate(request, real, authorizer);
    const attributes = attributesOf(info, user);
    const decision = await authorizer.authorize(attributes);
    if (decision.decision !== 'allow') throw forbidden(attributes, decision.reason);
    return { request, info, user, warn: (text) => warnings.add(text) };
  }

  async #dispatch(context: RequestContext): Promise<ApiResponse> {
    const response = await this.#options.dispatch(context);
    return response ?? textResponse(404, '404 page not found\n');
  }

  #stream(context: RequestContext): Promise<ApiResponse> {
    return this.#accounted(() => this.#dispatch(context), this.#options.metrics.longRunning(context.info));
  }

  #timed(context: RequestContext): Promise<ApiResponse> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(Errors.timeout('Timeout: request did not complete within requested timeout', 0)),
        this.#options.timeoutMs,
      );
      this.#dispatch(context)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  #statusOf(error: unknown, request: ApiRequest): StatusError {
    return toStatusError(error, (defect) => {
      this.#options.logger.error('request failed on a defect', {
        method: request.method,
        path: request.url.split('?')[0],
        err: defect,
      });
    });
  }

  #count(info: RequestInfo, response: ApiResponse, started: number): void {
    this.#options.metrics.finished({
      info,
      code: response.status,
      seconds: (performance.now() - started) / 1000,
      dryRun: info.query.has('dryRun'),
      longRunning: isLongRunning(info),
    });
  }
}

/** Requests that last as long as the client wants: neither counted as in flight nor timed out. */
function isLongRunning(info: RequestInfo): boolean {
  return info.verb === 'watch' || info.verb === 'proxy' || STREAMING.has(info.subresource);
}

export function attributesOf(info: RequestInfo, user: UserInfo): AuthorizationAttributes {
  const { verb, isResourceRequest, path, group, version, namespace, resource, subresource, name } = info;
  return {
    user,
    verb,
    isResourceRequest,
    path,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    ...(info.labelSelector === undefined ? {} : { labelSelector: info.labelSelector }),
    ...(info.fieldSelector === undefined ? {} : { fieldSelector: info.fieldSelector }),
  };
}

function addHeaders(response: ApiResponse, request: ApiRequest, warnings: Warnings): void {
  const { headers } = response;
  headers['audit-id'] = auditId(request.headers['audit-id']);
  headers['cache-control'] ??= 'no-cache, private';
  const texts = warnings.headers();
  if (texts.length > 0) headers['warning'] = texts.join(', ');
}

/** The caller's audit ID when it is one, else a new one. */
function auditId(asked: string | undefined): string {
  return asked !== undefined && /^[\w.:-]{1,64}$/.test(asked) ? asked : randomUUID();
}

/** A body that says when it has been read or given up. Unlike a generator it does so also when it was never begun. */
class EndingBody implements AsyncIterable<Buffer>, AsyncIterator<Buffer> {
  readonly #inner: AsyncIterator<Buffer>;
  #done: (() => void) | undefined;

  constructor(body: AsyncIterable<Buffer>, done: () => void) {
    this.#inner = body[Symbol.asyncIterator]();
    this.#done = done;
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer>> {
    try {
      const next = await this.#inner.next();
      if (next.done === true) this.#end();
      return next;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Buffer>> {
    this.#end();
    await this.#inner.return?.();
    return { done: true, value: undefined };
  }

  #end(): void {
    this.#done?.();
    this.#done = undefined;
  }
}

/** Answers an upgrade request with an ordinary response and closes. */
function refuse(request: UpgradeRequest, response: ApiResponse): void {
  const { socket } = request;
  if (socket.destroyed || !socket.writable) return;
  const body = response.body as Buffer;
  const lines = Object.entries({
    ...response.headers,
    'content-length': String(body.length),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`);
  socket.write(
    `HTTP/1.1 ${response.status} ${reasonPhrase(response.status)}\r\n${lines.join('\r\n')}\r\n\r\n`,
  );
  socket.end(body);
}

function reasonPhrase(status: number): string {
  const known: Record<number, string> = {
    400: 'Bad Request',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    405: 'Method Not Allowed',
    500: 'Internal Server Error',
    503: 'Service Unavailable',
  };
  return known[status] ?? 'Error';
}
