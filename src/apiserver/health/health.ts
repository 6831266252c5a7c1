import type { ApiResponse, RequestContext } from '../contracts.js';
import { textResponse } from '../request/respond.js';

/** One thing that has to hold. Rejects when it does not. */
export interface HealthCheck {
  name: string;
  check(): Promise<void> | void;
}

export type HealthEndpoint = 'livez' | 'readyz' | 'healthz';
/** Longest that one check may take, milliseconds. */
const CHECK_MS = 5_000;

/**
 * `/livez`, `/readyz` and `/healthz` with `?verbose`, `?exclude=` and one path per check, worded as upstream
 * (apiserver/pkg/server/healthz). Reasons of failures are told to the log only.
 */
export class Health {
  readonly #checks: Record<HealthEndpoint, HealthCheck[]>;
  readonly #report: (endpoint: string, check: string, error: unknown) => void;

  constructor(
    checks: Record<HealthEndpoint, HealthCheck[]>,
    report: (endpoint: string, check: string, error: unknown) => void,
  ) {
    this.#checks = checks;
    this.#report = report;
  }

  /** All paths served, for the root listing. */
  paths(): string[] {
    const endpoints = Object.keys(this.#checks) as HealthEndpoint[];
    return endpoints.flatMap((e) => [`/${e}`, ...this.#checks[e].map((check) => `/${e}/${check.name}`)]);
  }

  /** Undefined when the path is not one of ours. */
  async handle(context: RequestContext): Promise<ApiResponse | undefined> {
    const [endpoint = '', ...rest] = context.info.path.replace(/^\/|\/$/g, '').split('/');
    if (!Object.hasOwn(this.#checks, endpoint)) return undefined;
    const checks = this.#checks[endpoint as HealthEndpoint];
    if (rest.length === 0) return this.#all(endpoint, checks, context.info.query);
    const one = checks.find((check) => check.name === rest.join('/'));
    if (one === undefined) return undefined;
    const failed = await this.#run(endpoint, one);
    return failed
      ? textResponse(500, `internal server error: ${one.name} failed\n`)
      : textResponse(200, 'ok');
  }

  async #all(endpoint: string, checks: HealthCheck[], query: URLSearchParams): Promise<ApiResponse> {
    const excluded = new Set(query.getAll('exclude'));
    const results = await Promise.all(
      checks.map(async (check) => {
        if (excluded.delete(check.name)) return { line: `[+]${check.name} excluded: ok`, failed: false };
        const failed = await this.#run(endpoint, check);
        return { line: failed ? `[-]${check.name} failed: reason withheld` : `[+]${check.name} ok`, failed };
      }),
    );
    const lines = results.map((result) => result.line);
    if (excluded.size > 0) {
      const names = [...excluded].map((name) => JSON.stringify(name)).join(', ');
      lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
    }
    if (results.some((result) => result.failed)) {
      return textResponse(500, `${lines.join('\n')}\n${endpoint} check failed\n`);
    }
    if (query.get('verbose') === null) return textResponse(200, 'ok');
    return textResponse(200, `${lines.join('\n')}\n${endpoint} check passed\n`);
  }

  async #run(endpoint: string, check: HealthCheck): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_MS} ms`)), CHECK_MS);
    });
    try {
      await Promise.race([check.check(), late]);
      return false;
    } catch (error) {
      this.#report(endpoint, check.name, error);
      return true;
    } finally {
      clearTimeout(timer);
    }
  }
}
