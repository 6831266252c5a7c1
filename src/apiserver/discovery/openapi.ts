import {
  Errors,
  type OpenApi,
  type OpenApiDocument,
  openApi3ProtobufType,
  openApi3ProtobufTypes,
  swaggerProtobufType,
  swaggerProtobufTypes,
} from '#api';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { parseAccept } from '../request/accept.js';

const V3 = '/openapi/v3';
const YEAR_MS = 365 * 86_400_000;

/**
 * `/openapi/v2`, `/openapi/v3` and `/openapi/v3/<group version>`. A document asked for by its hash never changes
 * and may be cached for ever; another hash redirects to the present one (k8s.io/kube-openapi/pkg/handler3).
 */
export class OpenApiEndpoint {
  readonly #openApi: OpenApi;

  constructor(openApi: OpenApi) {
    this.#openApi = openApi;
  }

  /** Undefined when the path is not one of ours. */
  handle(context: RequestContext): Promise<ApiResponse> | ApiResponse | undefined {
    const { path } = context.info;
    if (path === '/openapi/v2') return this.#v2(context);
    if (path === V3) return this.#index(context);
    if (!path.startsWith(`${V3}/`)) return undefined;
    const match = /^\/openapi\/v3\/(?:api\/([^/]+)|apis\/([^/]+\/[^/]+))$/.exec(path);
    return match === null ? undefined : this.#v3(context, match[1] ?? match[2]!);
  }

  async #index(context: RequestContext): Promise<ApiResponse> {
    return answer(context, await this.#openApi.v3Index(), 'application/json');
  }

  #v2(context: RequestContext): ApiResponse {
    for (const { type } of parseAccept(context.request.headers['accept'])) {
      if (swaggerProtobufTypes.includes(type)) {
        return answer(context, this.#openApi.v2Protobuf(), swaggerProtobufType);
      }
      if (isJson(type)) return answer(context, this.#openApi.v2Json(), 'application/json');
    }
    throw Errors.notAcceptable(['application/json', ...swaggerProtobufTypes]);
  }

  #v3(context: RequestContext, groupVersion: string): ApiResponse | undefined {
    if (this.#openApi.v3(groupVersion) === undefined) return undefined;
    for (const { type } of parseAccept(context.request.headers['accept'])) {
      if (isJson(type)) return hashed(context, this.#openApi.v3(groupVersion)!, 'application/json');
      if (openApi3ProtobufTypes.includes(type)) {
        return hashed(context, this.#openApi.v3Protobuf(groupVersion)!, openApi3ProtobufType);
      }
    }
    return { status: 406, headers: { vary: 'Accept' }, body: Buffer.alloc(0) };
  }
}

/** A document that the client may keep for ever if it asked for it by its hash. */
function hashed(context: RequestContext, document: OpenApiDocument, contentType: string): ApiResponse {
  const hash = context.info.query.get('hash');
  if (hash === null || hash === '') return answer(context, document, contentType);
  if (hash !== document.hash) {
    const location = `${context.info.path}?hash=${document.hash}`;
    return { status: 301, headers: { location, vary: 'Accept' }, body: Buffer.alloc(0) };
  }
  const cached = answer(context, document, contentType);
  cached.headers['cache-control'] = 'public, immutable';
  cached.headers['expires'] = new Date(Date.now() + YEAR_MS).toUTCString();
  return cached;
}

function isJson(type: string): boolean {
  return type === 'application/json' || type === 'application/*' || type === '*/*';
}

function answer(context: RequestContext, document: OpenApiDocument, contentType: string): ApiResponse {
  const etag = `"${document.hash}"`;
  const headers: Record<string, string> = { 'content-type': contentType, etag, vary: 'Accept' };
  const unchanged = context.request.headers['if-none-match'] === etag;
  return unchanged
    ? { status: 304, headers, body: Buffer.alloc(0) }
    : { status: 200, headers, body: document.bytes };
}
