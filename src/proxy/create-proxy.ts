import { existsSync } from 'node:fs';
import { objectKey } from '#api';
import type { Clock, Logger, Metrics, Startable } from '#base';
import { type Client, type EventRecorder, type InformerFactory, Resources } from '#client';
import type { IptablesBackend, Programs } from '#host';
import { syncPeriods } from './config/sync-periods.js';
import type { ProxyConfig } from './config/types.js';
import { countConnections } from './connection-metrics.js';
import { ConntrackReconciler } from './conntrack/reconciler.js';
import type { Proxier } from './contract.js';
import { FamilyProxy, type SyncedEvent } from './family-proxy.js';
import { ProxyServers } from './healthz/servers.js';
import { ServiceHealth } from './healthz/service-health.js';
import { SyncHealth } from './healthz/sync-health.js';
import {
  createProxyInformers,
  informerView,
  type ProxyInformers,
  serviceKeyOf,
  triggerTime,
} from './informers.js';
import { IPVS_DEPRECATION } from './ipvs/preflight.js';
import { createProxyMetrics, type ProxyMetrics } from './metrics.js';
import { createProxier, takeOver } from './modes.js';
import { NodeView } from './node-view.js';
import type { Family } from './state/addresses.js';
import type { Computed } from './state/desired-state.js';
import { prepareNode } from './sysctls.js';

export interface ProxyOptions {
  config: ProxyConfig;
  /** Name of the Node that the process runs on. */
  nodeName: string;
  /** Families to handle; default: both, or only IPv4 on a kernel without IPv6. */
  families?: readonly Family[];
  /** Addresses of the node's interfaces; default: those of the process's own network namespace. */
  localAddresses?: () => string[];
  /** iptables mode only: which kernel interface to use; default: what `iptables` points to. */
  iptablesBackend?: IptablesBackend;
  /** Command line flags with their values, for /flagz. */
  flags?: Readonly<Record<string, string>>;
  /** Called after every commit to the kernel. */
  onSynced?: (event: SyncedEvent) => void;
}

export interface ProxyDependencies {
  client: Client;
  informers: InformerFactory;
  programs: Programs;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  events?: EventRecorder;
}

/**
 * The service proxy of one node, in the network namespace that the process runs in. `start` resolves when the first
 * full sync of every family is in the kernel, and rejects with ModeUnavailableError when the mode cannot work. `stop` leaves the rules in place, so that traffic goes on;
 * `cleanupProxy` removes them.
 */
export function createProxy(options: ProxyOptions, deps: ProxyDependencies): Startable {
  return new ServiceProxy(options, deps);
}

interface FamilyParts {
  proxy: FamilyProxy;
  proxier: Proxier;
  stopWatching: (() => Promise<void>) | undefined;
}

function kernelFamilies(): readonly Family[] {
  return existsSync('/proc/net/if_inet6') ? ['IPv4', 'IPv6'] : ['IPv4'];
}

/** ServiceCIDRs narrow what is dropped; without an answer after this long, rules are written without them. */
const SERVICE_CIDR_WAIT_MS = 100;
const ADDRESS_CHECK_MS = 5000;

class ServiceProxy implements Startable {
  readonly #options: ProxyOptions;
  readonly #deps: ProxyDependencies;
  readonly #instruments: ProxyMetrics;
  readonly #health: SyncHealth;
  readonly #servers: ProxyServers;
  readonly #serviceHealth: ServiceHealth;
  readonly #node: NodeView;
  readonly #informers: ProxyInformers;
  readonly #families = new Map<Family, FamilyParts>();
  readonly #removers: (() => void)[] = [];
  readonly #startedAt: number;
  #stopped = false;
  /** Work that start does not wait for and stop does. */
  #background: Promise<void> = Promise.resolve();
  #onSynced: (event: SyncedEvent) => void = () => {};

  constructor(options: ProxyOptions, deps: ProxyDependencies) {
    const { config, nodeName } = options;
    this.#options = options;
    this.#deps = deps;
    this.#startedAt = deps.clock.now();
    this.#instruments = createProxyMetrics(deps.metrics);
    this.#health = new SyncHealth(deps.clock, 2 * syncPeriods(config).syncPeriodMs);
    this.#node = new NodeView(nodeName, config, options.localAddresses);
    this.#informers = createProxyInformers(deps.informers, nodeName, config.featureGates);
    const { logger, metrics } = deps;
    const instruments = this.#instruments;
    this.#servers = new ProxyServers({
      config,
      health: this.#health,
      metrics,
      instruments,
      logger,
      clock: deps.clock,
      flags: options.flags,
      listeners: () =>
        [...this.#families.values()].flatMap(({ proxier }) => [...(proxier.listeners?.() ?? [])]),
    });
    this.#serviceHealth = new ServiceHealth({
      logger,
      addresses: () => this.#healthAddresses(),
      isProxyHealthy: () => this.#health.isHealthy,
    });
    for (const family of options.families ?? kernelFamilies()) this.#addFamily(family);
    countConnections({
      ...deps,
      counting: config.loadBalancing.connectionMetrics,
      families: [...this.#families.values()],
    });
  }

  async start(): Promise<void> {
    const { logger, informers, events } = this.#deps;
    try {
      await prepareNode(this.#options.config, logger);
      await this.#servers.start();
      this.#subscribe();
      informers.start();
      await this.#synced();
      const first = this.#firstSyncs();
      for (const [family, { proxy }] of this.#families) {
        this.#health.queued(family);
        proxy.begin();
      }
      await first;
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#background = this.#afterStart();
    this.#pollAddresses(this.#settingsText());
    this.#pollPacketCounts();
    if (this.#options.config.mode === 'ipvs') {
      logger.error(IPVS_DEPRECATION);
      events?.event(this.#nodeReference(), 'Warning', 'IPVSDeprecation', IPVS_DEPRECATION);
    }
    events?.event(this.#nodeReference(), 'Normal', 'Starting', '');
    logger.info('proxy started', { mode: this.#options.config.mode, node: this.#options.nodeName });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const remove of this.#removers.splice(0)) remove();
    await this.#background;
    for (const { proxy, proxier, stopWatching } of this.#families.values()) {
      await stopWatching?.();
      await proxy.stop();
      await proxier.stop?.();
    }
    await this.#serviceHealth.stop();
    await this.#servers.stop();
  }

  #addFamily(family: Family): void {
    const { config } = this.#options;
    const { programs, clock } = this.#deps;
    const logger = this.#deps.logger.child({ family });
    const backend = this.#options.iptablesBackend;
    const localAddresses = () => this.#node.localAddresses();
    const proxier = createProxier(config.mode, {
      family,
      programs,
      logger,
      clock,
      config,
      metrics: this.#deps.metrics,
      backend,
      localAddresses: () => [...localAddresses()],
    });
    const metrics = this.#instruments;
    const conntrack = new ConntrackReconciler({ family, programs, clock, logger, metrics, localAddresses });
    const proxy: FamilyProxy = new FamilyProxy({
      family,
      view: informerView(this.#informers),
      proxier,
      settings: () => this.#node.settings(family),
      desiredOptions: () => ({
        family,
        topology: this.#node.topology,
        algorithm: config.loadBalancing.algorithm,
      }),
      ...syncPeriods(config),
      clock,
      logger,
      metrics,
      onQueued: () => this.#health.queued(family),
      onSynced: (event) => {
        this.#health.updated(family);
        this.#onSynced(event);
        this.#options.onSynced?.(event);
      },
      afterSync: async (computed, full) => {
        this.#updateServiceHealth(computed);
        // The kernel tracks no connection to Services there.
        if (config.mode === 'userspace') return;
        if (full) await conntrack.reconcileAll(proxy.state.values(), computed);
        else await conntrack.reconcile(computed);
      },
    });
    this.#families.set(family, { proxy, proxier, stopWatching: undefined });
  }

  /** Resolves when every family has committed its first sync. */
  #firstSyncs(): Promise<void> {
    const waiting = new Set(this.#families.keys());
    return new Promise((resolve) => {
      this.#onSynced = ({ family }) => {
        waiting.delete(family);
        if (waiting.size === 0) resolve();
      };
    });
  }

  async #synced(): Promise<void> {
    const { services, slices, node } = this.#informers;
    const checks = [...this.#families.values()].map(({ proxier }) => proxier.preflight());
    await Promise.all([
      ...checks,
      services.synced(),
      slices.synced(),
      node.synced(),
      this.#watchServiceCIDRs(),
    ]);
  }

  #subscribe(): void {
    const { services, slices, node } = this.#informers;
    const markService = (key: string) => {
      for (const { proxy } of this.#families.values()) proxy.mark(key, 'service', undefined);
    };
    this.#removers.push(
      services.on({
        add: (service) => markService(objectKey(service)),
        update: (service) => markService(objectKey(service)),
        delete: (service) => markService(objectKey(service)),
      }),
      slices.on({
        add: (slice) => this.#markSlice(slice),
        update: (slice, old) => {
          this.#markSlice(slice);
          if (serviceKeyOf(old) !== serviceKeyOf(slice)) this.#markSlice(old);
        },
        delete: (slice) => this.#markSlice(slice),
      }),
      node.on({
        add: (object) => this.#nodeChanged(object),
        update: (object) => this.#nodeChanged(object),
        delete: () => this.#nodeChanged(undefined),
      }),
    );
  }

  #markSlice(slice: Parameters<typeof serviceKeyOf>[0]): void {
    const key = serviceKeyOf(slice);
    if (key === undefined) return;
    const family = slice.addressType as Family;
    const trigger = triggerTime(slice);
    // What happened before this process started says nothing about its speed.
    const counts = trigger !== undefined && trigger >= this.#startedAt ? trigger : undefined;
    this.#families.get(family)?.proxy.mark(key, 'endpoints', counts);
  }

  #nodeChanged(node: Parameters<NodeView['setNode']>[0]): void {
    const before = this.#settingsText();
    this.#node.setNode(node);
    this.#health.setNodeEligible(this.#node.isEligible);
    if (this.#settingsText() !== before) this.#requestFull('the node changed');
  }

  /** Everything about the node that rules depend on, comparable. */
  #settingsText(): string {
    return this.#node.describe([...this.#families.keys()]);
  }

  #requestFull(reason: string): void {
    for (const { proxy } of this.#families.values()) proxy.requestFull(reason);
  }

  /** ServiceCIDRs may be missing from old API servers: they are waited for only briefly. */
  async #watchServiceCIDRs(): Promise<void> {
    const informer = this.#deps.informers.informer(Resources.serviceCIDRs, {});
    const update = () => {
      const before = this.#settingsText();
      this.#node.setServiceCIDRs(informer.list().flatMap((cidr) => cidr.spec?.cidrs ?? []));
      if (this.#settingsText() !== before) this.#requestFull('ServiceCIDRs changed');
    };
    this.#removers.push(informer.on({ add: update, update, delete: update }));
    this.#deps.informers.start();
    const waiting = new AbortController();
    const cancel = this.#deps.clock.after(SERVICE_CIDR_WAIT_MS, () => waiting.abort());
    await informer.synced(waiting.signal).catch(() => {
      this.#deps.logger.info('no ServiceCIDRs yet; starting without them');
    });
    cancel();
  }

  /** Nobody has to wait for these; failures are logged. */
  async #afterStart(): Promise<void> {
    const { programs, logger } = this.#deps;
    for (const parts of this.#families.values()) {
      await this.#watchForeign(parts).catch((err: unknown) => {
        logger.warn('changes by others will not be noticed', { err });
      });
    }
    const { mode } = this.#options.config;
    await takeOver(mode, programs, logger).catch((err: unknown) => {
      // Who may not look for rules of other modes has not written any.
      logger[mode === 'userspace' ? 'info' : 'warn']('rules of other modes could not be removed', { err });
    });
  }

  async #watchForeign(parts: FamilyParts): Promise<void> {
    const { family } = parts.proxier;
    const changed = (what: string) => {
      if (this.#stopped) return;
      this.#instruments.foreignChanges.inc({ ip_family: family });
      parts.proxy.requestFull(`somebody else changed the rules: ${what}`);
    };
    parts.stopWatching = await parts.proxier.watchForeignChanges?.(changed);
    if (this.#stopped) await parts.stopWatching?.();
  }

  /** Interfaces come and go without an event that Node can see; reading them costs microseconds. */
  #pollAddresses(last: string): void {
    const { nodePortAddresses, mode } = this.#options.config;
    const needsAddresses = mode === 'userspace' || mode === 'ipvs' || nodePortAddresses.length > 0;
    if (this.#stopped || !needsAddresses) return;
    const cancel = this.#deps.clock.after(ADDRESS_CHECK_MS, () => {
      this.#removers.splice(this.#removers.indexOf(cancel), 1);
      const now = this.#settingsText();
      if (now !== last) this.#requestFull('local addresses changed');
      this.#pollAddresses(now);
    });
    this.#removers.push(cancel);
  }

  /** Counters of rules are read as often as upstream looks at its rules. */
  #pollPacketCounts(): void {
    const proxiers = [...this.#families.values()].map(({ proxier }) => proxier);
    if (!proxiers.some((proxier) => proxier.packetCounts !== undefined)) return;
    const { clock, logger } = this.#deps;
    const { invalidDropped, localhostAccepted } = this.#instruments;
    const read = async () => {
      for (const proxier of proxiers) {
        const counts = await proxier.packetCounts?.();
        invalidDropped.inc({}, counts?.invalidDropped ?? 0);
        localhostAccepted.inc({}, counts?.localhostAccepted ?? 0);
      }
    };
    const cancel = clock.after(this.#options.config.iptables.syncPeriodMs, () => {
      this.#removers.splice(this.#removers.indexOf(cancel), 1);
      this.#background = this.#background
        .then(read)
        .catch((err: unknown) => logger.warn('packet counters could not be read', { err }))
        .then(() => {
          if (!this.#stopped) this.#pollPacketCounts();
        });
    });
    this.#removers.push(cancel);
  }

  #updateServiceHealth(computed: readonly Computed[]): void {
    for (const { before, after } of computed) this.#serviceHealth.update(before, after);
  }

  #healthAddresses(): string[] {
    return [...this.#families.keys()].flatMap((family) => {
      const addresses = this.#node.nodePortAddresses(family);
      if (addresses === 'all') return family === 'IPv4' ? ['0.0.0.0'] : ['::'];
      return [...addresses];
    });
  }

  #nodeReference() {
    const { nodeName } = this.#options;
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  }
}
