import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import type * as Yaml from 'yaml';
import type { Client } from './client.js';
import { HttpTransport, type HttpTransportOptions } from './http-transport.js';
import { type ObservedRequest, observeRequests } from './observe-requests.js';
import { limitRate, type RateLimit } from './rate-limit.js';
import { createClient, type RestClientOptions } from './rest-client.js';
import { ServiceAccountTransport } from './service-account-transport.js';

/** Everything needed to reach one API server as one user. */
export interface ClientConfig extends HttpTransportOptions {
  /** Returns the present bearer token; token files are read again when they change. */
  bearerToken?: () => string | undefined;
  /** The context's default namespace. */
  namespace: string;
}

/** A kubeconfig that cannot be used; the message names the file and the entry. */
export class KubeconfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubeconfigError';
  }
}

interface Named {
  name?: string;
  cluster?: Record<string, unknown>;
  user?: Record<string, unknown>;
  context?: Record<string, unknown>;
}

/**
 * Reads a kubeconfig (client-go tools/clientcmd): clusters, users and contexts, data or files (relative to the
 * kubeconfig's directory). A server of the form `unix:///path` (ours) is a unix socket that speaks TLS.
 * `exec` and `auth-provider` users are refused with an error.
 */
export function loadKubeconfig(path: string, contextName?: string): ClientConfig {
  let document: unknown;
  try {
    // Loaded only by those who read a kubeconfig.
    const { parse } = createRequire(import.meta.url)('yaml') as typeof Yaml;
    document = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new KubeconfigError(`cannot read kubeconfig ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof document !== 'object' || document === null)
    throw new KubeconfigError(`${path} is not a kubeconfig`);
  const config = document as Record<string, unknown>;
  const base = dirname(resolve(path));
  const name = contextName ?? String(config['current-context'] ?? '');
  const context = named(config['contexts'], name, 'context', path).context ?? {};
  const cluster = named(config['clusters'], String(context['cluster'] ?? ''), 'cluster', path).cluster ?? {};
  const user =
    context['user'] === undefined
      ? {}
      : (named(config['users'], String(context['user']), 'user', path).user ?? {});
  for (const key of ['exec', 'auth-provider']) {
    if (user[key] !== undefined)
      throw new KubeconfigError(`${path}: user credentials of type ${key} are not supported`);
  }
  return {
    ...clusterConfig(cluster, base, path),
    ...userConfig(user, base),
    namespace: text(context['namespace']) ?? 'default',
  };
}

/** The configuration of a Pod, from its service account mount and environment (client-go rest.InClusterConfig). */
export function inClusterConfig(directory = '/var/run/secrets/kubernetes.io/serviceaccount'): ClientConfig {
  const host = process.env['KUBERNETES_SERVICE_HOST'];
  const port = process.env['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || port === undefined) {
    throw new KubeconfigError(
      'not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set',
    );
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    server,
    ca: readFileSync(`${directory}/ca.crt`),
    bearerToken: tokenFile(`${directory}/token`),
    namespace: 'default',
  };
}

/** A client for a configuration; `userAgent` names the component in the server's logs and managedFields. */
export function createClientFromConfig(
  config: ClientConfig,
  userAgent: string,
  limit?: RateLimit,
  observe?: (request: ObservedRequest) => void,
): Client {
  const http = new HttpTransport(config);
  const seen = observe === undefined ? http : observeRequests(http, new URL(config.server).host, observe);
  const transport = limit === undefined ? seen : limitRate(seen, limit);
  const options: RestClientOptions = { transport, userAgent };
  return createClient(
    config.bearerToken === undefined ? options : { ...options, bearerToken: config.bearerToken },
  );
}

/**
 * A client of the server of `config` that acts as a service account instead of as the configuration's user; that
 * user's `client` requests the tokens.
 */
export function createServiceAccountClient(
  { bearerToken: _token, cert: _cert, key: _key, ...server }: ClientConfig,
  account: { namespace: string; name: string; client: Client },
): Client {
  const transport = new ServiceAccountTransport(new HttpTransport(server), account);
  return createClient({ transport, userAgent: account.name });
}

function named(list: unknown, name: string, what: string, path: string): Named {
  const entry = Array.isArray(list) ? (list as Named[]).find((e) => e?.name === name) : undefined;
  if (entry === undefined)
    throw new KubeconfigError(`${path}: ${what} ${JSON.stringify(name)} does not exist`);
  return entry;
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : String(value);
}

/** `<key>-data` (base64) wins over `<key>` (a file). */
function material(from: Record<string, unknown>, key: string, base: string): Buffer | undefined {
  const data = text(from[`${key}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = text(from[key]);
  if (file === undefined) return undefined;
  try {
    return readFileSync(resolve(base, file));
  } catch (error) {
    throw new KubeconfigError(`unable to read ${key} ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function clusterConfig(cluster: Record<string, unknown>, base: string, path: string): HttpTransportOptions {
  const server = text(cluster['server']);
  if (server === undefined) throw new KubeconfigError(`${path}: cluster has no server`);
  const ca = material(cluster, 'certificate-authority', base);
  const serverName = text(cluster['tls-server-name']);
  return {
    ...(server.startsWith('unix://')
      ? { server: 'https://localhost', socketPath: server.slice(7) }
      : { server }),
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipVerify: true } : {}),
  };
}

function userConfig(user: Record<string, unknown>, base: string) {
  const cert = material(user, 'client-certificate', base);
  const key = material(user, 'client-key', base);
  const token = text(user['token']);
  const file = text(user['tokenFile']);
  const bearerToken =
    file !== undefined ? tokenFile(resolve(base, file)) : token !== undefined ? () => token : undefined;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(bearerToken === undefined ? {} : { bearerToken }),
  };
}

const TOKEN_REFRESH_MS = 10_000;

/** Re-reads the file at most every ten seconds; keeps the last good token when it cannot be read. */
function tokenFile(path: string): () => string | undefined {
  let token: string | undefined;
  let readAt = 0;
  return () => {
    if (Date.now() - readAt < TOKEN_REFRESH_MS) return token;
    readAt = Date.now();
    try {
      token = readFileSync(path, 'utf8').trim();
    } catch {
      // Rotation replaces the file; the next call reads it again.
    }
    return token;
  };
}
