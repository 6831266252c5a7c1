import { createOpenApi, type KindRegistry } from '#api';
import type { Metrics } from '#base';
import type { ApiResponse, RequestContext } from './contracts.js';
import { Discovery, OpenApiEndpoint, versionInfo } from './discovery/index.js';
import type { Health } from './health/index.js';
import { jsonResponse } from './request/respond.js';

export interface EndpointDeps {
  kinds: KindRegistry;
  health: Health;
  metrics: Metrics;
  /** host:port as clients reach the server. */
  serverAddress: () => string;
}

const OPENAPI_PATHS = ['/openapi/v2', '/openapi/v3'];

/** One path outside the resource API. */
type Endpoint = (context: RequestContext) => Promise<ApiResponse | undefined> | ApiResponse | undefined;

/** What is served besides resources: discovery, OpenAPI, version, health, metrics and the list of paths. */
export class Endpoints {
  readonly #deps: EndpointDeps;
  readonly #discovery: Discovery;
  readonly #openApi: OpenApiEndpoint;
  readonly #exact: Map<string, Endpoint>;

  constructor(deps: EndpointDeps, more: Iterable<[string, Endpoint]> = []) {
    this.#deps = deps;
    this.#discovery = new Discovery(deps.kinds, deps.serverAddress);
    this.#openApi = new OpenApiEndpoint(createOpenApi(deps.kinds));
    this.#exact = new Map<string, Endpoint>([
      ['/', () => jsonResponse(200, { paths: this.#paths() })],
      ['/version', () => jsonResponse(200, versionInfo())],
      ['/metrics', () => this.#metrics()],
      ...more,
    ]);
  }

  /** Undefined: there is no such path, or not with this method. */
  async handle(context: RequestContext): Promise<ApiResponse | undefined> {
    const { method } = context.request;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const path = context.info.path.replace(/(?<=.)\/+$/, '');
    return (
      (await this.#exact.get(path)?.(context)) ??
      this.#discovery.handle(context) ??
      this.#openApi.handle(context) ??
      (await this.#deps.health.handle(context))
    );
  }

  async #metrics(): Promise<ApiResponse> {
    const { contentType, body } = await this.#deps.metrics.scrape();
    return { status: 200, headers: { 'content-type': contentType }, body: Buffer.from(body, 'utf8') };
  }

  #paths(): string[] {
    const groups = this.#deps.kinds.groups().flatMap(({ group, versions }) => {
      const root = group === '' ? '/api' : `/apis/${group}`;
      return [root, ...versions.map((version) => `${root}/${version}`)];
    });
    return [
      ...new Set([...groups, '/apis', ...this.#deps.health.paths(), ...OPENAPI_PATHS, ...this.#exact.keys()]),
    ]
      .filter((path) => path !== '/')
      .sort();
  }
}
