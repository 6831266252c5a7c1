import { createInterface } from 'node:readline';
import type { Clock, Logger } from '#base';
import { createNft, type Iptables, type Programs, type SpawnedProgram } from '#host';
import type { Family } from '../state/addresses.js';
import { type Jump, jumps } from './base.js';

export interface JumpWatchOptions {
  family: Family;
  iptables: Iptables;
  programs: Programs;
  clock: Clock;
  logger: Logger;
  /** Time between two looks. */
  periodMs: number;
  /** Jumps to our chains are gone. */
  onChange: (what: string) => void;
}

/** Gathers what one program deletes in one go. */
const SETTLE_MS = 50;

/**
 * Notices when the rules that lead to our chains are gone: every way to flush a table takes them along. Upstream
 * looks for a canary chain every 30 s; so does this, and where the rules are nftables underneath, the kernel's own
 * events bring the look forward. That our chains hold what they should is not looked at.
 */
export class JumpWatch {
  readonly #options: JumpWatchOptions;
  readonly #deletion: RegExp;
  #monitor: SpawnedProgram | undefined;
  #isActive = false;
  #cancel: (() => void) | undefined;

  constructor(options: JumpWatchOptions) {
    this.#options = options;
    const [flag, nft] = options.family === 'IPv4' ? ['-4', 'ip'] : ['-6', 'ip6'];
    const chains = [...new Set(jumps.map(({ chain }) => chain))].join('|');
    this.#deletion = new RegExp(
      ` ${flag} -t (nat|filter) -[DX] (${chains})\\b|DEL table: table (nat|filter) ${nft} `,
    );
  }

  async start(): Promise<void> {
    this.#isActive = true;
    await this.#startMonitor();
    this.#planLook(this.#options.periodMs);
  }

  async stop(): Promise<void> {
    this.#isActive = false;
    this.#cancel?.();
    const monitor = this.#monitor;
    this.#monitor = undefined;
    monitor?.kill('SIGKILL');
    await monitor?.exited;
  }

  #planLook(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#options.clock.after(ms, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, logger, onChange, periodMs } = this.#options;
    // A look that fails is repeated after the period, like any other.
    this.#cancel = clock.after(periodMs, () => void this.#look());
    try {
      const missing = await missingJumps(this.#options.iptables);
      if (missing.length > 0 && this.#isActive) onChange(`${missing[0]!.chain} ${missing[0]!.rule} is gone`);
      await this.#startMonitor();
    } catch (err) {
      logger.warn('the jump rules could not be checked', { err });
    }
  }

  async #startMonitor(): Promise<void> {
    const { iptables, programs, logger } = this.#options;
    if (this.#monitor !== undefined || !(await iptables.version()).includes('nf_tables')) return;
    try {
      const monitor = await createNft(programs).monitor();
      if (!this.#isActive) {
        monitor.kill('SIGKILL');
        return;
      }
      this.#monitor = monitor;
      createInterface({ input: monitor.stdout! }).on('line', (line) => {
        if (this.#isActive && this.#deletion.test(line)) this.#planLook(SETTLE_MS);
      });
      void monitor.exited.then(() => {
        if (this.#monitor === monitor) this.#monitor = undefined;
      });
    } catch (err) {
      logger.info('changes by others are noticed only by checking', { reason: (err as Error).message });
    }
  }
}

/** Jumps that the kernel does not have. */
async function missingJumps(iptables: Iptables): Promise<Jump[]> {
  const present = new Set<string>();
  for (const place of new Set(jumps.map(({ table, chain }) => `${table} ${chain}`))) {
    const [table, chain] = place.split(' ') as [string, string];
    for (const rule of (await iptables.rules(table, chain)) ?? []) {
      present.add(`${table} ${rule.replace(/ -c \d+ \d+/, '').replace(/^-A /, '')}`);
    }
  }
  return jumps.filter(({ table, chain, rule }) => !present.has(`${table} ${chain} ${rule}`));
}
