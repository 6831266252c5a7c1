import type { Logger } from '#base';
import { createIptables, type Iptables, type IptablesBackend, type Programs } from '#host';
import {
  ModeUnavailableError,
  type NodeSettings,
  type Proxier,
  type ServiceChange,
  type SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { fixedRules, type Jump, jumps } from './base.js';
import { OUR_CHAIN } from './names.js';
import { type ServiceRules, serviceRules } from './service-rules.js';

export interface IptablesOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  backend?: IptablesBackend | undefined;
}

const TABLES = ['nat', 'filter'] as const;
type Table = (typeof TABLES)[number];

/** Chains of ours and rules of built-in chains that a table holds. */
interface SavedTable {
  chains: Set<string>;
  rules: Set<string>;
}

/** Reads `iptables-save`: our chains, and the rules in built-in chains as `CHAIN rule`. */
function parseSave(text: string): SavedTable {
  const chains = new Set<string>();
  const rules = new Set<string>();
  for (const line of text.split('\n')) {
    const declared = /^:(\S+) /.exec(line)?.[1];
    if (declared !== undefined && OUR_CHAIN.test(declared)) chains.add(declared);
    const rule = /^-A (\S+) (.*)$/.exec(line);
    if (rule !== null && !OUR_CHAIN.test(rule[1]!)) rules.add(`${rule[1]} ${rule[2]}`);
  }
  return { chains, rules };
}

/**
 * The iptables mode, with upstream's layout: one rule per address and port in the shared chains (rewritten at every
 * sync), one chain per list and endpoint (written only when their Service changes).
 */
export class IptablesProxier implements Proxier {
  readonly mode = 'iptables';
  readonly family: Family;
  readonly #iptables: Iptables;
  readonly #services = new Map<string, ServiceRules>();
  #settings: NodeSettings | undefined;
  /** Chains that nothing leads to any more; deleted once the rules that led there are gone. */
  #unused = new Set<string>();

  constructor(options: IptablesOptions) {
    this.family = options.family;
    const family = options.family === 'IPv4' ? 'ipv4' : 'ipv6';
    this.#iptables = createIptables(options.programs, family, options.backend);
  }

  async preflight(): Promise<void> {
    await this.#iptables.version().catch((error: Error) => {
      throw new ModeUnavailableError('iptables', `iptables-restore does not run (${error.message})`);
    });
  }

  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    this.#settings = settings;
    this.#services.clear();
    for (const service of services) this.#services.set(service.key, serviceRules(service, settings));
    const saved = {
      nat: parseSave(await this.#iptables.save('nat')),
      filter: parseSave(await this.#iptables.save('filter')),
    };
    const chains = new Map([...this.#services.values()].flatMap((rules) => [...rules.chains]));
    const fixed = this.#sharedChains();
    const stale = [...saved.nat.chains].filter((name) => !chains.has(name) && !fixed.has(`nat ${name}`));
    const missing = jumps.filter(({ table, chain, rule }) => !saved[table].rules.has(`${chain} ${rule}`));
    const operations = await this.#restore(chains, stale, missing);
    this.#unused.clear();
    return { full: true, operations };
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    const settings = this.#settings;
    if (settings === undefined) throw new Error('apply before a successful resync');
    const written = new Map<string, string[]>();
    let changed = false;
    for (const { key, desired } of changes) {
      const before = this.#services.get(key);
      const after = desired === undefined ? undefined : serviceRules(desired, settings);
      if (after === undefined) this.#services.delete(key);
      else this.#services.set(key, after);
      changed = this.#compare(before, after, written) || changed;
    }
    if (!changed) return { full: false, operations: 0 };
    const stale = [...this.#unused];
    const operations = await this.#restore(written, stale, []);
    this.#unused.clear();
    return { full: false, operations };
  }

  #compare(
    before: ServiceRules | undefined,
    after: ServiceRules | undefined,
    written: Map<string, string[]>,
  ): boolean {
    let changed = JSON.stringify([...(before?.shared ?? [])]) !== JSON.stringify([...(after?.shared ?? [])]);
    for (const [name, rules] of after?.chains ?? []) {
      this.#unused.delete(name);
      if (before?.chains.get(name)?.join('\n') === rules.join('\n')) continue;
      written.set(name, rules);
      changed = true;
    }
    for (const name of before?.chains.keys() ?? []) {
      if (after?.chains.has(name) === true) continue;
      this.#unused.add(name);
      changed = true;
    }
    return changed;
  }

  /** The shared chains with all their rules, by `table chain`. */
  #sharedChains(): Map<string, string[]> {
    const shared = new Map([...fixedRules(this.#settings!)].map(([key]) => [key, [] as string[]]));
    for (const rules of this.#services.values()) {
      for (const [key, some] of rules.shared) shared.get(key)!.push(...some);
    }
    for (const [key, rules] of fixedRules(this.#settings!)) shared.get(key)!.push(...rules);
    return shared;
  }

  async #restore(chains: Map<string, string[]>, stale: string[], missing: readonly Jump[]): Promise<number> {
    const text = restoreText(this.#sharedChains(), chains, stale, missing);
    await this.#iptables.restore(text);
    return text.split('\n').length;
  }
}

/** The input of iptables-restore: declaring a chain empties it, so every declared chain is written whole. */
function restoreText(
  shared: Map<string, string[]>,
  chains: Map<string, string[]>,
  stale: readonly string[],
  missing: readonly Jump[],
): string {
  return (
    TABLES.map((table) => {
      const fixed = [...shared]
        .filter(([key]) => key.startsWith(`${table} `))
        .map(([key, rules]) => [key.split(' ')[1]!, rules] as const);
      const own = table === 'nat' ? [...fixed, ...chains] : fixed;
      const gone = table === 'nat' ? stale : [];
      return [
        `*${table}`,
        ...[...own.map(([name]) => name), ...gone].map((name) => `:${name} - [0:0]`),
        ...own.flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
        ...gone.map((name) => `-X ${name}`),
        ...missing.filter((jump) => jump.table === table).map(({ chain, rule }) => `-I ${chain} 1 ${rule}`),
        'COMMIT',
      ].join('\n');
    }).join('\n') + '\n'
  );
}

/** The restore text for an empty kernel: `--dry-run` and tests. */
export function renderIptables(services: Iterable<DesiredService>, settings: NodeSettings): string {
  const all = [...services].map((service) => serviceRules(service, settings));
  const shared = new Map([...fixedRules(settings)].map(([key]) => [key, [] as string[]]));
  for (const rules of all) for (const [key, some] of rules.shared) shared.get(key)!.push(...some);
  for (const [key, rules] of fixedRules(settings)) shared.get(key)!.push(...rules);
  return restoreText(shared, new Map(all.flatMap((rules) => [...rules.chains])), [], jumps);
}

/** Removes our chains and jumps from one family's tables. */
export async function cleanupIptables(
  programs: Programs,
  family: Family,
  backend?: IptablesBackend,
): Promise<void> {
  const iptables = createIptables(programs, family === 'IPv4' ? 'ipv4' : 'ipv6', backend);
  for (const table of TABLES) {
    const saved = parseSave(await iptables.save(table));
    const ours = [...saved.rules].filter((rule) => / -j KSVC-\S+$/.test(rule));
    if (saved.chains.size === 0 && ours.length === 0) continue;
    await iptables.restore(removalText(table, saved.chains, ours));
  }
}

function removalText(table: Table, chains: ReadonlySet<string>, rules: readonly string[]): string {
  const lines = [
    `*${table}`,
    ...[...chains].map((name) => `:${name} - [0:0]`),
    ...rules.map((rule) => `-D ${rule}`),
    ...[...chains].map((name) => `-X ${name}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}
