// Runs one benchmark: `npm run bench -- NAME [its own arguments]`. `bench/NAME.mjs` is run as it is; `bench/NAME.ts`
// exports `name` and `run()`, and is compiled with what it imports (Node 20 does not run TypeScript), as are the
// `bench/NAME-*child.mjs` that it starts as processes of their own.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name] = process.argv.slice(2);
// One per run, so that two benchmarks at once do not remove each other's code.
const out = join(root, `dist/bench-build/${name}-${process.pid}`);
process.on('exit', () => rmSync(out, { recursive: true, force: true }));

if (name === undefined || !/^[\w-]+$/.test(name)) {
  console.error('usage: npm run bench -- NAME [arguments]\nbenchmarks: ' + available().join(', '));
  process.exit(2);
}
if (existsSync(join(root, 'bench', `${name}.mjs`))) {
  const done = spawnSync(process.execPath, [join(root, 'bench', `${name}.mjs`), ...process.argv.slice(3)], {
    stdio: 'inherit',
  });
  process.exit(done.status ?? 1);
}
compile(name);
const bench = await import(pathToFileURL(join(out, 'bench', `${name}.js`)).href);
const cpu = cpus();
console.log(`${bench.name}: ${new Date().toISOString()}`);
console.log(
  `${cpu.length} × ${cpu[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
);
console.log(`command: npm run bench -- ${process.argv.slice(2).join(' ')}`);
await bench.run(process.argv.slice(3));

function available() {
  const files = readdirSync(join(root, 'bench')).filter((file) => /^[\w-]+\.(ts|mjs)$/.test(file));
  return files
    .map((file) => file.replace(/\.\w+$/, ''))
    .filter((file) => file !== 'run' && !file.endsWith('-child'));
}

function compile(bench) {
  mkdirSync(out, { recursive: true });
  const layers = [
    'base',
    'api',
    'storage',
    'apiserver',
    'client',
    'controllers',
    'host',
    'proxy',
    'dns',
    'node',
  ];
  const imports = Object.fromEntries(layers.map((layer) => [`#${layer}`, `./src/${layer}/index.js`]));
  writeFileSync(join(out, 'package.json'), JSON.stringify({ type: 'module', imports }));
  const isChild = (file) => file.startsWith(`${bench}-`) && file.endsWith('-child.mjs');
  const children = readdirSync(join(root, 'bench')).filter(isChild);
  const sources = [
    `bench/${bench}.ts`,
    'src/host/spawn-helper.mjs',
    ...children.map((file) => `bench/${file}`),
  ];
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      rootDir: root,
      outDir: out,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    },
    files: sources.map((file) => join(root, file)),
    include: [],
  };
  writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config));
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(out, 'tsconfig.json')];
  const done = spawnSync(process.execPath, tsc, { encoding: 'utf8' });
  // Type errors are for `npm run typecheck`; here only a missing result matters.
  if (existsSync(join(out, 'bench', `${bench}.js`))) return;
  console.error(done.stdout + done.stderr);
  process.exit(1);
}
