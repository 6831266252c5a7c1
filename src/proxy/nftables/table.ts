import type { NodeSettings } from '../contract.js';
import type { DesiredService } from '../state/desired.js';
import { type PlacedService, place } from './arrange.js';
import { baseObjects, settingsElements } from './base.js';
import { type Facts, type NamedObject, sameObject } from './facts.js';
import { serviceFacts } from './service-facts.js';
import type { Transaction } from './transaction.js';

/** Sets whose elements several Services may contribute. */
const SHARED = /^(cluster-ips|hairpin-connections) /;

/**
 * Our memory of the table in the kernel: per Service the endpoints in their places, plus how many Services
 * need each shared fact. Old facts are rendered again when they are needed instead of being kept, which
 * keeps a hundred thousand endpoints small. A change must be committed (or the table rebuilt) before the next.
 */
export class TableState {
  readonly settings: NodeSettings;
  readonly #placed = new Map<string, PlacedService>();
  readonly #elementUsers = new Map<string, number>();
  readonly #objectUsers = new Map<string, number>();
  /** Emptied objects that wait for their deletion. */
  readonly #retired = new Map<string, NamedObject['kind']>();

  constructor(settings: NodeSettings) {
    this.settings = settings;
  }

  /** Remembers a service while the whole table is being built, and returns its facts. */
  load(service: DesiredService): Facts {
    const facts = serviceFacts(service, this.settings);
    this.#placed.set(service.key, service);
    for (const name of facts.elements.keys()) if (SHARED.test(name)) count(this.#elementUsers, name, 1);
    for (const name of facts.objects.keys()) count(this.#objectUsers, name, 1);
    return facts;
  }

  /** Names of all objects that the table must hold. */
  *objectNames(): Generator<string> {
    for (const { name } of baseObjects(this.settings)) yield name;
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
    const old = before === undefined ? undefined : serviceFacts(before, this.settings);
    const now = after === undefined ? undefined : serviceFacts(after, this.settings);
    if (after === undefined) this.#placed.delete(key);
    else this.#placed.set(key, after);
    this.#changeElements(old?.elements ?? new Map(), now?.elements ?? new Map(), tx);
    this.#changeObjects(old?.objects ?? new Map(), now?.objects ?? new Map(), tx);
  }

  #changeElements(old: Facts['elements'], now: Facts['elements'], tx: Transaction): void {
    for (const [name, value] of old) {
      if (now.get(name) === value) continue;
      if (!SHARED.test(name) || count(this.#elementUsers, name, -1) === 0) tx.deleteElement(name);
    }
    for (const [name, value] of now) {
      if (old.get(name) === value) continue;
      if (!SHARED.test(name) || count(this.#elementUsers, name, 1) === 1) tx.addElement(name, value);
    }
  }

  #changeObjects(old: Facts['objects'], now: Facts['objects'], tx: Transaction): void {
    for (const [name, object] of now) {
      const was = old.get(name);
      if (was !== undefined) {
        if (!sameObject(was, object)) tx.put(name, object, true);
      } else if (count(this.#objectUsers, name, 1) === 1) {
        tx.put(name, object, this.#retired.delete(name));
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

/** Writes the skeleton; all chains and all maps of ours are emptied first. `existing` names what the kernel has. */
export function putBase(tx: Transaction, settings: NodeSettings, existing: ReadonlySet<string>): Set<string> {
  const names = new Set<string>();
  for (const { name, object, hook } of baseObjects(settings)) {
    names.add(name);
    tx.put(name, object, false, hook);
    if (object.kind !== 'chain' && existing.has(name)) tx.first(`flush ${object.kind} % ${name}`);
  }
  for (const name of settingsElements(settings)) tx.addElement(name, '');
  return names;
}
