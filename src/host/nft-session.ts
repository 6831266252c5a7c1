import type { Clock } from '#base';
import type { Nft } from './nft.js';
import { ProgramError, type Programs, type SpawnedProgram } from './programs.js';

/**
 * An nft that stays: a transaction costs a third of a millisecond instead of the start of a process and, when
 * something was deleted, the ten to twenty milliseconds that the kernel makes a closing netlink socket wait for its
 * clean-up. Calls must not overlap.
 */
export interface NftSession {
  /** As `Nft.load`; long scripts get a process of their own. After a failure that is no refusal by nft, such as a killed program, it is unknown whether the script took effect. */
  load(lines: Iterable<string>): Promise<void>;
  /** Ends the process; a later `load` starts another. */
  close(): Promise<void>;
}

/** nft reads its terminal byte by byte. */
const LONGEST_LINE = 16 * 1024;
/** nft remembers every line it was told. */
const LARGEST_SESSION = 4 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** A command that touches nothing and prints one line: the transaction before it is done. */
const MARKER = 'describe string';
const MARKED = /^datatype string .*\n/m;

/**
 * Starts `nft -i` in the network namespace of the process at the first transaction. An nft that was built without its
 * command line, or cannot stay for another reason, is run once per transaction, as `nft.load` does.
 */
export function createNftSession(programs: Programs, nft: Nft, clock: Clock): NftSession {
  return new InteractiveNft(programs, nft, clock);
}

class InteractiveNft implements NftSession {
  readonly #programs: Programs;
  readonly #nft: Nft;
  readonly #clock: Clock;
  #terminal: Terminal | undefined;
  #isUnavailable = false;

  constructor(programs: Programs, nft: Nft, clock: Clock) {
    this.#programs = programs;
    this.#nft = nft;
    this.#clock = clock;
  }

  async load(lines: Iterable<string>): Promise<void> {
    const commands = [...lines];
    if (commands.length === 0) return;
    const script = commands.join('; ');
    const terminal = script.length > LONGEST_LINE ? undefined : await this.#open();
    if (terminal === undefined) return this.#nft.load(commands);
    try {
      const answer = await terminal.ask(script);
      if (/\bError: /.test(answer)) throw new ProgramError('EXIT', `nft -i: ${answer.trim()}`);
      if (terminal.received > LARGEST_SESSION) await this.close();
    } catch (error) {
      // For its report nft may have read whole sets, which it would go on holding.
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const terminal = this.#terminal;
    this.#terminal = undefined;
    await terminal?.close();
  }

  /** The process that stays; undefined when there can be none. */
  async #open(): Promise<Terminal | undefined> {
    if (this.#terminal?.isOpen === true || this.#isUnavailable) return this.#terminal;
    try {
      this.#terminal = new Terminal(await start(this.#programs), this.#clock);
      await this.#terminal.ask('');
    } catch {
      this.#isUnavailable = true;
      await this.close();
    }
    return this.#terminal;
  }
}

function start(programs: Programs): Promise<SpawnedProgram> {
  // In one stream, so that errors come before the marker. Its history would be written to the home directory.
  return programs.spawn('sh', ['-c', 'exec env HOME=/nonexistent stdbuf -oL nft -i 2>&1'], {
    stdin: 'pipe',
    stdout: 'pipe',
  });
}

/** A running nft and what it prints. */
class Terminal {
  readonly #program: SpawnedProgram;
  readonly #clock: Clock;
  #text = '';
  #received = 0;
  #isOpen = true;
  #settle: (error?: Error) => void = () => {};

  constructor(program: SpawnedProgram, clock: Clock) {
    const { stdin, stdout } = program;
    if (stdin === undefined || stdout === undefined) throw new Error('nft has no streams');
    this.#program = program;
    this.#clock = clock;
    stdin.on('error', () => {});
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      if (MARKED.test(this.#text)) this.#settle();
    });
    void program.exited.then(() => {
      this.#isOpen = false;
      this.#settle(new ProgramError('EXIT', `nft -i ended: ${this.#text.trim()}`));
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Characters it was told so far. */
  get received(): number {
    return this.#received;
  }

  /** Runs one line and returns what it printed. */
  async ask(line: string): Promise<string> {
    if (!this.#isOpen) throw new ProgramError('EXIT', 'nft -i has ended');
    const question = `${line}\n${MARKER}\n`;
    this.#text = '';
    this.#received += question.length;
    let cancel = () => {};
    await new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
      const late = () => this.#settle(new ProgramError('ETIMEDOUT', `nft -i: no answer in ${TIMEOUT_MS} ms`));
      cancel = this.#clock.after(TIMEOUT_MS, late);
      this.#program.stdin!.write(question);
    }).finally(() => cancel());
    return this.#text.replace(MARKED, '');
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#program.kill('SIGKILL');
    await this.#program.exited;
  }
}
