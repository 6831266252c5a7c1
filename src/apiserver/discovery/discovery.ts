import { createHash } from 'node:crypto';
import type { KindRegistry } from '#api';
import type { ApiResponse, RequestContext } from '../contracts.js';
import { parseAccept } from '../request/accept.js';
import { jsonResponse } from '../request/respond.js';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions } from './documents.js';

interface Document {
  body: Buffer;
  etag: string;
}

/**
 * Discovery in its three forms: aggregated v2 and v2beta1 (chosen by Accept, with ETag), and the legacy lists.
 * Documents are made at first use and again when kinds are added.
 */
export class Discovery {
  readonly #kinds: KindRegistry;
  readonly #serverAddress: () => string;
  readonly #documents = new Map<string, Document>();
  #generation = -1;

  /** `serverAddress` is host:port as clients reach it. */
  constructor(kinds: KindRegistry, serverAddress: () => string) {
    this.#kinds = kinds;
    this.#serverAddress = serverAddress;
  }

  /** Undefined when the path is not a discovery path. */
  handle(context: RequestContext): ApiResponse | undefined {
    const parts = context.info.path.replace(/^\/|\/$/g, '').split('/');
    const [root, group = '', version = ''] = parts;
    if ((root !== 'api' && root !== 'apis') || parts.length > 3) return undefined;
    if (parts.length === 1) return this.#root(context, root);
    if (root === 'api')
      return parts.length === 2 ? legacy(apiResourceList(this.#kinds, '', group)) : undefined;
    if (parts.length === 2) return legacy(apiGroup(this.#kinds, group));
    return legacy(apiResourceList(this.#kinds, group, version));
  }

  #root(context: RequestContext, root: 'api' | 'apis'): ApiResponse {
    const version = aggregatedVersion(context.request.headers['accept']);
    if (version !== undefined) return this.#aggregated(context, root, version);
    const value =
      root === 'api' ? apiVersions(this.#kinds, this.#serverAddress()) : apiGroupList(this.#kinds);
    return jsonResponse(200, value, { vary: 'Accept' });
  }

  #aggregated(context: RequestContext, root: 'api' | 'apis', version: string): ApiResponse {
    const document = this.#document(root, version);
    const headers = {
      'content-type': `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      etag: document.etag,
      vary: 'Accept',
      'cache-control': 'public',
    };
    if (context.request.headers['if-none-match'] === document.etag) {
      return { status: 304, headers, body: Buffer.alloc(0) };
    }
    return { status: 200, headers, body: document.body };
  }

  #document(root: 'api' | 'apis', version: string): Document {
    if (this.#generation !== this.#kinds.generation) {
      this.#generation = this.#kinds.generation;
      this.#documents.clear();
    }
    const key = `${root}/${version}`;
    const known = this.#documents.get(key);
    if (known !== undefined) return known;
    const body = Buffer.from(`${JSON.stringify(aggregatedDiscovery(this.#kinds, root, version))}\n`, 'utf8');
    const hash = createHash('sha512').update(body).digest('hex').toUpperCase();
    const document = { body, etag: `"${hash}"` };
    this.#documents.set(key, document);
    return document;
  }
}

function legacy(value: Record<string, unknown> | undefined): ApiResponse | undefined {
  return value === undefined ? undefined : jsonResponse(200, value, { vary: 'Accept' });
}

/** The aggregated version that the client prefers over plain JSON; undefined when it wants plain JSON. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, params } of parseAccept(accept)) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const { g, v, as } = params;
    if (as === undefined) return undefined;
    const known = g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList';
    if (known && (v === 'v2' || v === 'v2beta1')) return v;
  }
  return undefined;
}
