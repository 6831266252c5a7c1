import type { NodeSettings } from '../contract.js';
import { baseObjects, settingsElements } from './base.js';
import type { FactSink, NamedObject } from './facts.js';
import { type Generation, nftFamily, TABLE } from './names.js';
import { Transaction } from './transaction.js';

/** Objects in the kernel's table, by name. */
export type Existing = ReadonlyMap<string, NamedObject['kind']>;

/**
 * Writes the whole table in steps. What nothing in force refers to yet (the sets and maps of the generation that is
 * not in use, new chains) goes into stages, which may be committed one by one as they fill; all that takes effect
 * goes into one last transaction: hooks, rules that lead to the new generation, chains that are in use already.
 * Committing everything at once is as good, where memory does not matter.
 */
export class FullLoad implements FactSink {
  readonly #settings: NodeSettings;
  readonly #existing: Existing;
  /** Objects that the table needs. */
  readonly #written = new Set<string>();
  /** Maps with elements in use, which only the last transaction may replace. */
  readonly #inUse = new Set<string>();
  #stage: Transaction;
  readonly #last: Transaction;
  #operations = 0;

  constructor(settings: NodeSettings, generation: Generation, existing: Existing) {
    this.#settings = settings;
    this.#existing = existing;
    this.#stage = new Transaction(settings.family);
    this.#last = new Transaction(settings.family);
    this.#putBase(generation);
  }

  #putBase(generation: Generation): void {
    for (const { name, object, hook } of baseObjects(this.#settings, generation)) {
      const exists = this.#existing.has(name);
      this.#written.add(name);
      if (object.kind !== 'chain') {
        // What is left of a load that ended half-way.
        if (exists) this.#stage.first(`flush ${object.kind} % ${name}`);
        this.#stage.create(name, object);
      } else if (hook !== '' || exists) this.#last.replace(name, object, exists, hook);
      else this.#stage.create(name, object);
    }
    for (const { container, key } of settingsElements(this.#settings, generation)) {
      this.#stage.addElement(container, key, '');
    }
  }

  element(container: string, key: string, value: string): void {
    (this.#inUse.has(container) ? this.#last : this.#stage).addElement(container, key, value);
  }

  object(name: string, make: () => NamedObject): void {
    if (this.#written.has(name)) return;
    this.#written.add(name);
    const object = make();
    const exists = this.#existing.has(name);
    if (object.kind === 'chain' && exists) {
      this.#last.replace(name, object);
      return;
    }
    this.#stage.create(name, object);
    // Sets of Services hold the clients that affinity remembers; maps hold endpoints, which are written again.
    if (object.kind !== 'map' || !exists) return;
    this.#last.first(`flush map % ${name}`);
    this.#inUse.add(name);
  }

  /** Operations in the stage that is being filled. */
  get staged(): number {
    return this.#stage.operations;
  }

  /** Operations of all stages and the last transaction. */
  get operations(): number {
    return this.#operations + this.#stage.operations + this.#last.operations;
  }

  /** The script of the stage so far; the next one begins. */
  takeStage(): Iterable<string> {
    const stage = this.#stage;
    this.#operations += stage.operations;
    this.#stage = new Transaction(this.#settings.family);
    return stage.lines();
  }

  /** Objects in the kernel that the table does not need. Call it when all Services are written. */
  *unneeded(): Generator<[string, NamedObject['kind']]> {
    for (const entry of this.#existing) if (!this.#written.has(entry[0])) yield entry;
  }

  /** What to run once everything is in force: maps that nothing leads to any more are emptied. */
  *afterwards(): Generator<string> {
    const maps = [...this.unneeded()].filter(([, kind]) => kind === 'map');
    for (const [name] of maps) yield `flush map ${nftFamily(this.#settings.family)} ${TABLE} ${name}`;
  }

  /** The last stage and the transaction that puts everything in force. */
  *finish(): Generator<string> {
    for (const [name, kind] of this.unneeded()) this.#last.retire(name, kind);
    yield* this.takeStage();
    yield* this.#last.lines();
  }
}
