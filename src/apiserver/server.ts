import { type KindInfo, KindRegistry } from '#api';
import type { Clock, Logger, Metrics, Startable } from '#base';
import { Group, systemClock } from '#base';
import type { Store } from '#storage';
import { AdmissionChain, createAdmission } from './admission/index.js';
import { defaultAdvertiseAddress } from './advertise.js';
import { createAllocators } from './allocators/index.js';
import { createAuthenticator, createServiceAccountTokens } from './authn/index.js';
import { createAuthorizer } from './authz/index.js';
import { createBootstrap } from './bootstrap/index.js';
import { createCompactor } from './cacher/compactor.js';
import type { ApiRequest, ApiResponse, EgressDialer, ObjectStore, UpgradeRequest } from './contracts.js';
import type { ServerDeps, Strategies } from './deps.js';
import { Endpoints } from './endpoints.js';
import { EventLoopMonitor, Health, type HealthCheck } from './health/index.js';
import { Listener } from './listen/index.js';
import type { ApiServerOptions } from './options.js';
import { deleteObject } from './registry/delete.js';
import { FieldManagement } from './registry/field-management.js';
import { ObjectBody } from './registry/object-body.js';
import { RegistryObjectStore } from './registry/object-store.js';
import { Resources } from './registry/resources.js';
import { ResourceRouter } from './registry/router.js';
import { ObjectStorage } from './registry/storage.js';
import { deleteCall } from './registry/write.js';
import type { WriteEnv } from './registry/write-call.js';
import { InFlight } from './request/in-flight.js';
import { RequestMetrics } from './request/metrics.js';
import { Pipeline } from './request/pipeline.js';
import { createStrategies } from './strategies/index.js';
import { createSubresources, type KubeletOptions } from './subresources/index.js';

export interface ApiServerDeps {
  /** Started by whoever owns it, before the server, and stopped after it. */
  store: Store;
  logger: Logger;
  metrics: Metrics;
  clock?: Clock;
  /** How node agents, Pods and Services are reached. */
  egress?: EgressDialer;
}

export interface ApiServer extends Startable {
  /** Serves one request in process: the whole pipeline, without a socket. */
  handle(request: ApiRequest): Promise<ApiResponse>;
  upgrade(request: UpgradeRequest): Promise<void>;
  /** The bound TCP address; undefined before start and without TCP. */
  readonly address: { host: string; port: number } | undefined;
  /** Reads and writes behind authorization and admission, for the server's own helpers. */
  readonly objects: ObjectStore;
  /** Open for kinds added at run time. */
  readonly kinds: KindRegistry;
}

/** Builds a server; nothing listens or reads until `start`. Throws RangeError for options that cannot serve. */
export function createApiServer(options: ApiServerOptions, deps: ApiServerDeps): ApiServer {
  const drain = new AbortController();
  const core = createCore(deps);
  const filters = createFilters(options, core);
  const bootstrap = lazily(() => bootstrapFor(options, core, filters, listener));
  const health = createHealth(core, drain.signal, () => bootstrap.running);
  const pipeline = createPipeline(options, core, filters, health, drain.signal);
  const listener = createListener(options, pipeline, core.logger);
  const compactor = createCompactor({
    store: core.rawStore,
    clock: core.clock,
    logger: core.logger,
    ...(options.compactionIntervalMs === undefined ? {} : { intervalMs: options.compactionIntervalMs }),
  });
  const life = new Group([
    new EventLoopMonitor(core.metrics),
    core.resources,
    ...filters.members,
    listener,
    bootstrap,
    ...(options.compactionIntervalMs === 0 ? [] : [compactor]),
  ]);
  return {
    kinds: core.kinds,
    objects: core.objects,
    get address() {
      return listener.address;
    },
    handle: async (request) => pipeline.handle(request),
    upgrade: (request) => pipeline.upgrade(request),
    start: () => life.start(),
    // Unready first, then watches end, then running requests finish, then everything behind them stops.
    stop: () => {
      drain.abort();
      return life.stop();
    },
  };
}

function createListener(options: ApiServerOptions, pipeline: Pipeline, logger: Logger): Listener {
  return new Listener({
    ...(options.securePort === undefined
      ? {}
      : { tcp: { host: options.bindAddress ?? '127.0.0.1', port: options.securePort } }),
    ...(options.unixSocket === undefined ? {} : { unixSocket: options.unixSocket }),
    tls: {
      cert: options.tlsCert,
      key: options.tlsPrivateKey,
      ...(options.clientCA === undefined ? {} : { clientCa: options.clientCA }),
    },
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    handle: (request) => pipeline.handle(request),
    upgrade: (request) => pipeline.upgrade(request),
    logger,
  });
}

/** Built when the server listens, since by default the port it got is the one to advertise. */
function bootstrapFor(
  options: ApiServerOptions,
  core: Core,
  filters: ReturnType<typeof createFilters>,
  listener: Listener,
): Startable {
  const { clientCA } = options;
  const advertiseAddress =
    options.advertiseAddress ?? defaultAdvertiseAddress(options.bindAddress ?? '127.0.0.1');
  const advertisePort = options.advertisePort ?? listener.address?.port ?? 6443;
  const settings = { serviceCIDRs: options.serviceClusterIPRange, advertiseAddress, advertisePort };
  return createBootstrap(
    { ...settings, shared: options.sharedStore === true, ...(clientCA === undefined ? {} : { clientCA }) },
    core,
    filters.allocators,
  );
}

/** A member that can only be built when those before it have started. */
function lazily(build: () => Startable): Startable & { readonly running: boolean } {
  let built: Startable | undefined;
  let running = false;
  return {
    get running() {
      return running;
    },
    start: async () => {
      built = build();
      await built.start();
      running = true;
    },
    stop: async () => built?.stop(),
  };
}

/** The generic registry over the store: what every other part reads and writes through. */
interface Core extends ServerDeps {
  kinds: KindRegistry;
  resources: Resources;
  env: WriteEnv;
  objects: ObjectStore;
  rawStore: Store;
  /** Filled by the parts that are built on the core. */
  strategies: Strategies;
  egress?: EgressDialer;
}

function createCore(deps: ApiServerDeps): Core {
  const { store: rawStore, logger, metrics, clock = systemClock, egress } = deps;
  const kinds = new KindRegistry();
  const strategies: Strategies = new Map();
  const strategyOf = (message: string) => strategies.get(message);
  const storage = new ObjectStorage(rawStore);
  const isOwn = (value: Buffer) => storage.wrote(value);
  const resources = new Resources({ store: rawStore, kinds, strategyOf, isOwn, clock, logger, metrics });
  const env: WriteEnv = {
    storage,
    admission: new AdmissionChain(),
    fields: new FieldManagement(clock),
    clock,
  };
  const objects = new RegistryObjectStore(env, (kind) => resources.started(kind), logger);
  return {
    store: objects,
    kind: (message) => kindOfMessage(kinds, message),
    clock,
    logger,
    metrics,
    kinds,
    resources,
    env,
    objects,
    rawStore,
    strategies,
    ...(egress === undefined ? {} : { egress }),
  };
}

/** Bodies of subresources have messages too, but no resource. */
function kindOfMessage(kinds: KindRegistry, message: string): KindInfo {
  for (const kind of kinds) if (kind.message === message) return kind;
  const [table = '', name = ''] = message.split(/\.v1\./);
  const body = kinds.byKind(table, 'v1', name) ?? kinds.byKind(`${table}.k8s.io`, 'v1', name);
  if (body === undefined) throw new RangeError(`no kind has the message ${message}`);
  return body;
}

/** Who gets in, and what happens to what they write. */
function createFilters(options: ApiServerOptions, core: Core) {
  const allocators = createAllocators(
    {
      serviceCIDRs: options.serviceClusterIPRange,
      ...(options.serviceNodePortRange === undefined ? {} : { nodePortRange: options.serviceNodePortRange }),
    },
    core,
  );
  for (const [message, strategy] of createStrategies(core, allocators))
    core.strategies.set(message, strategy);
  const tokens = createServiceAccountTokens(
    {
      issuers: options.serviceAccountIssuers,
      ...(options.apiAudiences === undefined ? {} : { apiAudiences: options.apiAudiences }),
      ...(options.serviceAccountSigningKey === undefined
        ? {}
        : { signingKey: options.serviceAccountSigningKey }),
      ...(options.serviceAccountKeys === undefined ? {} : { verificationKeys: options.serviceAccountKeys }),
    },
    core,
  );
  const authenticator = createAuthenticator(
    options.tokenAuthFile === undefined ? {} : { tokenAuthFile: options.tokenAuthFile },
    tokens,
  );
  const authorizer = createAuthorizer(core);
  const admission = createAdmission(core, authorizer);
  core.env.admission.add(admission.plugins);
  const members: Startable[] = [allocators, authenticator, authorizer, admission];
  return { allocators, tokens, authenticator, authorizer, admission, members };
}

function createHealth(core: Core, drain: AbortSignal, bootstrapped: () => boolean): Health {
  const ping: HealthCheck = { name: 'ping', check() {} };
  const store: HealthCheck = {
    name: 'etcd',
    async check() {
      await core.rawStore.revision();
    },
  };
  const synced: HealthCheck = {
    name: 'informer-sync',
    check() {
      const waiting = core.resources.unready();
      if (waiting.length > 0) throw new Error(`caches not filled: ${waiting.join(', ')}`);
    },
  };
  const roles: HealthCheck = {
    name: 'poststarthook/rbac/bootstrap-roles',
    check() {
      if (!bootstrapped()) throw new Error('not finished');
    },
  };
  const shutdown: HealthCheck = {
    name: 'shutdown',
    check() {
      if (drain.aborted) throw new Error('process is shutting down');
    },
  };
  const log: HealthCheck = { name: 'log', check() {} };
  return new Health(
    {
      livez: [ping, log, store],
      readyz: [ping, log, store, synced, roles, shutdown],
      healthz: [ping, log, store],
    },
    (endpoint, check, err) => core.logger.warn('health check failed', { endpoint, check, err }),
  );
}

function createPipeline(
  options: ApiServerOptions,
  core: Core,
  filters: ReturnType<typeof createFilters>,
  health: Health,
  drain: AbortSignal,
): Pipeline {
  const { kinds, resources, env, metrics, logger } = core;
  const inFlight = new InFlight({
    readOnly: options.maxRequestsInflight ?? 400,
    mutating: options.maxMutatingRequestsInflight ?? 200,
  });
  const body = new ObjectBody(kinds, core.kind);
  const { subresources, virtual, documents } = createSubresources(kubeletOptions(options), {
    ...core,
    codec: body,
    authorizer: filters.authorizer,
    authenticator: filters.authenticator,
    tokens: filters.tokens,
    admission: env.admission,
    deletePod: async (context, namespace, name, deleteOptions) => {
      const call = { ...deleteCall(context, deleteOptions), subresource: '' };
      await deleteObject(env, resources.of(core.kind('core.v1.Pod')), call, namespace, name, deleteOptions);
    },
  });
  const router = new ResourceRouter({ kinds, resources, env, body, subresources, virtual, drain });
  const host = options.advertiseAddress ?? options.bindAddress ?? '127.0.0.1';
  const serverAddress = () => `${host}:${options.advertisePort ?? options.securePort ?? 443}`;
  const endpoints = new Endpoints({ kinds, health, metrics, serverAddress }, documents);
  const versions = new Set([...kinds].map((kind) => `${kind.group}/${kind.resource}`));
  return new Pipeline({
    authenticator: filters.authenticator,
    authorizer: filters.authorizer,
    inFlight,
    metrics: new RequestMetrics(metrics, inFlight, (group, resource) => versions.has(`${group}/${resource}`)),
    dispatch: (context) =>
      context.info.isResourceRequest ? router.handle(context) : endpoints.handle(context),
    upgrade: (context, request) => router.upgrade(context, request),
    timeoutMs: options.requestTimeoutMs ?? 60_000,
    logger,
  });
}

function kubeletOptions(options: ApiServerOptions): KubeletOptions {
  const { kubeletClientCertificate, kubeletClientKey, kubeletCertificateAuthority } = options;
  return {
    ...(kubeletClientCertificate === undefined ? {} : { clientCertificate: kubeletClientCertificate }),
    ...(kubeletClientKey === undefined ? {} : { clientKey: kubeletClientKey }),
    ...(kubeletCertificateAuthority === undefined
      ? {}
      : { certificateAuthority: kubeletCertificateAuthority }),
  };
}
