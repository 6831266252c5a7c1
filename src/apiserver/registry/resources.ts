import {
  apiVersionOf,
  applyDefaults,
  autoscalerFromV2,
  autoscalerToV2,
  eventFromCore,
  eventToCore,
  type KindInfo,
  type KindRegistry,
  type KubeObject,
  selectableFieldsOf,
} from '#api';
import type { Clock, Logger, Metrics, Startable } from '#base';
import type { Store } from '#storage';
import { type Cacher, createCacher } from '../cacher/cacher.js';
import type { Strategy } from '../contracts.js';
import type { Resource } from './resource.js';

export interface ResourcesOptions {
  store: Store;
  kinds: KindRegistry;
  /** By message; asked for when a resource is first used. */
  strategyOf(message: string): Strategy | undefined;
  /** Bytes that need no decoration, because this server wrote them. */
  isOwn(value: Buffer): boolean;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
}

/**
 * The resources that are served, each with its cache. Caches are shared by stored kind, made at first use and
 * stopped together. Kinds without a resource (the node port bitmap) get one for the server's own use.
 */
export class Resources implements Startable {
  readonly #options: ResourcesOptions;
  readonly #resources = new Map<string, Resource>();
  readonly #cachers = new Map<string, { cacher: Cacher; started: Promise<void> }>();
  #stopped = false;

  constructor(options: ResourcesOptions) {
    this.#options = options;
  }

  /** Fills the caches of all stored kinds. */
  async start(): Promise<void> {
    const stored = [...this.#options.kinds].filter((kind) => kind.virtual !== true);
    await Promise.all(stored.map((kind) => this.started(kind)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#cachers.values()].map(({ cacher }) => cacher.stop()));
  }

  /** Caches that have not been filled, by prefix: for readiness. */
  unready(): string[] {
    return [...this.#cachers].filter(([, { cacher }]) => !cacher.ready).map(([prefix]) => prefix);
  }

  /** The resource of a kind, whose cache may still be filling (reads wait for it). */
  of(kind: KindInfo): Resource {
    const key = `${kind.group}/${kind.version}/${kind.kind}`;
    const known = this.#resources.get(key);
    if (known !== undefined && known.kind === kind) return known;
    const made = this.#make(kind);
    this.#resources.set(key, made);
    return made;
  }

  /** The resource of a kind, with its cache filled. */
  async started(kind: KindInfo): Promise<Resource> {
    const resource = this.of(kind);
    await this.#cachers.get(resource.stored.storagePrefix)?.started;
    return resource;
  }

  #make(kind: KindInfo): Resource {
    const stored = this.#options.kinds.stored(kind);
    const { decorate: _, ...strategy } = this.#options.strategyOf(kind.message) ?? {};
    return {
      kind,
      stored,
      group: { group: kind.group, resource: kind.resource },
      apiVersion: apiVersionOf(kind.group, kind.version),
      strategy,
      cacher: this.#cacherOf(stored),
      ...(stored === kind ? {} : { convert: CONVERSIONS[kind.message]! }),
    };
  }

  #cacherOf(kind: KindInfo): Cacher {
    const known = this.#cachers.get(kind.storagePrefix);
    if (known !== undefined) return known.cacher;
    const { store, logger, clock, metrics } = this.#options;
    const strategy = this.#options.strategyOf(kind.message);
    const cacher = createCacher({
      store,
      prefix: `/registry/${kind.storagePrefix}/`,
      namespaced: kind.namespaced,
      apiVersion: apiVersionOf(kind.group, kind.version),
      kind: kind.kind,
      resource: { group: kind.group, resource: kind.resource },
      logger,
      clock,
      metrics,
      fields: (object) => strategy?.fields?.(object) ?? selectableFieldsOf(kind, object),
      ...(kind.resource === 'pods' ? { indexField: 'spec.nodeName' } : {}),
      ...(strategy?.decorate === undefined ? {} : { decode: decorator(strategy, this.#options.isOwn) }),
    });
    const started = this.#stopped ? Promise.resolve() : cacher.start();
    // Whoever waits for the cache sees the failure; nobody waiting is not an error of its own.
    started.catch(() => {});
    this.#cachers.set(kind.storagePrefix, { cacher, started });
    return cacher;
  }
}

/** By the message of the kind that is not stored as itself. */
const CONVERSIONS: Readonly<Record<string, NonNullable<Resource['convert']>>> = {
  'events.v1.Event': {
    toStored: (object) => eventToCore(object as Parameters<typeof eventToCore>[0]) as KubeObject,
    fromStored: (object) => eventFromCore(object as Parameters<typeof eventFromCore>[0]) as KubeObject,
  },
  'autoscaling.v1.HorizontalPodAutoscaler': {
    toStored: (object) => {
      const stored = autoscalerToV2(object as Parameters<typeof autoscalerToV2>[0]) as KubeObject;
      applyDefaults({ message: 'autoscaling.v2.HorizontalPodAutoscaler' }, stored);
      return stored;
    },
    fromStored: (object) => autoscalerFromV2(object as Parameters<typeof autoscalerFromV2>[0]) as KubeObject,
  },
};

/**
 * Gives stored objects the defaults they were written without (`Strategy.decorate`), once when they enter the
 * cache, so that serving them stays a matter of bytes.
 */
function decorator(strategy: Strategy, isOwn: (value: Buffer) => boolean): (stored: Buffer) => Buffer {
  return (stored) => {
    if (isOwn(stored)) return stored;
    const text = stored.toString('utf8');
    const object = JSON.parse(text) as KubeObject;
    strategy.decorate!(object);
    const decorated = JSON.stringify(object);
    return decorated === text ? stored : Buffer.from(decorated, 'utf8');
  };
}
