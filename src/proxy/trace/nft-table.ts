import { parseAddress, parseCidr } from '../state/addresses.js';
import { Tokens, TraceSyntaxError } from './tokens.js';

export interface Hook {
  type: string;
  hook: string;
  priority: number;
}

export interface ChainModel {
  hook: Hook | undefined;
  rules: string[];
}

export interface SetModel {
  kind: 'set' | 'map';
  definition: string;
  /** Key words joined by blanks → value words (empty for sets). */
  elements: Map<string, string>;
}

/** What the kernel would refuse: the whole script then has no effect. */
export class KernelRefusal extends Error {
  constructor(errno: 'EEXIST' | 'ENOENT' | 'EBUSY', command: string) {
    super(`${errno}: ${command}`);
    this.name = 'KernelRefusal';
  }
}

/**
 * One nftables table as the kernel would hold it after reading scripts: tests and `--dry-run` load into it what
 * the proxy would load into the kernel. Refuses what the kernel refuses (a key twice, deleting what is missing
 * or still referred to), and anything that it does not know.
 */
export class NftTable {
  chains = new Map<string, ChainModel>();
  sets = new Map<string, SetModel>();
  exists = false;
  comment = '';

  /** Runs a script as one transaction. */
  load(lines: Iterable<string>): void {
    const copy = this.clone();
    for (const line of lines) copy.#command(line);
    copy.#checkReferences();
    this.chains = copy.chains;
    this.sets = copy.sets;
    this.exists = copy.exists;
    this.comment = copy.comment;
  }

  clone(): NftTable {
    const copy = new NftTable();
    copy.exists = this.exists;
    copy.comment = this.comment;
    copy.chains = new Map([...this.chains].map(([name, c]) => [name, { ...c, rules: [...c.rules] }]));
    copy.sets = new Map([...this.sets].map(([name, s]) => [name, { ...s, elements: new Map(s.elements) }]));
    return copy;
  }

  /** `nft -t list table` as far as the proxy reads it. */
  describe(): string {
    const objects = [
      ...[...this.sets].map(([name, { kind }]) => `\t${kind} ${name} {\n\t}`),
      ...[...this.chains].map(
        ([name, { rules }]) => `\tchain ${name} {\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}`,
      ),
    ];
    return `table {\n\tcomment "${this.comment}"\n${objects.join('\n')}\n}\n`;
  }

  #command(line: string): void {
    const tokens = new Tokens(line);
    const verb = tokens.next();
    const kind = tokens.next();
    tokens.next();
    tokens.next();
    const run = this.#commands(tokens, line)[`${verb} ${kind}`];
    if (run === undefined) throw new TraceSyntaxError(`unknown command: ${line}`);
    if (!this.exists && `${verb} ${kind}` !== 'add table') throw new KernelRefusal('ENOENT', line);
    run();
  }

  #commands(tokens: Tokens, line: string): Record<string, () => void> {
    const addSet = (kind: 'set' | 'map') => () => {
      const name = tokens.next();
      const definition = line.slice(line.indexOf('{') + 1, line.lastIndexOf('}')).trim();
      const known = this.sets.get(name);
      this.sets.set(name, { kind, definition, elements: known?.elements ?? new Map() });
    };
    const dropSet = () => {
      if (!this.sets.delete(tokens.next())) throw new KernelRefusal('ENOENT', line);
    };
    const flushSet = () => this.#set(tokens.next(), line).elements.clear();
    return {
      'add table': () => this.#addTable(line),
      'delete table': () => this.#reset(),
      'flush table': () => {
        for (const chain of this.chains.values()) chain.rules = [];
      },
      'add set': addSet('set'),
      'add map': addSet('map'),
      'flush set': flushSet,
      'flush map': flushSet,
      'delete set': dropSet,
      'delete map': dropSet,
      'add chain': () => this.#addChain(tokens.next(), tokens),
      'flush chain': () => {
        this.#chain(tokens.next(), line).rules = [];
      },
      'delete chain': () => {
        const name = tokens.next();
        if (this.#chain(name, line).rules.length > 0) throw new KernelRefusal('EBUSY', line);
        this.chains.delete(name);
      },
      'add rule': () => {
        const name = tokens.next();
        this.#chain(name, line).rules.push(line.slice(line.indexOf(` ${name} `) + name.length + 2));
      },
      'add element': () => this.#addElements(tokens, line),
      'delete element': () => this.#deleteElements(tokens, line),
    };
  }

  #addTable(line: string): void {
    if (!this.exists) this.comment = /comment "([^"]*)"/.exec(line)?.[1] ?? '';
    this.exists = true;
  }

  #reset(): void {
    this.exists = false;
    this.chains.clear();
    this.sets.clear();
  }

  #addChain(name: string, tokens: Tokens): void {
    if (this.chains.has(name)) return;
    let hook: Hook | undefined;
    if (tokens.take('{', 'type')) {
      const type = tokens.next();
      tokens.expect('hook');
      const at = tokens.next();
      tokens.expect('priority');
      hook = { type, hook: at, priority: Number(tokens.next()) };
    }
    this.chains.set(name, { hook, rules: [] });
  }

  #addElements(tokens: Tokens, line: string): void {
    const set = this.#set(tokens.next(), line);
    for (const item of tokens.braced()) {
      const colon = item.indexOf(':');
      const key = elementKey(colon < 0 ? item : item.slice(0, colon));
      const value = colon < 0 ? '' : item.slice(colon + 1).join(' ');
      if (set.kind === 'map' && value === '') throw new TraceSyntaxError(`no value: ${item.join(' ')}`);
      // Adding an equal element again is fine; the same key with another value is not.
      if ((set.elements.get(key) ?? value) !== value)
        throw new KernelRefusal('EEXIST', `${key}: ${line.slice(0, 200)}`);
      set.elements.set(key, value);
    }
  }

  #deleteElements(tokens: Tokens, line: string): void {
    const set = this.#set(tokens.next(), line);
    for (const item of tokens.braced()) {
      if (!set.elements.delete(elementKey(item)))
        throw new KernelRefusal('ENOENT', `${item.join(' ')}: ${line.slice(0, 200)}`);
    }
  }

  #chain(name: string, line: string): ChainModel {
    const chain = this.chains.get(name);
    if (chain === undefined) throw new KernelRefusal('ENOENT', line);
    return chain;
  }

  #set(name: string, line: string): SetModel {
    const set = this.sets.get(name);
    if (set === undefined) throw new KernelRefusal('ENOENT', line);
    return set;
  }

  /** Every jump and lookup must find its object at the end of the transaction. */
  #checkReferences(): void {
    for (const [name, { rules }] of this.chains) {
      for (const rule of rules) this.#checkText(rule, `chain ${name}: ${rule}`);
    }
    for (const [name, { elements }] of this.sets) {
      for (const [key, value] of elements) this.#checkText(value, `${name} { ${key} : ${value} }`);
    }
  }

  #checkText(text: string, where: string): void {
    for (const [, target] of text.matchAll(/\b(?:jump|goto) ([^\s,}]+)/g)) {
      if (!this.chains.has(target!)) throw new KernelRefusal('ENOENT', `${target} in ${where}`);
    }
    for (const [, set] of text.matchAll(/@([^\s,}]+)/g)) {
      if (!this.sets.has(set!)) throw new KernelRefusal('ENOENT', `@${set} in ${where}`);
    }
  }
}

function elementKey(words: readonly string[]): string {
  for (const word of words) {
    if (
      word !== '.' &&
      /[:.]/.test(word) &&
      parseAddress(word) === undefined &&
      parseCidr(word) === undefined
    ) {
      throw new TraceSyntaxError(`not an address: ${word}`);
    }
  }
  return words.join(' ');
}
