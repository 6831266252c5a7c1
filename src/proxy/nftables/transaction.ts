import type { Family } from '../state/addresses.js';
import type { NamedObject } from './facts.js';
import { nftFamily, TABLE } from './names.js';

/** Elements per `add element` command: long enough to spare parsing, short enough for readable errors. */
const ELEMENTS_PER_COMMAND = 500;

/**
 * Collects one atomic `nft -f` script. Whatever the order of calls, the script deletes elements first, then
 * creates what elements refer to, then adds elements, and deletes objects last, so that no step refers to
 * something that is not there.
 */
export class Transaction {
  readonly #table: string;
  readonly #head: string[] = [];
  readonly #deleted = new Map<string, string[]>();
  readonly #objects: string[] = [];
  readonly #rules: string[] = [];
  readonly #added = new Map<string, string[]>();
  readonly #removed: string[] = [];
  #operations = 0;
  #touchesChains = false;

  constructor(family: Family) {
    this.#table = `${nftFamily(family)} ${TABLE}`;
  }

  get operations(): number {
    return this.#operations;
  }

  /** Whether chains or rules change: what watchers of the table see. */
  get touchesChains(): boolean {
    return this.#touchesChains;
  }

  /** A command that runs before everything else; `%` stands for the table. */
  first(command: string): void {
    this.#head.push(command.replaceAll('%', this.#table));
  }

  /** Creates or changes an object; `existed` chains are emptied before their rules are written. */
  put(name: string, object: NamedObject, existed: boolean, hook = ''): void {
    this.#operations++;
    if (object.kind === 'chain') {
      this.#touchesChains = true;
      this.#objects.push(`add chain ${this.#table} ${name}${hook === '' ? '' : ` { ${hook} }`}`);
      if (existed) this.#objects.push(`flush chain ${this.#table} ${name}`);
      for (const rule of object.rules) this.#rules.push(`add rule ${this.#table} ${name} ${rule}`);
    } else {
      this.#objects.push(`add ${object.kind} ${this.#table} ${name} { ${object.definition} }`);
    }
  }

  /** Empties an object that nothing leads to any more; it is deleted in a later transaction. */
  retire(name: string, kind: NamedObject['kind']): void {
    this.#operations++;
    if (kind !== 'chain') return;
    this.#touchesChains = true;
    this.#objects.push(`flush chain ${this.#table} ${name}`);
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
    push(this.#added, container, value === '' ? key : `${key} : ${value}`);
  }

  deleteElement(container: string, key: string): void {
    this.#operations++;
    push(this.#deleted, container, key);
  }

  get isEmpty(): boolean {
    return this.#operations === 0 && this.#head.length === 0;
  }

  /** The script's lines in the order in which nft must read them. Lazy: a full load is long. */
  *lines(): Generator<string> {
    yield* this.#head;
    yield* this.#elementCommands('delete', this.#deleted);
    yield* this.#objects;
    yield* this.#rules;
    yield* this.#elementCommands('add', this.#added);
    yield* this.#removed;
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
