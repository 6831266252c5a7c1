import type { Clock, Logger } from '#base';
import { createIptables, type Iptables, type IptablesBackend, type Programs } from '#host';
import {
  type ConnectionCount,
  type CountDetail,
  ModeUnavailableError,
  type NodeSettings,
  type PacketCounts,
  type Proxier,
  type RuleCount,
  type ServiceChange,
  type SyncReport,
} from '../contract.js';
import type { Family } from '../state/addresses.js';
import type { DesiredService } from '../state/desired.js';
import { paced } from '../state/paced.js';
import { COUNTED, fixedRules, type Jump, jumps } from './base.js';
import { type CountedEndpoint, parseCounts } from './counts.js';
import { CHAIN, OUR_CHAIN, UPSTREAM_CHAIN } from './names.js';
import { HASHING_RULE, type ServiceRules, serviceRules } from './service-rules.js';
import { JumpWatch } from './watch.js';

export interface IptablesOptions {
  family: Family;
  programs: Programs;
  logger: Logger;
  clock: Clock;
  /** How often to look whether others have removed our rules. */
  syncPeriodMs: number;
  backend?: IptablesBackend | undefined;
}

const TABLES = ['nat', 'filter'] as const;
type Table = (typeof TABLES)[number];

/** Chains of ours and rules of built-in chains that a table holds. */
interface SavedTable {
  chains: Set<string>;
  rules: Set<string>;
}

function* linesOf(text: string): Generator<string> {
  for (let from = 0, end = 0; from < text.length; from = end + 1) {
    end = text.indexOf('\n', from);
    if (end < 0) end = text.length;
    yield text.slice(from, end);
  }
}

/** Reads `iptables-save`: chains of these names, and the rules in other chains as `CHAIN rule`. */
async function parseSave(text: string, names = OUR_CHAIN): Promise<SavedTable> {
  const chains = new Set<string>();
  const rules = new Set<string>();
  for await (const line of paced(linesOf(text))) {
    const declared = /^:(\S+) /.exec(line)?.[1];
    if (declared !== undefined && names.test(declared)) chains.add(declared);
    const rule = /^-A (\S+) (.*)$/.exec(line);
    if (rule !== null && !names.test(rule[1]!)) rules.add(`${rule[1]} ${rule[2]}`);
  }
  return { chains, rules };
}

/**
 * The iptables mode, with upstream's layout: one rule per address and port in the shared chains, one chain per list
 * and endpoint. A partial sync writes only chains that change, shared ones included: replacing an endpoint leaves them
 * alone.
 */
export class IptablesProxier implements Proxier {
  readonly mode = 'iptables';
  readonly family: Family;
  readonly #iptables: Iptables;
  readonly #options: IptablesOptions;
  readonly #services = new Map<string, ServiceRules>();
  #settings: NodeSettings | undefined;
  /** Rules in the text of the last sync. */
  #lastWritten: Record<Table, number> = { nat: 0, filter: 0 };
  /** Whether the kernel can hash sources; undefined until a Service wants it. */
  #canHash: boolean | undefined;
  /** Beginnings and ends of full syncs: a reading that meets one says nothing. */
  #fullSyncs = 0;
  #counted: PacketCounts = { invalidDropped: 0, localhostAccepted: 0 };
  /** The kernel's counters as of the last reading, by the comment of their rule. */
  #lastCounts: Record<string, number> = {};
  /** Chains that nothing leads to any more; deleted once the rules that led there are gone. */
  #unused = new Set<string>();

  constructor(options: IptablesOptions) {
    this.family = options.family;
    const family = options.family === 'IPv4' ? 'ipv4' : 'ipv6';
    this.#options = options;
    this.#iptables = createIptables(options.programs, family, options.backend);
  }

  async preflight(): Promise<void> {
    await this.#iptables.version().catch((error: Error) => {
      throw new ModeUnavailableError('iptables', `iptables-restore does not run (${error.message})`);
    });
  }

  async resync(services: Iterable<DesiredService>, settings: NodeSettings): Promise<SyncReport> {
    await this.#accumulate();
    this.#settings = settings;
    this.#services.clear();
    const chains = new Map<string, string[]>();
    for await (const service of paced(services)) {
      const rules = await this.#rulesOf(service);
      this.#services.set(service.key, rules);
      for (const [name, own] of rules.chains) chains.set(name, own);
    }
    const saved = {
      nat: await parseSave(await this.#iptables.save('nat')),
      filter: await parseSave(await this.#iptables.save('filter')),
    };
    const fixed = this.#sharedChains();
    const stale = [...saved.nat.chains].filter((name) => !chains.has(name) && !fixed.has(`nat ${name}`));
    const missing = jumps.filter(({ table, chain, rule }) => !saved[table].rules.has(`${chain} ${rule}`));
    this.#fullSyncs++;
    const operations = await this.#restore(fixed, chains, stale, missing);
    // Writing the chains anew has set their counters to zero.
    this.#lastCounts = {};
    this.#fullSyncs++;
    this.#unused.clear();
    if (settings.localhostNodePorts) await this.#routeLocalnet();
    return { full: true, operations };
  }

  async apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    if (this.#settings === undefined) throw new Error('apply before a successful resync');
    const shared = new Set<string>();
    const written = new Map<string, string[]>();
    for (const { key, desired } of changes) {
      const before = this.#services.get(key);
      const after = desired === undefined ? undefined : await this.#rulesOf(desired);
      if (after === undefined) this.#services.delete(key);
      else this.#services.set(key, after);
      this.#compare(before, after, shared, written);
    }
    const isUnchanged = shared.size === 0 && written.size === 0 && this.#unused.size === 0;
    if (isUnchanged) return { full: false, operations: 0 };
    const stale = [...this.#unused];
    const all = shared.size === 0 ? new Map<string, string[]>() : this.#sharedChains();
    const rewritten = new Map([...all].filter(([name]) => shared.has(name)));
    const operations = await this.#restore(rewritten, written, stale, []);
    this.#unused.clear();
    return { full: false, operations };
  }

  ruleCounts(): RuleCount[] {
    const total = { nat: 0, filter: 0 };
    for (const { table } of jumps) total[table]++;
    const shared = this.#settings === undefined ? [] : this.#sharedChains();
    for (const [key, rules] of shared) total[key.startsWith('nat ') ? 'nat' : 'filter'] += rules.length;
    for (const { chains } of this.#services.values()) {
      for (const rules of chains.values()) total.nat += rules.length;
    }
    return TABLES.map((table) => ({ table, total: total[table], last: this.#lastWritten[table] }));
  }

  async packetCounts(): Promise<PacketCounts> {
    await this.#accumulate();
    const counts = this.#counted;
    this.#counted = { invalidDropped: 0, localhostAccepted: 0 };
    return counts;
  }

  async connectionCounts(detail: CountDetail): Promise<ConnectionCount[]> {
    const owners = new Map<string, CountedEndpoint>();
    for (const { endpoints } of this.#services.values()) {
      for (const [chain, owner] of endpoints) owners.set(chain, owner);
    }
    if (owners.size === 0) return [];
    return parseCounts(await this.#iptables.saveCounted('nat'), (chain) => owners.get(chain), detail);
  }

  async watchForeignChanges(onChange: (what: string) => void): Promise<() => Promise<void>> {
    const { family, programs, clock, logger, syncPeriodMs: periodMs } = this.#options;
    const watch = new JumpWatch({
      family,
      iptables: this.#iptables,
      programs,
      clock,
      logger,
      periodMs,
      onChange,
    });
    await watch.start();
    return () => watch.stop();
  }

  /** Adds what the kernel has counted since the last reading; counters of a rule start anew when it is rewritten. */
  async #accumulate(): Promise<void> {
    if (this.#settings === undefined) return;
    const before = this.#fullSyncs;
    const lines = [
      ...((await this.#iptables.rules('filter', CHAIN.forward)) ?? []),
      ...((await this.#iptables.rules('nat', CHAIN.localhost)) ?? []),
    ];
    if (before !== this.#fullSyncs) return;
    const grown = (comment: string): number => {
      const line = lines.find((text) => text.includes(`"${comment}"`));
      const now = Number(/ -c (\d+) /.exec(line ?? '')?.[1] ?? 0);
      const growth = now - (this.#lastCounts[comment] ?? 0);
      this.#lastCounts[comment] = now;
      return Math.max(0, growth);
    };
    this.#counted.invalidDropped += grown(COUNTED.invalid);
    this.#counted.localhostAccepted += Math.max(0, grown(COUNTED.asked) - grown(COUNTED.unanswered));
  }

  async #rulesOf(service: DesiredService): Promise<ServiceRules> {
    const isHashed = service.ports.some(({ port }) => port.algorithm === 'source-hash');
    if (isHashed) this.#canHash ??= await this.#probeHashing();
    return serviceRules(service, this.#settings!, this.#canHash);
  }

  /** A rule that the kernel does not know would fail every sync, of all Services: asked before the first one is written. */
  async #probeHashing(): Promise<boolean> {
    const probe = `*nat\n:${CHAIN.probe} - [0:0]\n-A ${CHAIN.probe} ${HASHING_RULE}\nCOMMIT\n`;
    try {
      await this.#iptables.restore(probe);
      await this.#iptables.restore(`*nat\n:${CHAIN.probe} - [0:0]\n-X ${CHAIN.probe}\nCOMMIT\n`);
      return true;
    } catch (error) {
      const reason = (error as Error).message;
      this.#options.logger.warn(
        'source hash is not to be had here (xt_cluster): endpoints are chosen at random',
        {
          reason,
        },
      );
      return false;
    }
  }

  /** Only after the rules that keep neighbours away from loopback addresses are in. */
  async #routeLocalnet(): Promise<void> {
    const { programs, logger } = this.#options;
    const result = await programs.run('sysctl', ['-qw', 'net.ipv4.conf.all.route_localnet=1']);
    if (result.code !== 0)
      logger.warn('NodePorts will not answer on 127.0.0.1', { reason: result.stderr.trim() });
  }

  /** Notes which chains change from one set of a Service's rules to the next. */
  #compare(
    before: ServiceRules | undefined,
    after: ServiceRules | undefined,
    shared: Set<string>,
    written: Map<string, string[]>,
  ): void {
    for (const key of new Set([...(before?.shared.keys() ?? []), ...(after?.shared.keys() ?? [])])) {
      if (!sameRules(before?.shared.get(key), after?.shared.get(key))) shared.add(key);
    }
    for (const [name, rules] of after?.chains ?? []) {
      this.#unused.delete(name);
      if (!sameRules(before?.chains.get(name), rules)) written.set(name, rules);
    }
    for (const name of before?.chains.keys() ?? []) {
      if (after?.chains.has(name) !== true) this.#unused.add(name);
    }
  }

  /** The shared chains with all their rules, by `table chain`. */
  #sharedChains(): Map<string, string[]> {
    return sharedChains(this.#services.values(), this.#settings!);
  }

  async #restore(
    shared: Map<string, string[]>,
    chains: Map<string, string[]>,
    stale: string[],
    missing: readonly Jump[],
  ): Promise<number> {
    const counts = { lines: 0, rules: { nat: 0, filter: 0 } };
    await this.#iptables.restore(counting(restoreLines(shared, chains, stale, missing), counts));
    this.#lastWritten = counts.rules;
    return counts.lines;
  }
}

function sameRules(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a?.join('\n') === b?.join('\n');
}

function sharedChains(services: Iterable<ServiceRules>, settings: NodeSettings): Map<string, string[]> {
  const fixed = fixedRules(settings);
  const shared = new Map([...fixed.keys()].map((key) => [key, [] as string[]]));
  for (const rules of services) for (const [key, some] of rules.shared) shared.get(key)!.push(...some);
  for (const [key, rules] of fixed) shared.get(key)!.push(...rules);
  return shared;
}

/** Sorted, since iptables-nft keeps a sorted list of them: ten thousand in any other order take it six times as long. */
function* declarations(chains: Iterable<string>): Generator<string> {
  for (const name of [...chains].sort()) yield `:${name} - [0:0]`;
}

/** The input of iptables-restore: declaring a chain empties it, so every declared chain is written whole. */
function* restoreLines(
  shared: Map<string, string[]>,
  chains: Map<string, string[]>,
  stale: readonly string[],
  missing: readonly Jump[],
): Generator<string> {
  for (const table of TABLES) {
    const fixed = [...shared].filter(([key]) => key.startsWith(`${table} `));
    const own = table === 'nat' ? chains : new Map<string, string[]>();
    const gone = table === 'nat' ? stale : [];
    if (fixed.length + own.size + gone.length === 0) continue;
    const written = fixed.map(([key, rules]) => [key.slice(table.length + 1), rules] as const);
    yield `*${table}`;
    yield* declarations([...written.map(([name]) => name), ...own.keys(), ...gone]);
    for (const [name, rules] of written) for (const rule of rules) yield `-A ${name} ${rule}`;
    for (const [name, rules] of own) for (const rule of rules) yield `-A ${name} ${rule}`;
    for (const name of gone) yield `-X ${name}`;
    for (const jump of missing) if (jump.table === table) yield `-I ${jump.chain} 1 ${jump.rule}`;
    yield 'COMMIT';
  }
}

/** Passes lines on and counts them, and the rules of each table among them. */
function* counting(
  lines: Iterable<string>,
  counts: { lines: number; rules: Record<Table, number> },
): Generator<string> {
  let table: Table = 'nat';
  for (const line of lines) {
    counts.lines++;
    if (line.startsWith('*')) table = line.slice(1) as Table;
    else if (line.startsWith('-A ') || line.startsWith('-I ')) counts.rules[table]++;
    yield line;
  }
}

/** The restore text for an empty kernel: `--dry-run` and tests. */
export function renderIptables(services: Iterable<DesiredService>, settings: NodeSettings): string {
  const all = [...services].map((service) => serviceRules(service, settings));
  const chains = new Map(all.flatMap((rules) => [...rules.chains]));
  return `${[...restoreLines(sharedChains(all, settings), chains, [], jumps)].join('\n')}\n`;
}

/** Removes our chains and jumps from one family's tables. */
export async function cleanupIptables(
  programs: Programs,
  family: Family,
  backend?: IptablesBackend,
): Promise<void> {
  await removeChains(programs, family, backend, OUR_CHAIN);
}

/**
 * Removes what kube-proxy writes in its iptables mode; returns whether there was any. `keep` names chains that have been
 * taken over, by table.
 */
export async function cleanupUpstreamIptables(
  programs: Programs,
  family: Family,
  backend?: IptablesBackend,
  keep: Record<Table, readonly string[]> = { nat: [], filter: [] },
): Promise<boolean> {
  return removeChains(programs, family, backend, UPSTREAM_CHAIN, keep);
}

async function removeChains(
  programs: Programs,
  family: Family,
  backend: IptablesBackend | undefined,
  names: RegExp,
  keep: Record<Table, readonly string[]> = { nat: [], filter: [] },
): Promise<boolean> {
  const iptables = createIptables(programs, family === 'IPv4' ? 'ipv4' : 'ipv6', backend);
  let found = false;
  for (const table of TABLES) {
    const saved = await parseSave(await iptables.save(table), names);
    for (const chain of keep[table]) saved.chains.delete(chain);
    const leading = [...saved.rules].filter((rule) => {
      const chain = / -j (\S+)/.exec(rule)?.[1] ?? '';
      return names.test(chain) && !keep[table].includes(chain);
    });
    if (saved.chains.size === 0 && leading.length === 0) continue;
    found = true;
    await iptables.restore(removalText(table, saved.chains, leading));
  }
  return found;
}

function removalText(table: Table, chains: ReadonlySet<string>, rules: readonly string[]): string {
  const lines = [
    `*${table}`,
    ...declarations(chains),
    ...rules.map((rule) => `-D ${rule}`),
    ...[...chains].map((name) => `-X ${name}`),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}
