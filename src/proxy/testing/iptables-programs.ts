import { FakePrograms } from '#host/testing';
import { IptTables } from '../trace/ipt-table.js';

/** Programs with simulated iptables-save and iptables-restore (and their IPv6 twins). */
export class IptablesPrograms extends FakePrograms {
  readonly tables = { iptables: new IptTables(), ip6tables: new IptTables() };
  /** Restore inputs, oldest first. */
  readonly restored: string[] = [];

  constructor() {
    super();
    this.onRun = ({ file, args, input }) => {
      const found = /^(ip6?tables)(?:-nft|-legacy)?-(save|restore)$/.exec(file);
      if (found === null) return {};
      const tables = this.tables[found[1] as 'iptables' | 'ip6tables'];
      if (found[2] === 'save') return { stdout: tables.save(args[1]!) };
      try {
        tables.restore(input);
      } catch (error) {
        return { code: 1, stderr: String(error) };
      }
      this.restored.push(input);
      return {};
    };
  }
}
