// How soon a change reaches the kernel, and what connections through it cost, at growing numbers of Services.
// Usage: node bench/proxy.mjs [--sizes 10,1000,10000] [--endpoints 10] [--changes 200]
// Needs root (each size runs in a network namespace of its own, with no way out) and a built dist/.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const options = parseOptions(process.argv.slice(2));
const child = fileURLToPath(new URL('./proxy-child.mjs', import.meta.url));
const rows = [];
for (const size of options.sizes) {
  const args = [
    '-n',
    process.execPath,
    '--expose-gc',
    child,
    String(size),
    String(options.endpoints),
    String(options.changes),
  ];
  const result = spawnSync('unshare', args, { encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 26 });
  if (result.status !== 0) {
    process.stderr.write(result.stderr);
    process.exit(1);
  }
  rows.push({ services: size, ...JSON.parse(result.stdout.trim().split('\n').at(-1)) });
}
console.table(rows, Object.keys(rows[0]));

function parseOptions(args) {
  const value = (name, fallback) => {
    const at = args.indexOf(`--${name}`);
    return at < 0 ? fallback : args[at + 1];
  };
  return {
    sizes: value('sizes', '10,1000,10000').split(',').map(Number),
    endpoints: Number(value('endpoints', '10')),
    changes: Number(value('changes', '200')),
  };
}
