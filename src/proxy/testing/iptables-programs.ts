import { readFile } from 'node:fs/promises';
import { FakePrograms } from '#host/testing';
import { IptTables } from '../trace/ipt-table.js';

/** Programs with simulated iptables-save and iptables-restore (and their IPv6 twins). */
export class IptablesPrograms extends FakePrograms {
  readonly tables = { iptables: new IptTables(), ip6tables: new IptTables() };
  /** Restore inputs, oldest first. */
  readonly restored: string[] = [];
  /** What rules (`chain rule`) shall have counted. */
  readonly packets = new Map<string, number>();

  constructor() {
    super();
    this.onRun = async ({ file, args, input }) => {
      if (args.includes('-S')) return this.#listChain(file, args);
      const found = /^(ip6?tables)(?:-nft|-legacy)?-(save|restore)$/.exec(file);
      if (found === null) return {};
      const tables = this.tables[found[1] as 'iptables' | 'ip6tables'];
      if (found[2] === 'save') return { stdout: tables.save(args[1]!) };
      // Long inputs come as files.
      const path = args.at(-1)!;
      const text = path.startsWith('/') ? await readFile(path, 'utf8') : input;
      try {
        tables.restore(text);
      } catch (error) {
        return { code: 1, stderr: String(error) };
      }
      this.restored.push(text);
      return {};
    };
  }

  #listChain(file: string, args: string[]) {
    const tables = this.tables[/^ip6?tables/.exec(file)![0] as 'iptables' | 'ip6tables'];
    const [table, chain] = [args[args.indexOf('-t') + 1]!, args[args.indexOf('-S') + 1]!];
    const rules = tables.chains.get(`${table} ${chain}`);
    if (rules === undefined) return { code: 1, stderr: 'iptables: No chain/target/match by that name.' };
    const counted = (rule: string) => {
      const counts = ` -c ${this.packets.get(`${chain} ${rule}`) ?? 0} 0`;
      const target = rule.lastIndexOf('-j ');
      return target < 0
        ? `${rule}${counts}`
        : `${rule.slice(0, target).trim()}${counts} ${rule.slice(target)}`;
    };
    return { stdout: rules.map((rule) => `-A ${chain} ${counted(rule).trim()}\n`).join('') };
  }
}
