import { createInterface } from 'node:readline';
import { backoffDelay, type Clock, type Logger } from '#base';
import type { Nft, SpawnedProgram } from '#host';

export interface TableWatchOptions {
  nft: Nft;
  family: 'ip' | 'ip6';
  table: string;
  clock: Clock;
  logger: Logger;
  /** Somebody else changed the table. */
  onChange: (what: string) => void;
  /** Finds damage that happened while nobody watched; undefined when there is none. */
  verify: () => Promise<string | undefined>;
}

/** A monitor that runs for less than this was not a success: the next start waits longer. */
const RESTART = { initialMs: 1000, maxMs: 30_000, factor: 2 };

/**
 * Watches for changes to our table that we did not make: somebody flushes the ruleset, reloads a firewall, or
 * deletes a chain. The monitor ends when events come faster than it reads them; whenever it (re)starts, the table's
 * objects are compared once, so that without any monitor at all this is a check every half minute. Changes to single
 * elements by others stay unnoticed until the periodic full sync.
 */
export class TableWatch {
  readonly #options: TableWatchOptions;
  readonly #tracker: GenerationTracker;
  #program: SpawnedProgram | undefined;
  #isActive = false;
  #failures = 0;
  /** Tells a run that was stopped while it was starting from the current one. */
  #runs = 0;
  #cancelRestart: (() => void) | undefined;

  constructor(options: TableWatchOptions) {
    this.#options = options;
    this.#tracker = new GenerationTracker(options.family, options.table, options.onChange);
  }

  /** Our own commit is about to change (or, with -1, has failed to change) chains or rules. */
  expect(by: 1 | -1): void {
    this.#tracker.expect(by);
  }

  async start(): Promise<void> {
    this.#isActive = true;
    await this.#run();
  }

  async stop(): Promise<void> {
    this.#isActive = false;
    this.#runs++;
    this.#cancelRestart?.();
    const program = this.#program;
    this.#program = undefined;
    program?.kill('SIGKILL');
    await program?.exited;
  }

  async #run(): Promise<void> {
    const { nft, clock, logger } = this.#options;
    this.#tracker.reset();
    const started = clock.now();
    const run = ++this.#runs;
    try {
      const program = await nft.monitor();
      if (run !== this.#runs) {
        program.kill('SIGKILL');
        return;
      }
      this.#program = program;
      createInterface({ input: program.stdout! }).on('line', (line) => this.#tracker.line(line));
      void program.exited.then(() => this.#ended(program, started));
    } catch (err) {
      logger.info('changes by others are noticed only by checking', { reason: (err as Error).message });
      this.#restartLater();
    }
    await this.#verify();
  }

  #ended(program: SpawnedProgram, started: number): void {
    if (!this.#isActive || this.#program !== program) return;
    this.#program = undefined;
    if (this.#options.clock.now() - started > RESTART.maxMs) this.#failures = 0;
    this.#restartLater();
  }

  #restartLater(): void {
    if (!this.#isActive) return;
    const delay = backoffDelay(RESTART, this.#failures++);
    this.#cancelRestart = this.#options.clock.after(delay, () => void this.#run());
  }

  async #verify(): Promise<void> {
    try {
      const damage = await this.#options.verify();
      if (damage !== undefined && this.#isActive) this.#options.onChange(damage);
    } catch (err) {
      this.#options.logger.warn('the table could not be checked', { err });
    }
  }
}

/** Tells foreign generations from expected ones by counting: each commit of ours makes exactly one. */
export class GenerationTracker {
  readonly #mentions: readonly string[];
  readonly #onForeign: (what: string) => void;
  #touched = '';
  #expected = 0;

  constructor(family: 'ip' | 'ip6', table: string, onForeign: (what: string) => void) {
    const flag = family === 'ip' ? '-4' : '-6';
    // Chains and rules are written like iptables commands, tables like nft objects.
    this.#mentions = [` ${flag} -t ${table} `, ` table ${table} ${family} `];
    this.#onForeign = onForeign;
  }

  expect(by: 1 | -1): void {
    this.#expected = Math.max(0, this.#expected + by);
  }

  reset(): void {
    this.#touched = '';
    this.#expected = 0;
  }

  line(line: string): void {
    if (!line.startsWith('NEWGEN:')) {
      if (this.#touched === '' && this.#mentions.some((mention) => line.includes(mention))) {
        this.#touched = line.trim().slice(0, 200);
      }
      return;
    }
    const touched = this.#touched;
    this.#touched = '';
    if (touched === '') return;
    if (this.#expected > 0) this.#expected--;
    else this.#onForeign(touched);
  }
}
