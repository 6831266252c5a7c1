import type { IncomingMessage } from 'node:http';
import type {
  ApiRequest,
  ApiResponse,
  RequestContext,
  SubresourceHandler,
  UpgradeRequest,
} from '../contracts.js';
import {
  chunks,
  cleanHeaders,
  connectTo,
  exchange,
  type ForwardedRequest,
  type Target,
  tunnel,
} from './connection.js';
import type { ProxyTargets } from './proxy-target.js';
import { type RewriteContext, rewriteAddress, rewriteHtml, rewriteRefresh } from './rewrite.js';
import type { SubresourceDeps } from './types.js';

const HOP_BY_HOP = /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|http2-settings)$/;
/** The caller's credentials are for this server only. */
const WITHHELD = /^(authorization|impersonate-.*|x-remote-.*|host)$/;
/** Larger documents pass without rewriting: they are streamed, not held. */
const MAX_HTML = 8 * 1024 * 1024;

interface Route {
  target: Target;
  prefix: string;
  /** Path and query behind the prefix; the path is empty when the URL ends with `proxy`. */
  rest: string;
  query: string;
}

/** pods/proxy, services/proxy and nodes/proxy: any method, any path, upgrades included. */
export class ProxyHandler implements SubresourceHandler {
  readonly methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  readonly #deps: SubresourceDeps;
  readonly #targets: ProxyTargets;
  constructor(deps: SubresourceDeps, targets: ProxyTargets) {
    this.#deps = deps;
    this.#targets = targets;
  }

  async handle(context: RequestContext): Promise<ApiResponse> {
    const { request } = context;
    const route = await this.#route(context);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (route.rest === '' && reads) return redirect(`${route.prefix}/${route.query}`);
    const connection = await connectTo(this.#deps.egress, route.target, request.signal);
    const response = await exchange(connection, forwarded(request, route, false), request.signal);
    return answer(response, request, route);
  }

  async upgrade(context: RequestContext, request: UpgradeRequest): Promise<void> {
    const route = await this.#route(context);
    const connection = await connectTo(this.#deps.egress, route.target, request.signal);
    await tunnel(request.socket, request.head, connection, forwarded(request, route, true), request.signal);
  }

  async #route(context: RequestContext): Promise<Route> {
    const { url } = context.request;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const prefix = prefixOf(path);
    const target = await this.#targets.find(context);
    return { target, prefix, rest: path.slice(prefix.length), query: mark < 0 ? '' : url.slice(mark) };
  }
}

/** Everything up to and including the `proxy` segment, as the client wrote it. */
function prefixOf(path: string): string {
  const segments = path.split('/');
  // Behind /api/v1/nodes/NAME or /api/v1/namespaces/NS/pods/NAME.
  const from = segments[3] === 'namespaces' ? 7 : 5;
  const at = segments.indexOf('proxy', from);
  return segments.slice(0, at < 0 ? segments.length : at + 1).join('/');
}

function redirect(location: string): ApiResponse {
  return { status: 301, headers: { location }, body: Buffer.alloc(0) };
}

function forwarded(request: ApiRequest, route: Route, upgrade: boolean): ForwardedRequest {
  const { target, prefix } = route;
  const path = `${route.rest === '' ? '/' : route.rest}${route.query}`;
  const headers: Record<string, string> = { host: `${bracketed(target.host)}:${target.port}` };
  for (const [name, value] of Object.entries(cleanHeaders(request.headers))) {
    if (WITHHELD.test(name) || (!upgrade && HOP_BY_HOP.test(name))) continue;
    headers[name] = value;
  }
  headers['x-forwarded-uri'] = `${prefix}${route.rest}`;
  headers['x-forwarded-host'] = hostOf(request);
  headers['x-forwarded-proto'] = 'https';
  if (request.remoteAddress !== undefined) {
    const before = headers['x-forwarded-for'];
    headers['x-forwarded-for'] =
      before === undefined ? request.remoteAddress : `${before}, ${request.remoteAddress}`;
  }
  const body = upgrade || request.hasBody !== true ? {} : { body: request.stream() };
  return { method: request.method, path, headers, ...body };
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function hostOf(request: ApiRequest): string {
  const host = request.headers['host'] ?? request.headers[':authority'] ?? '';
  return /[\r\n]/.test(host) ? '' : host;
}

async function answer(response: IncomingMessage, request: ApiRequest, route: Route): Promise<ApiResponse> {
  const rewriting: RewriteContext = {
    prefix: route.prefix,
    scheme: 'https',
    host: hostOf(request),
    backend: `${bracketed(route.target.host)}:${route.target.port}`,
  };
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value === undefined || HOP_BY_HOP.test(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  if (headers['location'] !== undefined) headers['location'] = rewriteAddress(headers['location'], rewriting);
  if (headers['refresh'] !== undefined) headers['refresh'] = rewriteRefresh(headers['refresh'], rewriting);
  const status = response.statusCode ?? 502;
  if (!isRewritable(response, request)) return { status, headers, body: chunks(response) };
  const { body, rest } = await readUpTo(response, MAX_HTML);
  if (rest !== undefined) return { status, headers, body: joined(body, rest) };
  const html = Buffer.from(rewriteHtml(body.toString('utf8'), rewriting), 'utf8');
  headers['content-length'] = String(html.length);
  return { status, headers, body: html };
}

/** Plain HTML, as far as the headers tell. */
function isRewritable(response: IncomingMessage, request: ApiRequest): boolean {
  if (request.method === 'HEAD') return false;
  const isHtml = (response.headers['content-type'] ?? '').toLowerCase().startsWith('text/html');
  return isHtml && (response.headers['content-encoding'] ?? '') === '';
}

/** The body up to `limit` bytes, and what follows if there is more. */
async function readUpTo(
  response: IncomingMessage,
  limit: number,
): Promise<{ body: Buffer; rest?: AsyncGenerator<Buffer> }> {
  const source = chunks(response);
  const parts: Buffer[] = [];
  let size = 0;
  while (size <= limit) {
    const next = await source.next();
    if (next.done === true) return { body: Buffer.concat(parts) };
    parts.push(next.value);
    size += next.value.length;
  }
  return { body: Buffer.concat(parts), rest: source };
}

async function* joined(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}
