// What a relayed connection costs in the userspace mode, next to a direct one.
// Usage: npm run bench -- proxy-userspace [--seconds 3] [--megabytes 2048]
// Needs root: runs in a network namespace of its own, with no way out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const name = 'proxy-userspace';

export async function run(args: string[]): Promise<void> {
  const value = (option: string, fallback: string): string => {
    const at = args.indexOf(`--${option}`);
    return at < 0 ? fallback : (args[at + 1] ?? fallback);
  };
  const child = fileURLToPath(new URL('./proxy-userspace-child.mjs', import.meta.url));
  const command = [process.execPath, child, 'proxy', value('seconds', '3'), value('megabytes', '2048')];
  const { status, stdout, stderr, error } = spawnSync('unshare', ['-n', ...command], {
    encoding: 'utf8',
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(stderr, { cause: error });
  console.table(JSON.parse(stdout.trim().split('\n').at(-1)!));
}
