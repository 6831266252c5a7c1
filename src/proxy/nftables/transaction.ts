import type { Family } from '../state/addresses.js';
import type { NamedObject } from './facts.js';
import { nftFamily, TABLE } from './names.js';

interface Commands {
  objects: string[];
  rules: string[];
}

/** Elements per `add element` command: long enough to spare parsing, short enough for readable errors. */
const ELEMENTS_PER_COMMAND = 500;

/** Between an element's key and its value. */
const IS = ' : ';

/** A script that `nft` runs as one. */
export interface Phase {
  lines: Iterable<string>;
  /** Whether chains or rules change: what watchers of the table see. */
  touchesChains: boolean;
}

/**
 * Collects a change, in whatever order of calls. A commit is atomic for the ruleset, not for a packet that is in it at
 * that moment: rules go on as they were, while each lookup sees the sets as they are by then, and a chain that is new
 * has, for such a packet, no rules. So that it ends where it would have ended before or after, a change has up to three
 * phases: what nothing leads to yet, the change itself, and the deletion of elements that nothing leads to any more.
 * Within each, elements are deleted first and added last, so that no step refers to something that is not there.
 */
export class Transaction {
  readonly #table: string;
  readonly #head: string[] = [];
  readonly #deleted = new Map<string, string[]>();
  readonly #created: Commands = { objects: [], rules: [] };
  readonly #rewritten: Commands = { objects: [], rules: [] };
  readonly #added = new Map<string, string[]>();
  readonly #removed: string[] = [];
  readonly #retired = new Set<string>();
  /** By container. */
  readonly #expired = new Map<string, string[]>();
  #operations = 0;
  #createsChains = false;
  #touchesChains = false;

  constructor(family: Family) {
    this.#table = `${nftFamily(family)} ${TABLE}`;
  }

  get operations(): number {
    return this.#operations;
  }

  /** A command that runs before everything else; `%` stands for the table. */
  first(command: string): void {
    this.#head.push(command.replaceAll('%', this.#table));
  }

  /** An object that nothing leads to before this change; `isRevived`: it was retired, and is still there. */
  create(name: string, object: NamedObject, isRevived = false): void {
    // Another Service has just let it go.
    if (this.#retired.has(name)) return this.replace(name, object);
    if (object.kind === 'chain') this.#createsChains = true;
    this.#put(this.#created, name, object, isRevived, '');
  }

  /** An object in use, whose rules or definition change at once; also what takes effect by being there (`hook`). */
  replace(name: string, object: NamedObject, exists = true, hook = ''): void {
    if (object.kind === 'chain') this.#touchesChains = true;
    this.#put(this.#rewritten, name, object, exists, hook);
  }

  #put(to: Commands, name: string, object: NamedObject, exists: boolean, hook: string): void {
    this.#operations++;
    if (object.kind === 'chain') {
      to.objects.push(`add chain ${this.#table} ${name}${hook === '' ? '' : ` { ${hook} }`}`);
      if (exists) to.objects.push(`flush chain ${this.#table} ${name}`);
      for (const rule of object.rules) to.rules.push(`add rule ${this.#table} ${name} ${rule}`);
    } else {
      to.objects.push(`add ${object.kind} ${this.#table} ${name} { ${object.definition} }`);
    }
  }

  /** Empties an object that nothing leads to any more; it is deleted in a later transaction. */
  retire(name: string, kind: NamedObject['kind']): void {
    this.#operations++;
    this.#retired.add(name);
    if (kind !== 'chain') return;
    this.#touchesChains = true;
    this.#rewritten.objects.push(`flush chain ${this.#table} ${name}`);
  }

  deleteObject(name: string, kind: NamedObject['kind']): void {
    this.#operations++;
    // Chains go first: their rules refer to sets.
    const command = `delete ${kind} ${this.#table} ${name}`;
    if (kind !== 'chain') this.#removed.push(command);
    else {
      this.#touchesChains = true;
      this.#removed.unshift(command);
    }
  }

  addElement(container: string, key: string, value: string): void {
    this.#operations++;
    push(this.#added, container, value === '' ? key : `${key}${IS}${value}`);
  }

  deleteElement(container: string, key: string): void {
    this.#operations++;
    push(this.#deleted, container, key);
  }

  /** Deletes an element that is only found by what leads there; another Service may have added its key anew. */
  expireElement(container: string, key: string): void {
    this.#operations++;
    push(this.#expired, container, key);
  }

  /** The scripts to run one after another; most changes are a single one. */
  phases(): Phase[] {
    this.#settleReplaced();
    const phases = [
      { lines: [...this.#creation()], touchesChains: this.#createsChains },
      { lines: [...this.#change()], touchesChains: this.#touchesChains },
      { lines: [...this.#expiry()], touchesChains: false },
    ];
    return phases.filter(({ lines }) => lines.length > 0);
  }

  /**
   * All of it as one script: what a full load needs, which nothing in force refers to before its end. Lazy, since it is
   * long.
   */
  *lines(): Generator<string> {
    this.#settleReplaced();
    yield* this.#creation();
    yield* this.#change();
    yield* this.#expiry();
  }

  *#creation(): Generator<string> {
    yield* this.#created.objects;
    yield* this.#created.rules;
  }

  *#change(): Generator<string> {
    yield* this.#head;
    yield* this.#elementCommands('delete', this.#deleted);
    yield* this.#rewritten.objects;
    yield* this.#rewritten.rules;
    yield* this.#elementCommands('add', this.#added);
    yield* this.#removed;
  }

  #expiry(): Iterable<string> {
    return this.#elementCommands('delete', this.#expired);
  }

  /** A key that goes and comes is replaced in the change itself. */
  #settleReplaced(): void {
    for (const [container, keys] of this.#expired) {
      const added = new Set(this.#added.get(container)?.map((element) => element.split(IS)[0]!));
      for (const key of keys) if (added.has(key)) push(this.#deleted, container, key);
      const rest = keys.filter((key) => !added.has(key));
      this.#expired.set(container, rest);
    }
  }

  *#elementCommands(verb: 'add' | 'delete', byContainer: Map<string, string[]>): Generator<string> {
    for (const [container, elements] of byContainer) {
      for (let i = 0; i < elements.length; i += ELEMENTS_PER_COMMAND) {
        const some = elements.slice(i, i + ELEMENTS_PER_COMMAND).join(', ');
        yield `${verb} element ${this.#table} ${container} { ${some} }`;
      }
    }
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
