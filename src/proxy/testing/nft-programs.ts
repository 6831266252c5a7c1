import { readFile } from 'node:fs/promises';
import { FakePrograms } from '#host/testing';
import { TABLE } from '../nftables/names.js';
import { NftTable } from '../trace/nft-table.js';

/** Programs with a simulated nft: scripts change in-memory tables, and what the kernel would refuse fails. */
export class NftPrograms extends FakePrograms {
  readonly tables = { ip: new NftTable(), ip6: new NftTable() };
  /** Scripts that were loaded, oldest first. */
  readonly scripts: string[] = [];
  /** Set to refuse the next loads with this message. */
  refusal: string | undefined;
  /** Awaited before a load takes effect: lets a test hold a commit. */
  beforeLoad: (() => Promise<void>) | undefined;

  constructor() {
    super();
    this.onRun = async ({ file, args, input }) => {
      if (file !== 'nft') return {};
      if (args[0] === '--version') return { stdout: 'nftables v1.0.6 (Lester Gooch #5)\n' };
      if (args[0] === '-t') return this.#describe(args[3] as 'ip' | 'ip6');
      if (args[0] === 'list') return { stdout: this.#listTables() };
      await this.beforeLoad?.();
      return this.#load(args[1] === '-' ? input : await readFile(args[1]!, 'utf8'));
    };
  }

  #describe(family: 'ip' | 'ip6') {
    const table = this.tables[family];
    return table.exists
      ? { stdout: table.describe() }
      : { code: 1, stderr: 'Error: No such file or directory' };
  }

  #listTables(): string {
    const found = (['ip', 'ip6'] as const).filter((family) => this.tables[family].exists);
    return found.map((family) => `table ${family} ${TABLE}\n`).join('');
  }

  #load(script: string) {
    if (this.refusal !== undefined) return { code: 1, stderr: this.refusal };
    const lines = script.split('\n').filter((line) => line !== '');
    try {
      for (const family of ['ip', 'ip6'] as const) {
        this.tables[family].load(lines.filter((line) => line.includes(` ${family} ${TABLE}`)));
      }
    } catch (error) {
      return { code: 1, stderr: String(error) };
    }
    this.scripts.push(script);
    return {};
  }
}
