import { check, ProgramError, type Programs } from './programs.js';
import { withScript } from './script.js';

/** Which kernel interface the iptables programs use; the system's default is whatever `iptables` points to. */
export type IptablesBackend = 'default' | 'nft' | 'legacy';

export interface Iptables {
  /** What `iptables-restore --version` prints; rejects when the program does not run. */
  version(): Promise<string>;
  /** `iptables-save` of one table. */
  save(table: string): Promise<string>;
  /** The same with the packets and bytes that each rule has seen, as `[packets:bytes] -A …`. */
  saveCounted(table: string): Promise<string>;
  /** Rules of one chain as `iptables -S` prints them, with packet counts (`-c PACKETS BYTES`); undefined without the chain. */
  rules(table: string, chain: string): Promise<string[] | undefined>;
  /** Runs `iptables-restore --noflush`: each table in the text (or lines) changes atomically. */
  restore(text: string | Iterable<string>): Promise<void>;
}

/** Seconds to wait for the lock that iptables programs share. */
const LOCK_WAIT_S = 30;
const MAX_BYTES = 256 * 1024 * 1024;
const RESTORE_TIMEOUT_MS = 180_000;

/** The iptables (or ip6tables) programs, in the network namespace of the process. */
export function createIptables(
  programs: Programs,
  family: 'ipv4' | 'ipv6',
  backend: IptablesBackend = 'default',
): Iptables {
  const prefix = family === 'ipv4' ? 'iptables' : 'ip6tables';
  const name = backend === 'default' ? prefix : `${prefix}-${backend}`;
  return {
    version: () => check(programs, `${name}-restore`, ['--version']),
    save: (table) => check(programs, `${name}-save`, ['-t', table], { maxOutputBytes: MAX_BYTES }),
    saveCounted: (table) =>
      check(programs, `${name}-save`, ['-c', '-t', table], { maxOutputBytes: MAX_BYTES }),
    async rules(table, chain) {
      const args = ['-w', String(LOCK_WAIT_S), '-t', table, '-v', '-S', chain];
      const result = await programs.run(name, args, { maxOutputBytes: MAX_BYTES });
      if (result.code === 0) return result.stdout.split('\n').filter((line) => line.startsWith('-A '));
      if (/No chain|does not exist|incompatible|No such file/i.test(result.stderr)) return undefined;
      throw new ProgramError('EXIT', `${name} ${args.join(' ')}: ${result.stderr.trim()}`, result);
    },
    async restore(text) {
      const args = ['-w', String(LOCK_WAIT_S), '--noflush'];
      const lines = typeof text === 'string' ? text.trimEnd().split('\n') : text;
      await withScript(lines, (script) =>
        'input' in script
          ? check(programs, `${name}-restore`, args, { ...script, timeoutMs: RESTORE_TIMEOUT_MS })
          : check(programs, `${name}-restore`, [...args, script.path], { timeoutMs: RESTORE_TIMEOUT_MS }),
      );
    },
  };
}
