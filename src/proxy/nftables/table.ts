import type { NodeSettings } from '../contract.js';
import type { DesiredService } from '../state/desired.js';
import { type PlacedService, place } from './arrange.js';
import { baseObjects } from './base.js';
import { type FactSink, Facts, type NamedObject, sameObject } from './facts.js';
import type { RenderContext } from './lists.js';
import type { Generation } from './names.js';
import { renderService } from './service-facts.js';
import type { Transaction } from './transaction.js';

/** Where rules look first: the rest is found by what leads there. */
const DISPATCHES =
  /^(service-(ips|nodeports)|no-endpoint-(services|nodeports)|firewall-ips|cluster-ips)(-b)?$/;

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * Our memory of the table in the kernel: per Service the endpoints in their places, plus how many Services
 * need each shared fact. Old facts are rendered again when they are needed instead of being kept, which
 * keeps a hundred thousand endpoints small. A change must be committed (or the table rebuilt) before the next.
 */
export class TableState {
  readonly settings: NodeSettings;
  readonly #context: RenderContext;
  readonly #placed = new Map<string, PlacedService>();
  /** Sets whose elements several Services may contribute; users by container, then key. */
  readonly #elementUsers: ReadonlyMap<string, Map<string, number>>;
  readonly #objectUsers = new Map<string, number>();
  /** Emptied objects that wait for their deletion. */
  readonly #retired = new Map<string, NamedObject['kind']>();

  constructor(settings: NodeSettings, generation: Generation) {
    this.settings = settings;
    this.#context = { family: settings.family, nodeIP: settings.nodeIP, generation };
    const shared = [`cluster-ips${generation}`, `hairpin-connections${generation}`];
    this.#elementUsers = new Map(shared.map((container) => [container, new Map<string, number>()]));
  }

  /** Remembers a service while the whole table is being built, and tells the sink its facts. */
  load(service: DesiredService, sink: FactSink): void {
    this.#placed.set(service.key, service);
    const shared: string[] = [];
    const objects = new Set<string>();
    renderService(service, this.#context, {
      element: (container, key, value) => {
        const users = this.#elementUsers.get(container);
        const isRepeated = users !== undefined && shared.includes(key);
        if (isRepeated) return;
        if (users !== undefined) {
          shared.push(key);
          count(users, key, 1);
        }
        sink.element(container, key, value);
      },
      object: (name, make) => {
        if (objects.has(name)) return;
        objects.add(name);
        count(this.#objectUsers, name, 1);
        sink.object(name, make);
      },
    });
  }

  /** Every Service, and where its data are. */
  get services(): Iterable<DesiredService> {
    return this.#placed.values();
  }

  get generation(): Generation {
    return this.#context.generation;
  }

  /** Names of all objects that the table must hold. */
  *objectNames(): Generator<string> {
    for (const { name } of baseObjects(this.settings, this.#context.generation)) yield name;
    yield* this.#objectUsers.keys();
  }

  /** An object found in the kernel that nothing needs: emptied now, deleted later. */
  adoptRetired(name: string, kind: NamedObject['kind']): void {
    this.#retired.set(name, kind);
  }

  /** Adds what changes for one Service to the transaction. */
  change(key: string, desired: DesiredService | undefined, tx: Transaction): void {
    const before = this.#placed.get(key);
    const after = desired === undefined ? undefined : place(before, desired);
    const old = this.#facts(before);
    const now = this.#facts(after);
    if (after === undefined) this.#placed.delete(key);
    else this.#placed.set(key, after);
    this.#deleteElements(old, now, tx);
    this.#addElements(old, now, tx);
    this.#changeObjects(old.objects, now.objects, tx);
  }

  #facts(service: PlacedService | undefined): Facts {
    const facts = new Facts();
    if (service !== undefined) renderService(service, this.#context, facts);
    return facts;
  }

  #deleteElements(old: Facts, now: Facts, tx: Transaction): void {
    for (const [container, elements] of old.elements) {
      const users = this.#elementUsers.get(container);
      const kept = now.elements.get(container) ?? NONE;
      for (const [key, value] of elements) {
        if (kept.get(key) === value) continue;
        if (users !== undefined && count(users, key, -1) > 0) continue;
        if (kept.has(key) || DISPATCHES.test(container)) tx.deleteElement(container, key);
        else tx.expireElement(container, key);
      }
    }
  }

  #addElements(old: Facts, now: Facts, tx: Transaction): void {
    for (const [container, elements] of now.elements) {
      const users = this.#elementUsers.get(container);
      const had = old.elements.get(container) ?? NONE;
      for (const [key, value] of elements) {
        if (had.get(key) === value) continue;
        if (users === undefined || count(users, key, 1) === 1) tx.addElement(container, key, value);
      }
    }
  }

  #changeObjects(old: Facts['objects'], now: Facts['objects'], tx: Transaction): void {
    for (const [name, object] of now) {
      const was = old.get(name);
      if (was !== undefined) {
        if (!sameObject(was, object)) tx.replace(name, object);
      } else if (count(this.#objectUsers, name, 1) === 1) {
        tx.create(name, object, this.#retired.delete(name));
      }
    }
    for (const [name, object] of old) {
      if (now.has(name) || count(this.#objectUsers, name, -1) > 0) continue;
      tx.retire(name, object.kind);
      this.#retired.set(name, object.kind);
    }
  }

  /** What earlier transactions have emptied, as of now. */
  retired(): string[] {
    return [...this.#retired.keys()];
  }

  /**
   * Deletes those of `names` that are still unused. Kernels before 6.2 refuse to delete a chain in the
   * transaction that removes the last reference to it, hence the two steps.
   */
  deleteRetired(names: readonly string[], tx: Transaction): void {
    for (const name of names) {
      const kind = this.#retired.get(name);
      if (kind === undefined) continue;
      tx.deleteObject(name, kind);
      this.#retired.delete(name);
    }
  }
}

function count(users: Map<string, number>, name: string, by: 1 | -1): number {
  const next = (users.get(name) ?? 0) + by;
  if (next === 0) users.delete(name);
  else users.set(name, next);
  return next;
}
