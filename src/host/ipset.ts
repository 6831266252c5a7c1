import { check, type Programs } from './programs.js';

/** A set as `ipset save` prints it. */
export interface SavedIpset {
  readonly type: string;
  readonly entries: Set<string>;
}

export interface Ipset {
  /** What `ipset --version` prints; rejects when the program does not run. */
  version(): Promise<string>;
  /** Every set of the network namespace, by name. */
  save(): Promise<Map<string, SavedIpset>>;
  /** How many entries each set has. */
  sizes(): Promise<Map<string, number>>;
  /** Runs commands in order, ends at the first that fails; adding what is there and deleting what is not succeed. */
  restore(commands: readonly string[]): Promise<void>;
}

const MAX_BYTES = 512 * 1024 * 1024;
const LOAD_TIMEOUT_MS = 180_000;

/** The ipset program, in the network namespace of the process. */
export function createIpset(programs: Programs): Ipset {
  return {
    version: () => check(programs, 'ipset', ['--version']),
    save: async () => parseIpsets(await check(programs, 'ipset', ['save'], { maxOutputBytes: MAX_BYTES })),
    async sizes() {
      const text = await check(programs, 'ipset', ['list', '-terse']);
      const found = text.matchAll(/^Name: (\S+)$[\s\S]*?^Number of entries: (\d+)$/gm);
      return new Map([...found].map(([, name, size]) => [name!, Number(size)]));
    },
    async restore(commands) {
      if (commands.length === 0) return;
      const input = `${commands.join('\n')}\n`;
      await check(programs, 'ipset', ['restore', '-exist'], { input, timeoutMs: LOAD_TIMEOUT_MS });
    },
  };
}

/** Reads `ipset save`. */
export function parseIpsets(text: string): Map<string, SavedIpset> {
  const sets = new Map<string, SavedIpset>();
  for (const line of text.split('\n')) {
    const [command, name, what] = line.split(' ');
    if (command === 'create') sets.set(name!, { type: what!, entries: new Set() });
    else if (command === 'add') sets.get(name!)?.entries.add(what!);
  }
  return sets;
}
