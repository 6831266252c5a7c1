import { createInterface } from 'node:readline';
import type { Nft } from '#host';

export interface TableWatch {
  /** Our own commit is about to run: the next generation that touches the table is ours. */
  expectCommit(): void;
  /** It did not happen. */
  commitFailed(): void;
  stop(): Promise<void>;
}

/**
 * Watches the kernel's rule events for changes to our table that we did not make (`nft monitor` ends every
 * transaction with a generation line). Every commit of ours touches the table in exactly one generation, so each
 * touched generation beyond the expected ones is somebody else's. Also reports when the monitor itself ends,
 * since changes may have gone unseen.
 *
 * @param table `ip kubesvc-proxy`
 */
export async function watchTable(
  nft: Nft,
  table: string,
  onChange: (what: string) => void,
): Promise<TableWatch> {
  const tracker = new GenerationTracker(table, onChange);
  const program = await nft.monitor();
  const lines = createInterface({ input: program.stdout! });
  lines.on('line', (line) => tracker.line(line));
  let stopped = false;
  void program.exited.then(() => {
    if (!stopped) onChange('nft monitor ended');
  });
  return {
    expectCommit: () => tracker.expect(1),
    commitFailed: () => tracker.expect(-1),
    async stop() {
      stopped = true;
      program.kill('SIGKILL');
      await program.exited;
    },
  };
}

/** Tells foreign generations from expected ones by counting. */
export class GenerationTracker {
  readonly #mention: string;
  readonly #onForeign: (what: string) => void;
  #touched = '';
  #expected = 0;

  constructor(table: string, onForeign: (what: string) => void) {
    this.#mention = ` ${table}`;
    this.#onForeign = onForeign;
  }

  expect(by: 1 | -1): void {
    this.#expected = Math.max(0, this.#expected + by);
  }

  line(line: string): void {
    if (!line.startsWith('# new generation')) {
      if (this.#touched === '' && this.#mentions(line)) this.#touched = line.slice(0, 200);
      return;
    }
    const touched = this.#touched;
    this.#touched = '';
    if (touched === '') return;
    if (this.#expected > 0) this.#expected--;
    else this.#onForeign(touched);
  }

  #mentions(line: string): boolean {
    const at = line.indexOf(this.#mention);
    if (at < 0) return false;
    const next = line[at + this.#mention.length];
    return next === undefined || next === ' ';
  }
}
