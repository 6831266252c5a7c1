import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything of the host that a cluster must leave alone. */
export function hostSnapshot(): Record<string, string> {
  const read = (file: string, args: string[]) => spawnSync(file, args, { encoding: 'utf8' }).stdout ?? '';
  return {
    nft: read('nft', ['list', 'ruleset']),
    links: read('ip', ['-o', 'link']).replace(/ (state|mode|group|qlen) \S+/g, ''),
    addresses: read('ip', ['-o', 'addr']).replace(/valid_lft \S+ preferred_lft \S+/g, ''),
    routes: read('ip', ['route', 'show', 'table', 'all']),
    namespaces: read('ip', ['netns']),
    sysctls: sysctls('/proc/sys/net'),
  };
}

/** Values that the kernel itself changes (counters, caches) are left out. */
function sysctls(directory: string): string {
  const out: string[] = [];
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (/nf_conntrack_(count|dropwait)|stat|random|hostname/.test(entry)) continue;
    try {
      out.push(`${entry}=${readFileSync(join(directory, entry), 'utf8').trim()}`);
    } catch {
      // Directories and write-only values.
    }
  }
  return out.sort().join('\n');
}

/** Undefined: these tests run inside namespaces that other tests made (`inNamespaces`), which are theirs to change. */
let before: Record<string, string> | undefined;

/** Vitest calls it before the first integration test. */
export function setup(): void {
  if (process.env['KUBESVC_TEST_NAMESPACES'] === undefined) before = hostSnapshot();
}

/**
 * Fails the run when tests have changed the root namespace's rules, routes or settings. Names that appear are
 * let be: the kernel loads modules, and other programs of the machine may come and go.
 */
export function teardown(): void {
  if (before === undefined) return;
  const after = hostSnapshot();
  const lost = Object.entries(before).flatMap(([what, text]) => {
    const now = new Set(after[what]!.split('\n'));
    return text.split('\n').flatMap((line) => (now.has(line) ? [] : [`${what}: ${line}`]));
  });
  const rules = before['nft'] === '' && after['nft'] !== '' ? [`nft: ${after['nft']}`] : [];
  const changes = [...lost, ...rules];
  if (changes.length === 0) return;
  // Vitest prints what a teardown throws, and ends as if nothing had happened.
  process.exitCode = 1;
  throw new Error(`tests changed the root namespace; before them it had\n${changes.join('\n')}`);
}
