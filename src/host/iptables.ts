import { check, type Programs } from './programs.js';

/** Which kernel interface the iptables programs use; the system's default is whatever `iptables` points to. */
export type IptablesBackend = 'default' | 'nft' | 'legacy';

export interface Iptables {
  /** What `iptables-restore --version` prints; rejects when the program does not run. */
  version(): Promise<string>;
  /** `iptables-save` of one table. */
  save(table: string): Promise<string>;
  /** Runs `iptables-restore --noflush`: each table in the text changes atomically. */
  restore(text: string): Promise<void>;
}

/** Seconds to wait for the lock that iptables programs share. */
const LOCK_WAIT_S = 30;
const MAX_BYTES = 256 * 1024 * 1024;

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
    async restore(text) {
      const args = ['-w', String(LOCK_WAIT_S), '--noflush'];
      await check(programs, `${name}-restore`, args, { input: text, timeoutMs: 180_000 });
    },
  };
}
