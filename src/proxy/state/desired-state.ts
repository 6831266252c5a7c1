import type { core, discovery } from '#api';
import type { Family } from './addresses.js';
import { Claims, ownedPort } from './claims.js';
import { type DesiredOptions, type DesiredService, desiredService } from './desired.js';

/** What the state is computed from: informer caches, or a test's maps. */
export interface ClusterView {
  service(key: string): core.Service | undefined;
  slices(serviceKey: string): Iterable<discovery.EndpointSlice>;
  serviceKeys(): Iterable<string>;
}

export interface Computed {
  key: string;
  before: DesiredService | undefined;
  after: DesiredService | undefined;
}

/** The desired state of every Service in one family. Recomputing one costs what that Service costs. */
export class DesiredState {
  readonly family: Family;
  readonly #view: ClusterView;
  readonly #services = new Map<string, DesiredService>();
  readonly #claims = new Claims();

  constructor(family: Family, view: ClusterView) {
    this.family = family;
    this.#view = view;
  }

  get size(): number {
    return this.#services.size;
  }

  get(key: string): DesiredService | undefined {
    return this.#services.get(key);
  }

  values(): Iterable<DesiredService> {
    return this.#services.values();
  }

  /** Every Service without destinations that belong to another one: what proxiers render. */
  *owned(): Generator<DesiredService> {
    for (const service of this.#services.values()) yield this.ownedView(service);
  }

  ownedView(service: DesiredService): DesiredService {
    const ports = service.ports.map((port) => ownedPort(port, this.#claims));
    return ports.every((port, i) => port === service.ports[i]) ? service : { ...service, ports };
  }

  /**
   * Recomputes these Services from the view. The result also holds Services that were not asked for but gained
   * or lost a contested destination.
   */
  recompute(keys: Iterable<string>, options: DesiredOptions): Computed[] {
    const results = new Map<string, Computed>();
    const affected = new Set<string>();
    for (const key of keys) {
      const computed = this.#recomputeOne(key, options);
      for (const other of this.#claims.update(key, computed.before, computed.after)) affected.add(other);
      results.set(key, computed);
    }
    for (const key of affected) {
      const service = this.#services.get(key);
      if (!results.has(key)) results.set(key, { key, before: service, after: service });
    }
    return [...results.values()];
  }

  /**
   * Recomputes everything, each Service as its `ownedView` is taken, and adds to `results` what happened to each; those
   * that are gone disappear. They come in the order in which they own contested destinations, so that nothing that was
   * taken changes again.
   */
  *recomputeAll(options: DesiredOptions, results: Computed[] = []): Generator<DesiredService> {
    const keys = new Set([...this.#services.keys(), ...this.#view.serviceKeys()]);
    for (const key of [...keys].sort()) {
      const computed = this.#recomputeOne(key, options);
      this.#claims.update(key, computed.before, computed.after);
      results.push(computed);
      if (computed.after !== undefined) yield this.ownedView(computed.after);
    }
  }

  #recomputeOne(key: string, options: DesiredOptions): Computed {
    const before = this.#services.get(key);
    const service = this.#view.service(key);
    const after =
      service === undefined ? undefined : desiredService(service, this.#view.slices(key), options);
    if (after === undefined) this.#services.delete(key);
    else this.#services.set(key, after);
    return { key, before, after };
  }
}
