import { check, ProgramError, type Programs, type SpawnedProgram } from './programs.js';
import { withScript } from './script.js';

/** Loading half a million elements takes tens of seconds on a slow machine. */
const LOAD_TIMEOUT_MS = 180_000;

export interface Nft {
  /** What `nft --version` prints; rejects when the program does not run. */
  version(): Promise<string>;
  /** Runs a script as one transaction. Rejects with ProgramError, and then nothing of it has happened. */
  load(lines: Iterable<string>): Promise<void>;
  /** The table's text without set elements; undefined when there is no such table. */
  describeTable(family: string, table: string): Promise<string | undefined>;
  /** Names of all tables as `family name`. */
  tables(): Promise<string[]>;
  /** The text of several objects, each as `kind family table name`, in one reading; those that are gone are left out. */
  listObjects(objects: readonly string[]): Promise<string>;
  /** A map's or set's text with its elements. */
  listElements(family: string, table: string, kind: 'set' | 'map', name: string): Promise<string>;
  /**
   * Reports changes to tables, chains and rules, and every generation, one per line (`xtables-monitor`). Unlike
   * `nft monitor` it keeps no copy of the ruleset: that one takes memory in step with it, and never gets going
   * while it changes. Ends by itself when it cannot keep up.
   */
  monitor(): Promise<SpawnedProgram>;
}

/** The nft program, in the network namespace of the process. */
export function createNft(programs: Programs): Nft {
  const text = (args: string[]) => check(programs, 'nft', args, { maxOutputBytes: 512 * 1024 * 1024 });
  return {
    version: () => text(['--version']),
    load: (lines) => load(programs, lines),
    async describeTable(family, table) {
      const result = await programs.run('nft', ['-t', 'list', 'table', family, table], {
        maxOutputBytes: 256 * 1024 * 1024,
      });
      if (result.code === 0) return result.stdout;
      if (/No such file or directory/.test(result.stderr)) return undefined;
      throw new ProgramError('EXIT', `nft list table: ${result.stderr.trim()}`, result);
    },
    async tables() {
      const lines = (await text(['list', 'tables'])).split('\n');
      return lines
        .filter((line) => line.startsWith('table '))
        .map((line) => line.slice('table '.length).trim());
    },
    listObjects: (objects) => listObjects(programs, objects),
    listElements: (family, table, kind, name) => text(['list', kind, family, table, name]),
    monitor: () =>
      programs.spawn('stdbuf', ['-oL', 'xtables-monitor', '--event'], {
        stdin: 'null',
        stdout: 'pipe',
        stderr: 'null',
      }),
  };
}

async function listObjects(programs: Programs, objects: readonly string[]): Promise<string> {
  const input = objects.map((object) => `list ${object}\n`).join('');
  const options = { maxOutputBytes: 512 * 1024 * 1024 };
  const result = await programs.run('nft', ['-f', '-'], { input, ...options });
  if (result.code === 0) return result.stdout;
  if (!/No such file or directory/.test(result.stderr)) {
    throw new ProgramError('EXIT', `nft list: ${result.stderr.trim()}`, result);
  }
  // One that was deleted meanwhile fails them all: now one by one.
  const texts: string[] = [];
  for (const object of objects) {
    const one = await programs.run('nft', ['-f', '-'], { input: `list ${object}\n`, ...options });
    if (one.code === 0) texts.push(one.stdout);
  }
  return texts.join('');
}

async function load(programs: Programs, lines: Iterable<string>): Promise<void> {
  await withScript(lines, (script) =>
    'input' in script
      ? check(programs, 'nft', ['-f', '-'], script)
      : check(programs, 'nft', ['-f', script.path], { timeoutMs: LOAD_TIMEOUT_MS }),
  );
}
