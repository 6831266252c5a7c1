import type { SpawnedProgram } from '#host';
import { inNode, type Session } from './session.js';

/** Watches a node's nftables rules as the kernel announces changes to them. */
export class KernelWatch {
  readonly #program: SpawnedProgram;
  readonly #session: Session;
  readonly #node: string;
  readonly #lines: { at: number; text: string }[] = [];
  #changed: () => void = () => {};

  private constructor(program: SpawnedProgram, session: Session, node: string) {
    this.#program = program;
    this.#session = session;
    this.#node = node;
    let rest = '';
    program.stdout!.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = parts.pop() ?? '';
      for (const text of parts) this.#lines.push({ at: performance.now(), text });
      this.#changed();
    });
  }

  static async open(session: Session, node: string): Promise<KernelWatch> {
    const { file, args } = session.inNode(node, ['nft', 'monitor']);
    return new KernelWatch(
      await session.programs.spawn(file, args, { stdout: 'pipe', session: true }),
      session,
      node,
    );
  }

  /** Time of the first change after `since` that matches; rejects after `timeoutMs`. */
  async find(pattern: RegExp, since: number, timeoutMs = 15_000): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const hit = this.#lines.find((l) => l.at >= since && pattern.test(l.text));
      if (hit !== undefined) return hit.at;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`the kernel announced no rule that matches ${pattern}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /**
   * The time at which the node's table first mentioned an address, or stopped mentioning it. The kernel announces every
   * transaction ("new generation"); after each, the table itself is asked.
   */
  async addressIs(state: 'present' | 'absent', ip: string, since: number): Promise<number> {
    const mention = new RegExp(`(^|[^0-9.])${ip.replaceAll('.', '\\.')}([^0-9.]|$)`, 'm');
    for (let from = since; ; ) {
      const at = await this.find(/^# new generation/, from);
      const table = await inNode(this.#session, this.#node, ['nft', 'list', 'table', 'ip', 'kubesvc-proxy']);
      if (mention.test(table) === (state === 'present')) return at;
      from = at + 0.001;
    }
  }

  /** Resolves when the monitor is known to listen: it announces a table that is made and removed for that. */
  async ready(): Promise<void> {
    const name = `kubesvc-demo-${process.pid}`;
    const poke = async () => {
      const { file, args } = this.#session.inNode(this.#node, [
        'nft',
        `add table ip ${name}; delete table ip ${name}`,
      ]);
      await this.#session.programs.run(file, args);
    };
    for (let attempt = 0; attempt < 50; attempt++) {
      await poke();
      const heard = await this.find(new RegExp(name), 0, 100).then(
        () => true,
        () => false,
      );
      if (heard) return;
    }
    throw new Error('nft monitor does not report');
  }

  /** Resolves when no change has been announced for a moment: a transaction's lines come one after the other. */
  async settled(quietMs = 30): Promise<void> {
    for (let seen = -1; seen !== this.#lines.length; ) {
      seen = this.#lines.length;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }

  close(): void {
    this.#program.kill('SIGKILL');
  }
}
