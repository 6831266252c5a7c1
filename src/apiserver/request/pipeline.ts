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
import { caught, type Soon, soon } from '../soon.js';
import { toStatusError } from './errors.js';
import { forbidden, impersonate } from './impersonation.js';
import type { InFlight } from './in-flight.js';
import type { RequestMetrics } from './metrics.js';
import { legible } from './pretty.js';
import { parseRequestInfo } from './request-info.js';
import { statusResponse, textResponse } from './respond.js';
import { Warnings } from './warnings.js';

/** Serves a request that has passed all filters; undefined: there is no such path. */
export type Dispatch = (context: RequestContext) => Soon<ApiResponse | undefined>;

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

  handle(request: ApiRequest): Soon<ApiResponse> {
    const call = new Call(request);
    return soon(
      caught(
        () => this.#serve(call),
        (error) => statusResponse(this.#statusOf(error, request).status),
      ),
      (response) => legible(request, this.#finish(call, response)),
    );
  }

  /** Ends with the socket handed over to a handler, or answered and closed. */
  async upgrade(request: UpgradeRequest): Promise<void> {
    try {
      const call = new Call(request);
      const context = await this.#admit(call, parseRequestInfo(request.method, request.url));
      const done = this.#options.metrics.longRunning(context.info);
      request.socket.once('close', done);
      await this.#options.upgrade(context, request);
    } catch (error) {
      refuse(request, statusResponse(this.#statusOf(error, request).status));
    }
  }

  #serve(call: Call): Soon<ApiResponse> {
    const info = parseRequestInfo(call.request.method, call.request.url);
    return soon(this.#admit(call, info), (context) => this.#run(context));
  }

  /** Who asks, and whether they may. */
  #admit(call: Call, info: RequestInfo): Soon<RequestContext> {
    const { authenticator, authorizer } = this.#options;
    call.info = info;
    return soon(authenticator.authenticate(call.request), (real) => {
      if (real === undefined) throw Errors.unauthorized();
      return soon(impersonate(call.request, real, authorizer), (user) => {
        call.user = user;
        const attributes = attributesOf(info, user);
        return soon(authorizer.authorize(attributes), ({ decision, reason }) => {
          if (decision !== 'allow') throw forbidden(attributes, reason);
          return call;
        });
      });
    });
  }

  #run(context: RequestContext): Soon<ApiResponse> {
    const { metrics, inFlight } = this.#options;
    const { info, user } = context;
    if (isLongRunning(info)) return accounted(() => this.#dispatch(context), metrics.longRunning(info));
    if (!info.isResourceRequest && HEALTH.test(info.path)) return this.#timed(this.#dispatch(context));
    const release = inFlight.enter(MUTATING.has(info.verb) ? 'mutating' : 'readOnly', user.groups);
    return accounted(() => this.#timed(this.#dispatch(context)), release);
  }

  #dispatch(context: RequestContext): Soon<ApiResponse> {
    return soon(
      this.#options.dispatch(context),
      (response) => response ?? textResponse(404, '404 page not found\n'),
    );
  }

  #timed(answer: Soon<ApiResponse>): Soon<ApiResponse> {
    if (!(answer instanceof Promise)) return answer;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(Errors.timeout('Timeout: request did not complete within requested timeout', 0)),
        this.#options.timeoutMs,
      );
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
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

  #finish(call: Call, response: ApiResponse): ApiResponse {
    const { request, info, started } = call;
    const { headers } = response;
    headers['audit-id'] = auditId(request.headers['audit-id']);
    headers['cache-control'] ??= 'no-cache, private';
    const warning = call.warning();
    if (warning !== '') headers['warning'] = warning;
    // A path that cannot be read belongs to no series.
    if (info !== undefined) {
      this.#options.metrics.finished({
        info,
        code: response.status,
        seconds: (performance.now() - started) / 1000,
        dryRun: info.query.has('dryRun'),
        longRunning: isLongRunning(info),
      });
    }
    return response;
  }
}

/** One request on its way, filled in as it goes. */
class Call implements RequestContext {
  readonly request: ApiRequest;
  readonly started = performance.now();
  /** Set once the path has been read. */
  info!: RequestInfo;
  /** Set once the request has been authenticated. */
  user!: UserInfo;
  #warnings: Warnings | undefined;

  constructor(request: ApiRequest) {
    this.request = request;
  }

  warn(text: string): void {
    this.#warnings ??= new Warnings();
    this.#warnings.add(text);
  }

  /** The value of the `Warning` header; empty for none. */
  warning(): string {
    return this.#warnings?.headers().join(', ') ?? '';
  }
}

/** Runs `done` when the answer is complete: for a stream that is its end, not its head. */
function accounted(run: () => Soon<ApiResponse>, done: () => void): Soon<ApiResponse> {
  const failed = (error: unknown): never => {
    done();
    throw error;
  };
  return soon(caught(run, failed), (response) => {
    const { body } = response;
    if (!Buffer.isBuffer(body) && !Array.isArray(body)) {
      return { ...response, body: new EndingBody(body, done) };
    }
    done();
    return response;
  });
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
    labelSelector: info.labelSelector,
    fieldSelector: info.fieldSelector,
  };
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
