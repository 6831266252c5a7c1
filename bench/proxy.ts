// How soon a change reaches the kernel, and what connections through it cost, at growing numbers of Services.
// Usage: npm run bench -- proxy [--sizes 10,1000,10000,50000] [--endpoints 10] [--changes 200] [--mode nftables]
// BENCH_PROFILE=DIR writes a CPU profile of the proxy there. Needs root: each size runs in a network namespace of its own, with no way out.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const name = 'proxy';

interface Options {
  sizes: number[];
  endpoints: number;
  changes: number;
  mode: string;
}

export async function run(args: string[]): Promise<void> {
  const options = parseOptions(args);
  const rows = options.sizes.map((size) => ({ services: size, ...measure(size, options) }));
  for (const { services, ...row } of rows) {
    console.log(`\n${services} Services × ${options.endpoints} endpoints (${options.mode})`);
    console.table(row);
  }
}

function measure(size: number, { endpoints, changes, mode }: Options): Record<string, unknown> {
  const child = fileURLToPath(new URL('./proxy-child.mjs', import.meta.url));
  const profile =
    process.env.BENCH_PROFILE === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${process.env.BENCH_PROFILE}`];
  // The young generation is as small as bin/kubesvc makes it.
  const flags = ['--expose-gc', '--max-semi-space-size=4', ...profile];
  const command = [process.execPath, ...flags, child, size, endpoints, changes, mode].map(String);
  const { status, stdout, stderr, error } = spawnSync('unshare', ['-n', ...command], {
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`${size} Services: ${stderr}`, { cause: error });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

function parseOptions(args: string[]): Options {
  const value = (option: string, fallback: string): string => {
    const at = args.indexOf(`--${option}`);
    return at < 0 ? fallback : (args[at + 1] ?? fallback);
  };
  return {
    sizes: value('sizes', '10,1000,10000,50000').split(',').map(Number),
    endpoints: Number(value('endpoints', '10')),
    changes: Number(value('changes', '200')),
    mode: value('mode', 'nftables'),
  };
}
